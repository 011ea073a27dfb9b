"""Patches of open ground: convex polygons in a frame whose every pixel is known to be flat ground."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dataset_builders.geometry import polygon_area, to_world
from dataset_builders.scene import Frame

GRID = 96
"""Columns of pixels, evenly spread, on which a patch is checked."""
DRAWS = 48
"""Polygons drawn per frame."""
RADIUS = (0.07, 0.3)
"""Of the frame's shorter side: how far corners lie from the middle of a patch."""
BORDER = 0.03
"""Of the frame: corners keep this far from its border."""
LEAST_SHARE = 0.004
"""Of the frame's pixels that a patch covers, so that one pixel more or less does not matter."""
FLATNESS = 0.02
"""Of the side of a square of the same area: how far the ground may lie off a plane."""
STEEPEST = np.cos(np.radians(15))
"""Ground that is steeper than 15° is not asked about: its area is not that seen from above."""


@dataclass(frozen=True)
class Patch:
    """Open ground inside a convex polygon.

    Attributes:
        corners: (K, 2) pixels, in order.
        ground: (K, 3) metres, world: the corners on the ground.
        flatness: How much nearer to a plane it is than it must be, metres.
    """

    corners: np.ndarray
    ground: np.ndarray
    flatness: float

    @property
    def area(self) -> float:
        """Square metres, as seen from straight above."""
        return polygon_area(self.ground[:, :2])

    @property
    def sides(self) -> list[float]:
        """Metres from each corner to the next, on the ground."""
        return np.linalg.norm(np.roll(self.ground, -1, axis=0) - self.ground, axis=1).tolist()

    def is_apart(self, other: "Patch") -> bool:
        """Tell whether the two share no pixel."""
        return _apart(self.corners, other.corners) or _apart(other.corners, self.corners)

    def mask(self, height: int, width: int) -> np.ndarray:
        """Return the pixels inside, (H, W) bool, those of the outline included."""
        (left, top), (right, bottom) = self.corners.min(0), self.corners.max(0)
        columns, rows = np.meshgrid(np.arange(left, right + 1), np.arange(top, bottom + 1))
        inside = contains(self.corners, np.stack([columns, rows], -1).reshape(-1, 2)).reshape(rows.shape)
        mask = np.zeros((height, width), bool)
        mask[top : bottom + 1, left : right + 1] = inside
        return mask


def _apart(first: np.ndarray, second: np.ndarray) -> bool:
    """Tell whether a side of the first convex polygon, or a line along it, separates it from the second."""
    along = np.roll(first, -1, axis=0) - first
    across = np.stack([along[:, 1], -along[:, 0]])
    return bool(((first @ across).max(0) < (second @ across).min(0)).any())


def contains(corners: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Tell, (P,), whether pixels, (P, 2), lie in a convex polygon, (K, 2) corners in order, or on its outline.

    >>> contains(np.array([[0, 0], [4, 0], [0, 4]]), np.array([[1, 1], [2, 2], [3, 3]])).tolist()
    [True, True, False]
    """
    along = np.roll(corners, -1, axis=0) - corners
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    # In floats, whose matrix products are fast.
    offsets = across.astype(float) @ pixels.T.astype(float) - (corners * across).sum(1, keepdims=True)
    return (offsets >= 0).all(0) | (offsets <= 0).all(0)


def ground_patches(frame: Frame, rng: np.random.Generator) -> Iterator[Patch]:
    """Draw patches of a frame with depth; where its instances are known, nothing stands on them."""
    height, width = frame.depth.shape
    step = max(1, width // GRID)
    pixels = np.stack(np.meshgrid(np.arange(0, width, step), np.arange(0, height, step)), -1).reshape(-1, 2)
    known, points = _ground(frame, pixels)
    for _ in range(DRAWS):
        corners = _convex_polygon(rng, width, height)
        if corners is None:
            continue
        is_ground, ground = _ground(frame, corners)
        if not is_ground.all():
            continue
        inside = contains(corners, pixels)
        if known[inside].all():
            flatness = _flatness(np.concatenate([ground, points[inside]]), polygon_area(ground[:, :2]))
            if flatness > 0:
                yield Patch(corners, ground, flatness)


def _ground(frame: Frame, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels, (P,), can be ground, and where in the world, (P, 3), they lie."""
    columns, rows = pixels.T
    depths = frame.depth[rows, columns]
    known = depths > 0
    if frame.instances is not None:
        known &= frame.instances[rows, columns] == 0
    return known, to_world(pixels, depths, frame.camera)


def _flatness(points: np.ndarray, area: float) -> float:
    """Return by how many metres points, (P, 3), are nearer to one plane than they must be; negative if too steep."""
    middle = points.mean(0)
    normal = np.linalg.svd(points - middle, full_matrices=False)[2][2]
    if abs(normal[2]) < STEEPEST:
        return -1.0
    return FLATNESS * area**0.5 - float(np.abs((points - middle) @ normal).max())


def _convex_polygon(rng: np.random.Generator, width: int, height: int) -> np.ndarray | None:
    """Draw three or four pixels, (K, 2), in convex position and in order; None where they are not."""
    size = np.array([width, height])
    count = int(rng.integers(3, 5))
    angles = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * 2 * np.pi / count + rng.uniform(0, 2 * np.pi)
    reach = rng.uniform(*RADIUS) * min(width, height) * rng.uniform(0.6, 1.0, count)
    middle = rng.uniform(BORDER * size, (1 - BORDER) * size)
    corners = np.rint(middle + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)).astype(int)
    if (corners < BORDER * size).any() or (corners >= (1 - BORDER) * size).any():
        return None
    along = np.roll(corners, -1, axis=0) - corners
    following = np.roll(along, -1, axis=0)
    turns = along[:, 0] * following[:, 1] - along[:, 1] * following[:, 0]
    sines = turns / np.maximum(np.linalg.norm(along, axis=1) * np.linalg.norm(following, axis=1), 1)
    large = polygon_area(corners.astype(float)) >= LEAST_SHARE * width * height
    return corners if large and sines.min() > np.sin(np.radians(15)) else None
