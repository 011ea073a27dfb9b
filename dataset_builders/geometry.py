"""Exact geometry of oriented boxes, sets of points and pinhole cameras.

Legend: N boxes or pairs of boxes, P points. Metres; world Z up; camera frame x right, y down, z forward.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.spatial import KDTree, distance

from dataset_builders.scene import Camera, SceneObject

SIGNS = np.array(list(product((-1.0, 1.0), repeat=3)))
"""(8, 3), the corners of a box in half lengths."""
EDGE_SIGNS = np.stack([np.unique(np.where(np.arange(3) == axis, 0, SIGNS), axis=0) for axis in range(3)])
"""(3, 4, 3), the midpoints of its edges by the axis that they follow, in half lengths."""

# Below this sine two edges count as parallel: their distance is then one from a corner, up to 1e-10 of their length.
PARALLEL = 1e-10
# Pairs in flight at a time, so that the intermediate arrays stay in the processor's cache.
CHUNK = 256
# Points of each set that give a first bound on the distance between two sets.
SCOUTS = 64


@dataclass(frozen=True)
class Boxes:
    """Oriented boxes as arrays.

    Attributes:
        centers: (N, 3) metres, world.
        halves: (N, 3) metres, half lengths along the boxes' own axes.
        axes: (N, 3, 3); row i is the unit direction of axis i; either handedness.
    """

    centers: np.ndarray
    halves: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, objects: Sequence[SceneObject]) -> "Boxes":
        """Stack the boxes of objects."""
        return cls(
            np.array([item.center for item in objects], float).reshape(-1, 3),
            np.array([item.size for item in objects], float).reshape(-1, 3) / 2,
            np.array([item.rotation for item in objects], float).reshape(-1, 3, 3),
        )

    def __len__(self) -> int:
        """Count the boxes."""
        return len(self.centers)

    def __getitem__(self, rows) -> "Boxes":
        """Select boxes by anything that indexes the first axis of an array."""
        return Boxes(self.centers[rows], self.halves[rows], self.axes[rows])

    def corners(self) -> np.ndarray:
        """Return the corners, (N, 8, 3)."""
        return self.centers[:, None] + (SIGNS * self.halves[:, None]) @ self.axes


def box_distances(first: Boxes, second: Boxes) -> np.ndarray:
    """Return the smallest distance between the solid boxes of each pair, exact up to rounding; 0 where they meet.

    Where two convex polyhedra are apart, their distance is that of a corner to the other body or of two edges whose
    common perpendicular meets both between their ends, so the smallest of these finitely many is the answer. Whether
    they are apart at all is decided by the separating axis theorem.

    Args:
        first: N boxes, or one that is compared with all.
        second: N boxes, or one that is compared with all.

    Returns:
        (N,) metres.

    Raises:
        ValueError: if the numbers of boxes differ and neither is 1.

    >>> a = Boxes(np.zeros((1, 3)), np.full((1, 3), 0.5), np.eye(3)[None])
    >>> b = Boxes(np.array([[2.0, 0, 0], [2, 2, 0], [0.5, 0, 0]]), np.full((3, 3), 0.5), np.tile(np.eye(3), (3, 1, 1)))
    >>> box_distances(a, b).round(6).tolist()
    [1.0, 1.414214, 0.0]
    """
    count = np.broadcast_shapes((len(first),), (len(second),))[0]
    rows_a = np.broadcast_to(np.arange(len(first)), count)
    rows_b = np.broadcast_to(np.arange(len(second)), count)
    nearest = np.empty(count)
    for start in range(0, count, CHUNK):
        chunk = slice(start, start + CHUNK)
        nearest[chunk] = _distances(first[rows_a[chunk]], second[rows_b[chunk]])
    return nearest


def _distances(a: Boxes, b: Boxes) -> np.ndarray:
    normals = np.cross(a.axes[:, :, None], b.axes[:, None])
    nearest = np.minimum(_corner_distances(a, b), _corner_distances(b, a))
    nearest = np.minimum(nearest, _edge_distances(a, b, normals))
    return np.where(_apart(a, b, normals), nearest, 0.0)


def _corner_distances(a: Boxes, b: Boxes) -> np.ndarray:
    """Smallest distance, (N,), of a corner of `a` to the solid `b`."""
    local = (a.corners() - b.centers[:, None]) @ b.axes.swapaxes(1, 2)
    beyond = np.maximum(np.abs(local) - b.halves[:, None], 0)
    return np.sqrt((beyond**2).sum(-1).min(1))


def _edge_distances(a: Boxes, b: Boxes, normals: np.ndarray) -> np.ndarray:
    """Smallest distance, (N,), of two edges whose common perpendicular meets both; infinity where there is none.

    With the midpoints' offset d from an edge of `a` along u to one of `b` along v and n = u × v, the perpendicular
    meets them at s = d · (v × n) / n² and t = d · (u × n) / n². d is a sum of one part per box, and so are s and t.
    """
    sine = np.linalg.norm(normals, axis=-1)
    normals = normals / np.maximum(sine, PARALLEL)[..., None] ** 2
    mid_a, mid_b = _edge_midpoints(a) - b.centers[:, None, None], _edge_midpoints(b) - b.centers[:, None, None]
    along_a = np.cross(b.axes[:, None], normals)
    along_b = np.cross(a.axes[:, :, None], normals)
    s = _split(mid_a, mid_b, along_a)
    t = _split(mid_a, mid_b, along_b)
    inside = (np.abs(s) <= a.halves[:, :, None, None, None]) & (np.abs(t) <= b.halves[:, None, :, None, None])
    n, i, j, k, m = np.nonzero(inside & (sine > PARALLEL)[..., None, None])
    s, t = s[n, i, j, k, m, None], t[n, i, j, k, m, None]
    gaps = (mid_b[n, j, m] + t * b.axes[n, j]) - (mid_a[n, i, k] + s * a.axes[n, i])
    nearest = np.full(len(a), np.inf)
    np.minimum.at(nearest, n, np.linalg.norm(gaps, axis=-1))
    return nearest


def _split(mid_a: np.ndarray, mid_b: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Offsets, (N, axes of a, axes of b, edges of a, edges of b), between edges along the vectors (N, 3, 3, 3)."""
    part_a = np.einsum("nikx,nijx->nijk", mid_a, along)
    part_b = np.einsum("njmx,nijx->nijm", mid_b, along)
    return part_b[..., None, :] - part_a[..., None]


