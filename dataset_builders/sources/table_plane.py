"""Where is the table? The plane that holds the nearest part of a depth image, and the camera over it.

One frame of a tabletop has no pose. The table is flat and level, so its plane tells which way is up and how high the
camera is; the world is then known but for a turn about the vertical, which nothing depends on.
"""

from dataclasses import dataclass

import numpy as np

from dataset_builders.geometry import backproject

TRIALS, SAMPLE = 400, 4000
"""Planes tried, on so many points: with a third of the points on the table, none of the planes hits it in 1e-6 of
all cases, and the seed is fixed, so that a frame always gives the same plane."""
BAND = 0.01
"""Metres. A point of the table is closer to its plane (the depth cameras of tabletops are off by 2-5 mm there)."""
REFINEMENTS = 5
UP_IN_PICTURE = np.array([0.0, -1, -1]) / np.sqrt(2)
"""Camera frame; up is within 60 degrees of it for every camera between level and straight down."""


@dataclass(frozen=True)
class TablePlane:
    """The plane of a table.

    Attributes:
        up: (3,) unit normal that points to the camera's side, camera frame.
        height: Metres from the plane to the camera.
        share: Of the nearest half of the points, how many lie in the plane.
    """

    up: np.ndarray
    height: float
    share: float

    def camera_to_world(self) -> np.ndarray:
        """Return the (4, 4) pose in a world with Z up, z = 0 on the table, the camera over the origin, X to its right.

        >>> TablePlane(np.array([0.0, 0, -1]), 0.5, 1.0).camera_to_world()[:3].round(6).tolist()
        [[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.5]]
        """
        right = np.array([1.0, 0, 0]) - self.up[0] * self.up
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = right, np.cross(self.up, right), self.up
        pose[2, 3] = self.height
        return pose + 0.0  # without negative zeros


def find_table(depth: np.ndarray, intrinsics: np.ndarray) -> TablePlane | None:
    """Fit the plane of the table, by RANSAC and least squares on the points that agree.

    Things stand on the table before the camera, so the nearest half of the points decides; in the other half a floor
    can be the larger plane.

    Args:
        depth: (H, W) metres, 0 where unknown.
        intrinsics: (3, 3), pixels.

    Returns:
        The plane, or None where no plane lies as a table does.
    """
    rows, columns = np.nonzero(depth)
    near = depth[rows, columns] <= np.median(depth[rows, columns]) if len(rows) else np.zeros(0, bool)
    rows, columns = rows[near], columns[near]
    points = backproject(np.stack([columns, rows], axis=1), depth[rows, columns], intrinsics)
    rng = np.random.default_rng(0)
    up, height = _best_of_random(points, rng)
    if up is None:
        return None
    for _ in range(REFINEMENTS):
        agree = points[np.abs(points @ up + height) < BAND]
        up, height = _least_squares(agree, up)
    share = float((np.abs(points @ up + height) < BAND).mean())
    return TablePlane(up, height, share) if up @ UP_IN_PICTURE > 0.5 else None


def _best_of_random(points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray | None, float]:
    """Return up and height of the plane through three points that most points agree with."""
    if len(points) < 3:
        return None, 0.0
    corners = points[rng.integers(len(points), size=(TRIALS, 3))]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    proper = lengths > 1e-9
    normals = normals[proper] / lengths[proper, None]
    normals *= np.where(np.einsum("nx,nx->n", normals, corners[proper, 0]) > 0, -1, 1)[:, None]
    heights = -np.einsum("nx,nx->n", normals, corners[proper, 0])
    usable = normals @ UP_IN_PICTURE > 0.5
    if not usable.any():
        return None, 0.0
    normals, heights = normals[usable], heights[usable]
    sample = points[rng.integers(len(points), size=SAMPLE)]
    best = (np.abs(sample @ normals.T + heights) < BAND).sum(axis=0).argmax()
    return normals[best], float(heights[best])


def _least_squares(points: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, float]:
    """Return normal, on the side of `up`, and height of the plane that fits (N, 3) points best."""
    center = points.mean(axis=0)
    normal = np.linalg.eigh((points - center).T @ (points - center))[1][:, 0]
    normal = normal * np.sign(normal @ up)
    return normal, float(-normal @ center)
