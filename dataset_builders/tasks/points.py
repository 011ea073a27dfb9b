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
    nearest, farthest = float(around.min()), float(around.max())
    steady = nearest > 0 and farthest - nearest < STEADY_RANGE * nearest
    return float(frame.depth[row, column]) if steady else float("nan")


def free_points(frame: Frame, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw pixels of steady depth, whole marks inside the picture, in random order."""
    height, width = frame.color.shape[:2]
    low, high = np.ceil([BORDER * width, BORDER * height]), np.floor([(1 - BORDER) * width, (1 - BORDER) * height])
    drawn = rng.integers(low.astype(int), high.astype(int), size=(DRAWS, 2))
    return [point for point in map(tuple, drawn.tolist()) if np.isfinite(steady_depth(frame, point))]
