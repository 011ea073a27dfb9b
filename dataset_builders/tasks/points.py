"""Free points: pixels whose depth can be asked about without knowing any object."""

import numpy as np

from dataset_builders.scene import Frame

REACH, STEADY_RANGE = 2, 0.02
"""A point is away from depth edges where the depths up to 2 pixels off (5 x 5) differ by less than 2 %."""
BORDER = 0.05
"""Share of the frame: no point is marked closer to its border, so that the whole mark is in the picture."""
DRAWS = 64
"""Pixels drawn at a time."""


def steady_depth(frame: Frame, point: tuple[int, int]) -> float:
    """Return the depth of a pixel, metres; NaN where it is unknown or an edge of the depth is near."""
    column, row = point
    height, width = frame.color.shape[:2]
    if frame.depth is None or not (REACH <= column < width - REACH and REACH <= row < height - REACH):
        return float("nan")
    around = frame.depth[row - REACH : row + REACH + 1, column - REACH : column + REACH + 1]
    return float(frame.depth[row, column]) if is_steady(around.min(), around.max()) else float("nan")


def free_points(frame: Frame, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw pixels of steady depth, whole marks inside the picture, in random order."""
    height, width = frame.color.shape[:2]
    low, high = np.ceil([BORDER * width, BORDER * height]), np.floor([(1 - BORDER) * width, (1 - BORDER) * height])
    low, high = np.maximum(low, REACH).astype(int), np.minimum(high, [width - REACH, height - REACH]).astype(int)
    if frame.depth is None or (low >= high).any():
        return []
    columns, rows = rng.integers(low, high, size=(DRAWS, 2)).T
    steps = np.arange(-REACH, REACH + 1)
    around = frame.depth[rows[:, None, None] + steps[:, None], columns[:, None, None] + steps]
    steady = is_steady(around.min((1, 2)), around.max((1, 2)))
    return list(zip(columns[steady].tolist(), rows[steady].tolist(), strict=True))


def is_steady(nearest: np.ndarray, farthest: np.ndarray) -> np.ndarray:
    """Tell whether depths, metres, that range so far are known and away from edges."""
    return (nearest > 0) & (farthest - nearest < STEADY_RANGE * nearest)
