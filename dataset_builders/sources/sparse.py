"""Measured points as a depth image that is known only here and there."""

import numpy as np
from scipy.ndimage import minimum_filter

from dataset_builders.geometry import project
from dataset_builders.scene import Camera
from dataset_builders.sources.splat import draw_nearest


def sparse_depth(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Draw points into the image of a camera.

    Args:
        points: (P, 3) metres, world.
        camera: The camera.

    Returns:
        (H, W) float32 metres along the optical axis, 0 in pixels without a point.

    >>> camera = Camera(np.array([[10.0, 0, 1], [0, 10, 1], [0, 0, 1]]), np.eye(4), 3, 2)
    >>> sparse_depth(np.array([[0, 0, 4.0], [0, 0, 3], [0.1, 0, 1], [0, 0, -1], [9, 0, 1]]), camera).tolist()
    [[0.0, 0.0, 0.0], [0.0, 3.0, 1.0]]
    """
    pixels, depths = project(points, camera)
    known = np.isfinite(pixels).all(axis=1) & (depths < np.finfo(np.float32).max)
    # Cut before they become whole numbers, which would overflow for points beside the camera.
    places = np.rint(np.clip(pixels[known], -1, max(camera.width, camera.height) + 1)).astype(int)
    return draw_nearest(places, depths[known], (camera.height, camera.width)).astype(np.float32)


def without_shadows(depth: np.ndarray, window: tuple[int, int], ratio: float) -> np.ndarray:
    """Forget the depths that something nearer may hide from the camera.

    A laser scanner stands beside the camera and looks past edges, so it measures points that the camera cannot see;
    between its scan lines nothing covers them.

    Args:
        depth: (H, W) metres, 0 where unknown.
        window: Height and width, pixels, of the neighbourhood that may hide a point.
        ratio: A point is hidden where it is farther than this times the nearest depth of its neighbourhood.

    Returns:
        (H, W) float32 metres, 0 where unknown or hidden.

    >>> without_shadows(np.array([[10.0, 0, 4, 0, 0, 9]], dtype=np.float32), (1, 5), 1.1).tolist()
    [[0.0, 0.0, 4.0, 0.0, 0.0, 9.0]]
    """
    nearest = minimum_filter(np.where(depth > 0, depth, np.inf), size=window, mode="nearest")
    return np.where(depth <= ratio * nearest, depth, 0).astype(np.float32)
