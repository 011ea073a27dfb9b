"""Pairs of frames that a question compares, and how it calls them.

Evaluation samples frames, so words can only tell the first and the last one; other frames are told by a mark that is
drawn on them, and marked frames are always among those sampled.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np

from dataset_builders.question import REGION_COLOURS, Region
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns

Item = TypeVar("Item")
MOST_PAIRS = 24
"""Pairs of marked frames that are tried in a scene, drawn at random, so that a long video stays cheap."""


@dataclass(frozen=True)
class FramePair:
    """Two frames and their names.

    Attributes:
        early: Index into `Scene.frames`.
        late: Index, larger.
        names: How a question calls the early and the late one, after "the".
        regions: Marks that tell the frames; none for the first and last frame of the scene.
    """

    early: int
    late: int
    names: tuple[str, str]
    regions: tuple[Region, ...] = ()

    @property
    def prompt_type(self) -> str:
        """How the frames are told."""
        return "point" if self.regions else "text"

    def travel_words(self, way: int) -> dict[str, str]:
        """Name where a movement starts and ends: from the early frame to the late one if `way` is 1, back if -1."""
        start, end = self.names[::way]
        return {"start": start, "end": end}


def end_pair(scene: Scene) -> FramePair | None:
    """Return the first and the last frame; None for a single frame."""
    last = len(scene.frames) - 1
    return FramePair(0, last, ("first frame", "last frame")) if last > 0 else None


def over_pairs(scene: Scene, rng: np.random.Generator, ask: Callable[[FramePair], Iterator[Item]]) -> Iterator[Item]:
    """Ask about pairs of frames in which objects are to be marked: in turn about the ends and about all others."""
    ends = end_pair(scene)
    if ends is not None:
        names = ("earlier marked frame", "later marked frame")
        others = (FramePair(early, late, names) for early, late in _others(scene, rng))
        yield from take_turns([ask(ends), take_turns(map(ask, others))])


def pointed_pairs(scene: Scene, rng: np.random.Generator) -> Iterator[FramePair]:
    """Yield pairs of frames, each told by a coloured point in the middle of its picture, in random order."""
    for early, late in _others(scene, rng):
        colours = list(shuffled(rng, REGION_COLOURS))[:2]
        regions = (_middle(scene, early, colours[0]), _middle(scene, late, colours[1]))
        yield FramePair(early, late, tuple(f"frame with the {colour} point" for colour in colours), regions)


def _others(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Draw pairs other than that of the first and last frame."""
    rows, columns = np.triu_indices(len(scene.frames), 1)
    inner = np.flatnonzero(columns - rows < len(scene.frames) - 1)
    for index in islice(shuffled(rng, inner), MOST_PAIRS):
        yield int(rows[index]), int(columns[index])


def _middle(scene: Scene, index: int, colour: str) -> Region:
    camera = scene.frames[index].camera
    return Region(index, "point", colour, point=((camera.width - 1) / 2, (camera.height - 1) / 2))
