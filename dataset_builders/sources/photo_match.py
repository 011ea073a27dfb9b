"""Where exactly was a nadir photo taken? Its GPS and gimbal are a start, the colours of the point cloud decide.

GPS is off by metres, the gimbal by degrees, some photos of a flight are upside down against what the gimbal says, and
two altitudes are on offer. So the pose with which the cloud's brightness, projected into the photo, correlates best
with the photo's is searched for: first over a grid around each start, then by Nelder and Mead's simplex.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize

from dataset_builders.geometry import project
from dataset_builders.scene import Camera

REACH, STEP = 3.0, 1.5
"""Metres: the grid of positions around each start."""
FARTHEST, MOST_TURN = 6.0, np.radians(10)
"""A pose farther than this from its start, metres and radians, contradicts GPS and gimbal: it matches by chance."""
SIMPLEX = np.array([1.0, 1.0, 1.0, np.radians(3)])
BLUR = 2.0  # pixels, so that a pose a metre off still feels the slope
SEARCHED = 10_000  # points
FEWEST = 0.04
"""Of the points that are searched, so many must be in the picture."""


@dataclass(frozen=True)
class NadirPose:
    """A camera that looks straight down.

    Attributes:
        position: (3,) metres, world.
        heading: Radians clockwise from north (the world's Y): where the top of the picture points.
    """

    position: np.ndarray
    heading: float

    def camera_to_world(self) -> np.ndarray:
        """Return the (4, 4) pose.

        >>> NadirPose(np.array([1.0, 2, 40]), 0.0).camera_to_world()[:3].tolist()
        [[1.0, 0.0, 0.0, 1.0], [0.0, -1.0, 0.0, 2.0], [0.0, 0.0, -1.0, 40.0]]
        """
        sine, cosine = np.sin(self.heading), np.cos(self.heading)
        pose = np.eye(4)
        pose[:3, :3] = [[cosine, -sine, 0], [-sine, -cosine, 0], [0, 0, -1]]
        pose[:3, 3] = self.position
        return pose + 0.0  # without negative zeros

    def moved(self, step: np.ndarray) -> "NadirPose":
        """Return the pose moved by (4,): metres east, north and up, and radians clockwise."""
        return NadirPose(self.position + step[:3], self.heading + step[3])


class PhotoMatcher:
    """Compares a point cloud with photos of it."""

    def __init__(self, points: np.ndarray, colors: np.ndarray):
        """Keep every n-th point.

        Args:
            points: (N, 3) metres, world.
            colors: (N, 3) uint8 RGB.
        """
        stride = -(-len(points) // SEARCHED)
        self._points, self._brightness = points[::stride], colors[::stride].mean(axis=1)

    def correlation(self, pose: NadirPose, photo: np.ndarray, intrinsics: np.ndarray) -> float:
        """Return the correlation of the brightness of cloud and photo; -1 where they hardly overlap or one is even.

        Args:
            pose: Where the photo was taken.
            photo: (H, W) brightness.
            intrinsics: (3, 3), pixels.
        """
        height, width = photo.shape
        pixels, depths = project(self._points, Camera(intrinsics, pose.camera_to_world(), width, height))
        inside = (depths > 0) & ((pixels > -0.5) & (pixels < [width - 0.5, height - 0.5])).all(axis=1)
        if inside.mean() < FEWEST:
            return -1.0
        columns, rows = np.rint(pixels[inside]).astype(int).T
        first, second = (values - values.mean() for values in (photo[rows, columns], self._brightness[inside]))
        spread = np.sqrt((first @ first) * (second @ second))
        return float(first @ second / spread) if spread > 0 else -1.0

    def refine(
        self, starts: Sequence[NadirPose], photo: np.ndarray, intrinsics: np.ndarray
    ) -> tuple[NadirPose, float]:
        """Return the best pose near any of the starts, and its correlation with the photo; -1 where none is near.

        Args:
            starts: Where the photo may have been taken.
            photo: (H, W) brightness.
            intrinsics: (3, 3), pixels.
        """
        blurred = gaussian_filter(photo.astype(np.float64), BLUR)
        offsets = np.arange(-REACH, REACH + STEP / 2, STEP)
        grid = [
            (self.correlation(start.moved(step), blurred, intrinsics), number, step)
            for number, start in enumerate(starts)
            for step in (np.array([east, north, 0, 0]) for east, north in product(offsets, offsets))
        ]
        _, number, step = max(grid, key=lambda item: item[0])
        start = starts[number]
        simplex = np.vstack([step, step + np.diag(SIMPLEX)])
        found = minimize(
            lambda move: -self.correlation(start.moved(move), blurred, intrinsics),
            step,
            method="Nelder-Mead",
            options={"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-4},
        ).x
        pose = start.moved(found)
        near = np.linalg.norm(found[:3]) <= FARTHEST and abs(found[3]) <= MOST_TURN
        return pose, self.correlation(pose, photo, intrinsics) if near else -1.0
