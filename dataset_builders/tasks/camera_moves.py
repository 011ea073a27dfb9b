"""The moves of the camera that a scene offers to be asked about, and the options of a question that names one.

A move is asked about as it was made, from the earlier frame to the later one, or, as often, back, which is exactly the
opposite. So no direction is more likely than its opposite, although most clips move forward.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.frame_pairs import FramePair, end_pair, pointed_pairs
from dataset_builders.tasks.motion import (
    SIDES,
    TRANSLATIONS,
    TURNS,
    Heading,
    Motion,
    Signs,
    camera_motions,
    degrees,
)
from dataset_builders.tasks.wording import Measure, tidy

AXES = ("sideways", "vertical", "ahead")
"""Slots of the templates for the parts of a translation, as `TURNS` are for those of a rotation."""


@dataclass(frozen=True)
class Move:
    """The motion of the camera between two frames and the way in which it is asked about.

    Attributes:
        pair: The frames.
        motion: From the early to the late one, in the axes of the early camera.
        way: 1 if asked from the early frame to the late one, -1 if back.
    """

    pair: FramePair
    motion: Motion
    way: int

    def turn_words(self) -> dict[str, str]:
        """Say how far and to which side the camera pans, tilts and rolls."""
        parts = zip(TURNS, (self.way * self.motion.turn).tolist(), SIDES, strict=True)
        return {turn: f"{degrees(part)} {sides[part < 0]}" for turn, part, sides in parts}

    def travel_words(self, measure: Measure) -> dict[str, str]:
        """Say how far and which way the camera moves along each axis."""
        parts = zip(AXES, (self.way * self.motion.travel).tolist(), TRANSLATIONS, strict=True)
        return {axis: f"{measure.text(abs(part))} {names[part < 0]}" for axis, part, names in parts}

    def turned(self) -> dict:
        """Record the rotation."""
        return {"pan_tilt_roll_deg": [tidy(angle) for angle in self.motion.turn], "way": self.way}

    def travelled(self) -> dict:
        """Record the translation."""
        return {"right_up_forward_m": [tidy(part) for part in self.motion.travel], "way": self.way}

    def fact(self, words: dict[str, str], **fields) -> Fact:
        """Make a fact of what all questions about a move share and of what one of them adds."""
        return Fact(
            task="view_change_inference",
            prompt_type=self.pair.prompt_type,
            regions=self.pair.regions,
            key_frames=(self.pair.early, self.pair.late),
            words={**self.pair.travel_words(self.way), "reference": self.pair.names[0], **words},
            **fields,
        )


def moves(scene: Scene, rng: np.random.Generator) -> list[Move]:
    """List the move between the first and last frame, then moves between marked frames in random order."""
    ends = end_pair(scene)
    if ends is None:
        return []
    pairs = [ends, *pointed_pairs(scene, rng)]
    motions = camera_motions([frame.camera for frame in scene.frames], [(pair.early, pair.late) for pair in pairs])
    ways = rng.choice([1, -1], len(pairs)).tolist()
    return [Move(pair, motion, way) for pair, motion, way in zip(pairs, motions, ways, strict=True)]


def with_options(
    headed: Iterable[tuple[Move, Heading]], mirrored: Signs, rng: np.random.Generator
) -> Iterator[tuple[Move, Heading, tuple[Signs, ...]]]:
    """Give every move options, so that none is more likely than another; unmarked frames first, then random order.

    The options are the move's heading, its mirror image, and the opposites of both: a camera goes left as often as
    right, and each move is asked about as made or back. Where the image is the heading or its opposite, two moves that
    differ in more than their sign, with equally many names, both get both headings and their opposites, so that each
    of these four is right equally often. What is left has two options, its heading and the opposite.

    Args:
        headed: Moves and their headings.
        mirrored: Per axis, -1 if a mirror that swaps left and right turns it round, else 1.
        rng: Orders them.
    """
    given, waiting = [], {}
    for move, found in shuffled(rng, headed):
        own = _both_ways(found.signs)
        image = tuple(sign * flip for sign, flip in zip(found.signs, mirrored, strict=True))
        # Those that wait differ in their sign at most, or they would have become partners.
        alike = waiting.setdefault(np.count_nonzero(found.signs), [])
        if image not in own:
            given.append((move, found, own + _both_ways(image)))
        elif not move.pair.regions:
            given.append((move, found, own))
        elif alike and alike[-1][1].signs not in own:
            partner, other, rival = alike.pop()
            given += [(move, found, own + rival), (partner, other, rival + own)]
        else:
            alike.append((move, found, own))
    given = list(shuffled(rng, given + [rest for alike in waiting.values() for rest in alike]))
    yield from sorted(given, key=lambda one: bool(one[0].pair.regions))


def _both_ways(signs: Signs) -> tuple[Signs, Signs]:
    return signs, tuple(-sign for sign in signs)


Ask = Callable[[Scene, Move], Fact | None]


def ask_each(scene: Scene, rng: np.random.Generator, ways_to_ask: list[Ask]) -> Iterator[Fact]:
    """Ask about every move in every way that gives a fact; unmarked and marked frames, and the ways, take turns."""
    found = moves(scene, rng)
    yield from take_turns(_in_turns(ways_to_ask, scene, group, rng) for group in (found[:1], found[1:]))


def _in_turns(ways_to_ask: list[Ask], scene: Scene, group: list[Move], rng: np.random.Generator) -> Iterator[Fact]:
    yield from take_turns(_asked(ask, scene, group, rng) for ask in shuffled(rng, ways_to_ask))


def _asked(ask: Ask, scene: Scene, group: list[Move], rng: np.random.Generator) -> Iterator[Fact]:
    yield from filter(None, (ask(scene, move) for move in shuffled(rng, group)))
