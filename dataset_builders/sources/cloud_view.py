"""A point cloud as a camera sees it, and where that agrees with the photo from there."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from dataset_builders.geometry import project
from dataset_builders.scene import Camera
from dataset_builders.sources.splat import draw_nearest

THICKNESS = 0.5
"""Metres: points this far behind the nearest of a pixel still belong to the surface there and give it its colour."""
PATCH = 7
"""Pixels: colours are compared as means over such squares, so that leaves and pebbles need not match one by one."""
TOLERANCE = 30.0
"""Of 255: the colours of cloud and photo differ by less where both show the same surface. A crown over a road differs
by 50 and more, lawns and roads that both show by 10 at most places."""


@dataclass(frozen=True)
class CloudView:
    """What a camera sees of a point cloud.

    Attributes:
        depth: (H, W) metres along the optical axis, 0 where no point falls.
        color: (H, W, 3), mean RGB of the points that are seen; 0 where none falls.
    """

    depth: np.ndarray
    color: np.ndarray

    def agreeing_depth(self, photo: np.ndarray) -> np.ndarray:
        """Return the depth, (H, W) float32 metres, 0 where the photo shows something else than the cloud.

        A cloud made from many photos lacks what moves and what is hard to match, such as crowns of trees; there it has
        the ground beneath, seen from elsewhere, and its depth would be wrong.

        Args:
            photo: (H, W, 3) uint8 RGB, from the same camera; its exposure may differ.
        """
        known = self.depth > 0
        difference = self.color - photo
        if known.any():
            difference -= np.median(difference[known], axis=0)
        share = uniform_filter(known.astype(np.float64), PATCH)
        patches = uniform_filter(np.where(known[..., None], difference, 0), (PATCH, PATCH, 1))
        off = np.abs(patches / np.maximum(share, 1e-9)[..., None]).max(axis=-1)
        return np.where(known & (off < TOLERANCE), self.depth, 0).astype(np.float32)


def view_cloud(points: np.ndarray, colors: np.ndarray, camera: Camera) -> CloudView:
    """Draw a point cloud; the nearest point of a pixel hides what is behind it.

    Args:
        points: (N, 3) metres, world.
        colors: (N, 3) uint8 RGB.
        camera: Where from.
    """
    pixels, depths = project(points, camera)
    inside = (depths > 0) & ((pixels > -0.5) & (pixels < [camera.width - 0.5, camera.height - 0.5])).all(axis=1)
    pixels, depths, colors = np.rint(pixels[inside]).astype(int), depths[inside], colors[inside]
    depth = draw_nearest(pixels, depths, (camera.height, camera.width))
    seen = depths < depth[pixels[:, 1], pixels[:, 0]] + THICKNESS
    places = pixels[seen, 1] * camera.width + pixels[seen, 0]
    counts = np.bincount(places, minlength=depth.size)
    sums = [np.bincount(places, channel, depth.size) for channel in colors[seen].T]
    color = np.stack(sums, axis=-1) / np.maximum(counts, 1)[:, None]
    return CloudView(depth, color.reshape(*depth.shape, 3))