def _edge_midpoints(boxes: Boxes) -> np.ndarray:
    """Midpoints of the edges by the axis that they follow, (N, 3, 4, 3)."""
    offsets = np.einsum("aks,ns,nsx->nakx", EDGE_SIGNS, boxes.halves, boxes.axes)
    return boxes.centers[:, None, None] + offsets


def _apart(a: Boxes, b: Boxes, normals: np.ndarray) -> np.ndarray:
    """Tell, (N,), whether a plane separates the boxes: one normal to a face or to an edge of each."""
    candidates = np.concatenate([a.axes, b.axes, normals.reshape(-1, 9, 3)], axis=1)
    offset = np.abs(candidates @ (b.centers - a.centers)[..., None])[..., 0]
    reach = sum((np.abs(candidates @ box.axes.swapaxes(1, 2)) @ box.halves[..., None])[..., 0] for box in (a, b))
    return (offset > reach).any(1)


def point_distances(point: np.ndarray, boxes: Boxes) -> np.ndarray:
    """Return the distance, (N,) metres, of a point, (3,), to each solid box; 0 inside.

    >>> boxes = Boxes(np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]]), np.eye(3)[None])
    >>> [point_distances(np.array(point), boxes).tolist() for point in ((4.0, 0, 7), (0.0, 2, 0))]
    [[5.0], [0.0]]
    """
    local = np.einsum("nij,nj->ni", boxes.axes, point - boxes.centers)
    return np.linalg.norm(np.maximum(np.abs(local) - boxes.halves, 0), axis=1)


