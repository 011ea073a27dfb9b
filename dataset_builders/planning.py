"""Motions of one box between others: an exact collision test, and a way round by RRT-Connect.

A box that is carried without being turned meets another where its centre lies in the Minkowski sum of the two boxes
about the centre of the other. That sum is the intersection of at most 15 slabs, normal to the directions of the
separating axis theorem, so a straight motion is tested by clipping a segment: exact, with no samples along the way.

OMPL has RRT-Connect too, but seeds one generator per process, so that a path would depend on those planned before it,
and tests motions at samples only.

Legend: O obstacles, S motions, V vertices of a path. Metres, world.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dataset_builders.geometry import Boxes, box_distances

# Below this sine two edges are parallel and span no separating direction of their own.
PARALLEL = 1e-9
PIECES = 4
"""Into how many pieces a leg is cut before corners are cut."""
THIRDS, TERNARY_STEPS = np.array([[1 / 3], [2 / 3]]), 40

IsFree = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(S, 3) starts and (S, 3) ends of straight motions → (S,) whether each meets nothing."""


@dataclass(frozen=True)
class Blocks:
    """Where the centre of a moving box cannot be: one intersection of slabs per obstacle.

    Attributes:
        centers: (O, 3) metres.
        normals: (O, 15, 3) unit normals of the slabs; zero where two edges are parallel and there is no slab.
        reaches: (O, 15) metres, half the thickness of the slabs; infinite where there is none.
    """

    centers: np.ndarray
    normals: np.ndarray
    reaches: np.ndarray

    @classmethod
    def around(cls, obstacles: Boxes, mover: Boxes) -> "Blocks":
        """Grow obstacles by the shape of a box, or each by one of as many boxes.

        >>> cube = Boxes(np.zeros((1, 3)), np.full((1, 3), 0.5), np.eye(3)[None])
        >>> Blocks.around(cube, cube).depths(np.array([[0.0, 0, 0], [0, 0, 0.9], [3, 0, 0]])).round(6).ravel().tolist()
        [1.0, 0.1, -2.0]
        """
        own = np.broadcast_to(mover.axes, obstacles.axes.shape)
        crossed = np.cross(obstacles.axes[:, :, None], own[:, None]).reshape(-1, 9, 3)
        sine = np.linalg.norm(crossed, axis=-1, keepdims=True)
        crossed = np.where(sine > PARALLEL, crossed / np.maximum(sine, PARALLEL), 0.0)
        normals = np.concatenate([obstacles.axes, own, crossed], axis=1)
        reaches = sum(
            (np.abs(normals @ axes.swapaxes(1, 2)) @ halves[..., None])[..., 0]
            for axes, halves in ((obstacles.axes, obstacles.halves), (own, mover.halves))
        )
        return cls(obstacles.centers, normals, np.where(normals.any(-1), reaches, np.inf))

    def depths(self, points: np.ndarray) -> np.ndarray:
        """Return, (P, O) metres, how deep the mover at (P, 3) is in each obstacle.

        That is the shortest move that frees it. Negative where the two are apart: then at least that far.
        """
        offsets = (self.normals @ (points[:, None] - self.centers)[..., None])[..., 0]
        return (self.reaches - np.abs(offsets)).min(-1)

    def deepest(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return, (O,) metres, the largest of `depths` on a straight motion from (3,) to (3,).

        The depth is a minimum of concave functions of time and so concave itself: a ternary search finds its maximum.
        """
        first = (self.normals @ (start - self.centers)[..., None])[..., 0]
        speed = self.normals @ (end - start)
        low, high = np.zeros(len(self.centers)), np.ones(len(self.centers))
        for _ in range(TERNARY_STEPS):
            times = low + (high - low) * THIRDS
            early, late = (self.reaches - np.abs(first + times[..., None] * speed)).min(-1)
            low, high = np.where(early < late, times[0], low), np.where(early < late, high, times[1])
        return (self.reaches - np.abs(first + low[:, None] * speed)).min(-1)

    def contacts(self, starts: np.ndarray, ends: np.ndarray, margin: float) -> np.ndarray:
        """Return when straight motions first come near to, or deep into, each obstacle.

        Args:
            starts: (S, 3).
            ends: (S, 3).
            margin: Metres. Positive: a motion without contact keeps at least this distance. Negative: one with contact
                goes at least this deep.

        Returns:
            (S, O), 0 at the start to 1 at the end, infinite without contact.
        """
        slabs, middles = self._slabs
        offsets, speeds = starts @ slabs - middles, (ends - starts) @ slabs
        reaches = (self.reaches + margin).ravel()
        still = np.abs(speeds) < PARALLEL
        # Along a slab a motion is in it from start to end or never.
        never = np.where(np.abs(offsets) <= reaches, -np.inf, np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            middle, half = -offsets / speeds, reaches / np.abs(speeds)
            enter, leave = np.where(still, never, middle - half), np.where(still, np.inf, middle + half)
        enter, leave = (times.reshape(-1, *self.reaches.shape) for times in (enter, leave))
        enter, leave = enter.max(-1, initial=0.0), leave.min(-1, initial=1.0)
        return np.where(enter <= leave, enter, np.inf)

    def first_hit(self, path: np.ndarray, margin: float) -> int | None:
        """Return the obstacle that a path, (V, 3), first comes near to or deep into (see `contacts`); None if none."""
        times = self.contacts(path[:-1], path[1:], margin)
        legs = np.flatnonzero(np.isfinite(times).any(1))
        return int(times[legs[0]].argmin()) if len(legs) else None

    @cached_property
    def _slabs(self) -> tuple[np.ndarray, np.ndarray]:
        """Normals, (3, 15 O), and the positions of the middle planes along them, (15 O,) metres."""
        return self.normals.reshape(-1, 3).T, (self.normals @ self.centers[..., None]).ravel()

    def free(self, margin: float) -> IsFree:
        """Return the test whether motions keep `margin` metres to every obstacle."""
        return lambda starts, ends: ~np.isfinite(self.contacts(starts, ends, margin)).any(1)


def overlaps(first: Boxes, second: Boxes) -> np.ndarray:
    """Return, (N,) metres, how deep the two boxes of each pair are in each other; negative: at least that far apart.

    >>> centers, axes = np.array([[0.0, 0, 0], [0.9, 0, 0], [3, 0, 0]]), np.tile(np.eye(3), (3, 1, 1))
    >>> cubes = Boxes(centers, np.full((3, 3), 0.5), axes)
    >>> overlaps(cubes[[0, 0]], cubes[[1, 2]]).round(6).tolist()
    [0.1, -2.0]
    """
    pairs = Blocks.around(second, first)
    offsets = (pairs.normals @ (first.centers - second.centers)[..., None])[..., 0]
    return (pairs.reaches - np.abs(offsets)).min(1, initial=np.inf)


def rrt_connect(
    start: np.ndarray, goal: np.ndarray, is_free: IsFree, samples: Iterable[np.ndarray], step: float
) -> np.ndarray | None:
    """Find a way by growing two trees towards each other (RRT-Connect, Kuffner and LaValle 2000).

    Args:
        start: (3,).
        goal: (3,).
        is_free: Tests motions.
        samples: Points (3,) of a convex region, to grow towards; as many as tries are allowed.
        step: Metres that a tree grows at a time.

    Returns:
        (V, 3), from start to goal, or None where none was found.
    """
    if is_free(start[None], goal[None])[0]:
        return np.stack([start, goal])
    trees = _Tree(start), _Tree(goal)
    for turn, sample in enumerate(samples):
        grown, other = trees[turn % 2], trees[1 - turn % 2]
        tip, _ = grown.grow(sample, is_free, step, most=1)
        met, reached = other.grow(grown.points[tip], is_free, step)
        if reached:
            halves = [tree.way_to_root(end) for tree, end in ((grown, tip), (other, met))]
            first, second = halves if turn % 2 == 0 else halves[::-1]
            return np.array([*first[::-1], *second[1:]])
    return None


class _Tree:
    def __init__(self, root: np.ndarray):
        self.points, self.parents = [root], [-1]

    def grow(self, target: np.ndarray, is_free: IsFree, step: float, most: int | None = None) -> tuple[int, bool]:
        """Go from the nearest point towards `target` while the way is free; return where that ends, and if there."""
        near = int(((np.array(self.points) - target) ** 2).sum(1).argmin())
        way = target - self.points[near]
        length = float(np.linalg.norm(way))
        if length < PARALLEL:
            return near, True
        shares = np.minimum(step / length * np.arange(1, int(np.ceil(length / step)) + 1), 1.0)[:most]
        stations = self.points[near] + shares[:, None] * way
        free = is_free(np.concatenate([self.points[near][None], stations[:-1]]), stations)
        count = len(free) if free.all() else int(free.argmin())
        for station in stations[:count]:
            self.parents.append(near)
            self.points.append(station)
            near = len(self.points) - 1
        return near, bool(count == len(free) and shares[-1] == 1.0)

    def way_to_root(self, index: int) -> list[np.ndarray]:
        way = []
        while index >= 0:
            way.append(self.points[index])
            index = self.parents[index]
        return way


def shorten(path: np.ndarray, is_free: IsFree) -> np.ndarray:
    """Cut corners: the shortest way, (V, 3), over points of the path, (V, 3), that straight free motions join.

    >>> corner = np.array([[0.0, 0, 0], [0, 1, 0], [1, 1, 0]])
    >>> shorten(corner, lambda starts, ends: np.full(len(starts), True)).tolist()
    [[0.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    points = cut(path, PIECES)
    rows, columns = np.triu_indices(len(points), 1)
    lengths = np.full((len(points), len(points)), np.inf)
    lengths[rows, columns] = np.linalg.norm(points[rows] - points[columns], axis=1)
    # Points of one leg are joined by the path itself; rounding must not part them.
    blocked = ~is_free(points[rows], points[columns]) & (rows // PIECES < (columns - 1) // PIECES)
    lengths[rows[blocked], columns[blocked]] = np.inf
    # Of ways that are equally long up to rounding, that of the fewest legs.
    lengths += PARALLEL * np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
    costs, before = np.zeros(len(points)), np.zeros(len(points), int)
    for index in range(1, len(points)):
        through = costs[:index] + lengths[:index, index]
        before[index] = through.argmin()
        costs[index] = through.min()
    way = [len(points) - 1]
    while way[-1] > 0:
        way.append(int(before[way[-1]]))
    return points[way[::-1]]


def cut(path: np.ndarray, pieces: int) -> np.ndarray:
    """Cut each leg of a path, (V, 3), into equal pieces, ((V - 1) * pieces + 1, 3)."""
    shares = np.arange(pieces)[:, None] / pieces
    legs = [start + shares * (end - start) for start, end in zip(path[:-1], path[1:], strict=True)]
    return np.concatenate([*legs, path[-1:]])


def sampled_clearance(mover: Boxes, path: np.ndarray, obstacles: Boxes, spacing: float) -> float:
    """Return the smallest distance between a carried box and obstacles, sampled along its way.

    It rests on `geometry.box_distances` alone and so checks what the slabs above decide.

    Args:
        mover: One box; its centre follows the path.
        path: (V, 3).
        obstacles: O boxes.
        spacing: Metres between samples; the true minimum is smaller by half of it at most.

    Returns:
        Metres; infinite without obstacles.
    """
    legs = np.linalg.norm(np.diff(path, axis=0), axis=1)
    stations = np.concatenate(
        [cut(path[index : index + 2], max(1, int(np.ceil(leg / spacing)))) for index, leg in enumerate(legs)]
    )
    if not len(obstacles):
        return float("inf")
    apart = np.linalg.norm(stations[:, None] - obstacles.centers, axis=-1)
    # Balls in and round the boxes bound their distance; only pairs that can be the closest are worth the exact one.
    least = apart - np.linalg.norm(obstacles.halves, axis=1) - np.linalg.norm(mover.halves)
    most = apart - obstacles.halves.min(1) - mover.halves.min()
    rows, columns = np.nonzero(least <= max(0.0, most.min()))
    count = len(rows)
    carried = Boxes(stations[rows], np.repeat(mover.halves, count, axis=0), np.repeat(mover.axes, count, axis=0))
    return float(box_distances(carried, obstacles[columns]).min())
