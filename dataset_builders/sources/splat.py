"""Points drawn into a depth image."""

import numpy as np


def draw_nearest(pixels: np.ndarray, depths: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Draw each point into one pixel; where several meet the nearest counts, where none falls the depth is 0.

    Args:
        pixels: (P, 2) whole numbers, x right and y down; points outside the image are left out.
        depths: (P,) metres along the optical axis, positive.
        shape: Height and width.

    Returns:
        (H, W) metres.

    >>> draw_nearest(np.array([[0, 0], [0, 0], [1, 0], [5, 0]]), np.array([3.0, 2, 4, 1]), (1, 3)).tolist()
    [[2.0, 4.0, 0.0]]
    """
    inside = ((pixels >= 0) & (pixels < shape[::-1])).all(axis=1)
    image = np.full(shape, np.inf)
    np.minimum.at(image, (pixels[inside, 1], pixels[inside, 0]), depths[inside])
    return np.where(np.isfinite(image), image, 0)