def cloud_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the smallest distance, metres, between two sets of points, (P, 3) and (Q, 3).

    A few points of each give a bound; a point that is farther than that from the upright box round the other set
    cannot be in the closest pair, and only the remaining ones are searched.

    >>> cloud_distance(np.array([[0.0, 0, 0], [1, 0, 0]]), np.array([[4.0, 4, 0], [9, 9, 9]]))
    5.0
    """
    scouts = [points[:: -(-len(points) // SCOUTS)] for points in (first, second)]
    bound = distance.cdist(*scouts).min() * (1 + 1e-9)
    low, high = ([extreme(points, axis=0) for points in (second, first)] for extreme in (np.min, np.max))
    near = []
    for points, lowest, highest in zip((first, second), low, high, strict=True):
        beyond = np.maximum(np.maximum(lowest - points, points - highest), 0)
        near.append(points[np.linalg.norm(beyond, axis=1) <= bound])
    return float(KDTree(near[1]).query(near[0])[0].min())


def ground_areas(boxes: Boxes) -> np.ndarray:
    """Return the area, (N,) m², that each solid box covers as seen from straight above.

    Of every pair of opposite faces one is seen, by its area times the share of its normal that points up.

    >>> ground_areas(Boxes(np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]]), np.eye(3)[None])).tolist()
    [8.0]
    """
    sides = 2 * boxes.halves
    faces = sides[:, [1, 2, 0]] * sides[:, [2, 0, 1]]
    return (faces * np.abs(boxes.axes[:, :, 2])).sum(1)


def polygon_area(corners: np.ndarray) -> float:
    """Return the area of a simple polygon, (K, 2) corners in order, by the shoelace formula.

    >>> polygon_area(np.array([[0.0, 0], [4, 0], [4, 3]]))
    6.0
    """
    x, y = (corners - corners[0]).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def project(points: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Project world points into a camera.

    Args:
        points: (P, 3) metres, world.
        camera: The camera.

    Returns:
        (P, 2) pixels and (P,) metres along the optical axis; a point that is not in front (depth <= 0) has NaN pixels.

    >>> camera = Camera(np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]]), np.eye(4), 101, 81)
    >>> [values.tolist() for values in project(np.array([[1.0, 0, 2]]), camera)]
    [[[100.0, 40.0]], [2.0]]
    """
    rotation, position = camera.camera_to_world[:3, :3], camera.camera_to_world[:3, 3]
    local = (points - position) @ rotation
    depths = local[:, 2]
    in_front = np.where(depths > 0, depths, np.nan)[:, None]
    return ((local / in_front) @ camera.intrinsics.T)[:, :2], depths


def backproject(pixels: np.ndarray, depths: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Lift pixels to camera coordinates.

    Args:
        pixels: (P, 2), x right and y down.
        depths: (P,) metres along the optical axis.
        intrinsics: (3, 3), pixels.

    Returns:
        (P, 3) metres, camera frame.

    >>> backproject(np.array([[100.0, 40.0]]), np.array([2.0]), np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]]))
    array([[1., 0., 2.]])
    """
    homogeneous = np.column_stack([pixels, np.ones(len(pixels))])
    return homogeneous @ np.linalg.inv(intrinsics).T * np.asarray(depths)[:, None]


def to_world(pixels: np.ndarray, depths: np.ndarray, camera: Camera) -> np.ndarray:
    """Lift pixels, (P, 2), at (P,) metres along the optical axis to the world, (P, 3) metres.

    >>> camera = Camera(np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]]), np.eye(4), 101, 81)
    >>> to_world(np.array([[100.0, 40.0]]), np.array([2.0]), camera)
    array([[1., 0., 2.]])
    """
    local = backproject(pixels, depths, camera.intrinsics)
    return local @ camera.camera_to_world[:3, :3].T + camera.camera_to_world[:3, 3]
