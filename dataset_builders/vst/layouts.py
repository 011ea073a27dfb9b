"""How one thing lies to another, in words, as seen from a camera.

Right and ahead are level: the way in which the camera looks is ahead, and of a camera that looks straight down, what
its image has at the top.
"""

from collections.abc import Iterator

import numpy as np
from shapely import MultiPoint, Point

from dataset_builders.geometry import Boxes
from dataset_builders.scene import SceneObject
from dataset_builders.vst.glimpses import Glimpse

SHARE = 0.5
"""Of the level distance between two middles: a part beyond it is told, so that of two parts one is always told."""
CLEAR = 0.9
"""Of the height that lets one thing stand on another; boxes overlap a little where things touch."""


def sides(
    one: SceneObject, other: SceneObject, turn: np.ndarray, seen: tuple[Glimpse | None, Glimpse | None] = (None, None)
) -> list[str]:
    """Tell where one thing is from another.

    Args:
        one: What is placed.
        other: What it is placed by.
        turn: (3, 3), takes the way in which the camera looks to +Y; see `turn_ahead`.
        seen: Both as the camera's image shows them. What it shows the other way round, through perspective or since it
            shows but a part, is not told.

    Returns:
        One or two phrases that go before the name of the other thing.

    >>> places = [np.zeros(3), np.array([2.0, 0.2, 0]), np.array([-2.0, 2, 0]), np.array([0.1, 0, 3])]
    >>> box, *others = [SceneObject(1, "box", place, np.ones(3), np.eye(3)) for place in places]
    >>> [sides(item, box, np.eye(3)) for item in others]
    [['to the right of'], ['to the left of', 'behind'], ['above']]
    """
    way = turn @ (one.center - other.center)
    if _within(one, other) or _within(other, one):
        apart = CLEAR * (_height(one) + _height(other)) / 2
        return ["above" if way[2] >= apart else "below" if -way[2] >= apart else "close to"]
    return list(_level_sides(way, *seen)) or ["some way from"]


def _level_sides(way: np.ndarray, here: Glimpse | None, there: Glimpse | None) -> Iterator[str]:
    known = here is not None and there is not None
    across, depth = (here.column - there.column, here.depth - there.depth) if known else (0, 0)
    least = SHARE * np.hypot(*way[:2])
    if abs(way[0]) > least and across * way[0] >= 0:
        yield "to the right of" if way[0] > 0 else "to the left of"
    if abs(way[1]) > least and depth * way[1] >= 0:
        yield "behind" if way[1] > 0 else "in front of"


def _within(one: SceneObject, other: SceneObject) -> bool:
    """Tell whether the middle of a thing lies over or under another one."""
    ground = Boxes.of([other]).corners()[0, :, :2]
    return bool(MultiPoint(ground).convex_hull.covers(Point(one.center[:2])))


def _height(item: SceneObject) -> float:
    return float(np.ptp(Boxes.of([item]).corners()[0, :, 2]))
