"""Comparisons of spots of one frame: which is further left, higher or nearer, and is that clear?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dataset_builders.tasks.spots import Spot

LEAST_SEPARATION = 0.08
"""Of the frame's width or height: two places closer than this are not clearly apart."""
LEAST_DEPTH_RATIO = 0.05
"""Of the larger depth: two depths closer than this are not clearly different (OpenSpatial)."""


@dataclass(frozen=True)
class Relation:
    """A comparison that exactly one of several spots wins.

    Attributes:
        word: `"further left"`.
        key: Quantity that is compared.
        largest: Whether the largest wins, else the smallest.
        axis: `x`, `y` or `depth`.
    """

    word: str
    key: Callable[[Spot], float]
    largest: bool
    axis: str


RELATIONS = {
    relation.word: relation
    for relation in (
        Relation("further left", lambda spot: spot.x, False, "x"),
        Relation("further right", lambda spot: spot.x, True, "x"),
        Relation("higher", lambda spot: spot.y, False, "y"),
        Relation("lower", lambda spot: spot.y, True, "y"),
        Relation("nearer", lambda spot: spot.depth, False, "depth"),
        Relation("farther", lambda spot: spot.depth, True, "depth"),
    )
}

AXES = [[one for one in RELATIONS.values() if one.axis == axis] for axis in ("x", "y", "depth")]
"""The two opposite relations of each axis, of which a question draws one."""


def winner(relation: Relation, spots: Sequence[Spot]) -> Spot:
    """Decide which spot is the one further left, higher, nearer and so on."""
    return (max if relation.largest else min)(spots, key=relation.key)


def are_separate(spots: Sequence[Spot]) -> bool:
    """Tell whether the spots lie at clearly different places of the frame."""
    gaps = [max(abs(a.x - b.x), abs(a.y - b.y)) for a, b in combinations(spots, 2)]
    return min(gaps) >= LEAST_SEPARATION


def room_to_spare(relation: Relation, spots: Sequence[Spot], margin: float) -> float:
    """Return by how much the closest two spots differ more than they must; negative where they are ambiguous.

    In the image both edges of one spot must lie beyond those of the other, in the order of their centres. In depth
    the order along the optical axis must be that of the distances from the camera, so that "nearer" has one meaning.

    Args:
        relation: What is compared.
        spots: At least two.
        margin: The scale's margin, metres.

    Returns:
        A share of the frame for x and y, metres for depth.
    """
    return min(_spare(relation.axis, *sorted(pair, key=relation.key), margin) for pair in combinations(spots, 2))


def _spare(axis: str, first: Spot, second: Spot, margin: float) -> float:
    """Room to spare of two spots of which the first has the smaller quantity."""
    if axis == "depth":
        ordered = first.distance < second.distance
        spare = second.depth - first.depth - max(margin, LEAST_DEPTH_RATIO * second.depth)
    else:
        low, high = ("x", "y").index(axis), ("x", "y").index(axis) + 2
        ordered = first.box[low] < second.box[low] and first.box[high] < second.box[high]
        spare = getattr(second, axis) - getattr(first, axis) - LEAST_SEPARATION
    return spare if ordered else -np.inf
