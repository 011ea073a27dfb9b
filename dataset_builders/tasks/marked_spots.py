"""Marks on objects as spots, so that a question can compare what it points at without naming it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.question import REGION_COLOURS, Region
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled
from dataset_builders.tasks.pointing import PHRASES, Shown, kinds, region
from dataset_builders.tasks.spots import Spot, object_spot, point_spot


@dataclass(frozen=True)
class Marked:
    """Objects that are all marked in one way.

    Attributes:
        kind: `point`, `bbox` or `mask`; it is also the prompt type.
        spots: What is compared: of a point itself, else of the object.
        regions: The marks, in the same order, each in a colour of its own.
    """

    kind: str
    spots: tuple[Spot, ...]
    regions: tuple[Region, ...]


def draw_marked(
    scene: Scene, shown: Sequence[Shown], rng: np.random.Generator, allowed: Sequence[str] = tuple(PHRASES)
) -> Marked | None:
    """Mark up to four objects in a way that is drawn at random; None where no allowed one suits all of them."""
    able = [kind for kind in kinds(scene, shown) if kind in allowed]
    if not able:
        return None
    kind, colours = pick(rng, able), list(shuffled(rng, REGION_COLOURS))[: len(shown)]
    pairs = list(zip(shown, colours, strict=True))
    return Marked(
        kind,
        tuple(_spot(scene, one, kind, colour) for one, colour in pairs),
        tuple(region(scene, one, kind, colour) for one, colour in pairs),
    )


def _spot(scene: Scene, one: Shown, kind: str, colour: str) -> Spot:
    frame = scene.frames[one.frame_index]
    if kind == "point":
        return point_spot(colour, one.seen.point, frame)
    return object_spot(colour, f"the object {PHRASES[kind].format(colour)}", one.seen, frame)
