"""Exact overlap of oriented boxes in three dimensions, under any rotation.

The volume of a convex body is a sum over its edges (see `evaluate_metrics.detection_volumes`), which takes all pairs
at once. Where two faces are nearly parallel and not quite, that sum loses digits; there the body is built: every
corner of the intersection of two boxes lies on an edge of one of them, so the intersection is the convex hull of the
edges of each box, clipped to the other box.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from evaluate_metrics.detection_volumes import shared_volumes

_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float) / 2
_EDGES = np.array([(i, j) for i in range(8) for j in range(i) if np.abs(_CORNERS[i] - _CORNERS[j]).sum() == 1])
# An edge that lies in a face of the other box must not fall outside by rounding.
_SLACK = 1 + 1e-10


@dataclass(frozen=True)
class Boxes:
    """Oriented boxes.

    Attributes:
        centers: (N, 3), metres.
        sizes: (N, 3), metres, full lengths along the axes of each box.
        rotations: (N, 3, 3), rows are the axes of each box.
    """

    centers: np.ndarray
    sizes: np.ndarray
    rotations: np.ndarray

    @classmethod
    def of(cls, rows: list[Mapping]) -> "Boxes":
        """Collect rows with `center`, `size` and `rotation`."""
        centers, sizes = (np.array([row[name] for row in rows], dtype=float) for name in ("center", "size"))
        rotations = np.array([row["rotation"] for row in rows], dtype=float)
        return cls(centers.reshape(-1, 3), sizes.reshape(-1, 3), rotations.reshape(-1, 3, 3))

    def valid(self) -> np.ndarray:
        """Tell which boxes are finite, have a volume and a rotation, (N,)."""
        numbers = np.concatenate([self.centers, self.sizes, self.rotations.reshape(-1, 9)], axis=1)
        finite = np.isfinite(numbers).all(axis=1)
        rotations = np.where(finite[:, None, None], self.rotations, 0)
        rigid = np.isclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-3).all(axis=(1, 2))
        return finite & (self.sizes > 0).all(axis=1) & rigid & (np.linalg.det(rotations) > 0)

    def rigid(self) -> "Boxes":
        """Replace the rotations of valid boxes by the nearest ones whose axes are at right angles and of length 1.

        Labels round theirs to a few digits, and sums over edges would blow that up where faces are nearly parallel.
        """
        rotations, valid = np.array(self.rotations, dtype=float), self.valid()
        left, _, right = np.linalg.svd(rotations[valid])
        rotations[valid] = left @ right
        return Boxes(self.centers, self.sizes, rotations)

    def corners(self) -> np.ndarray:
        """Return the corners, (N, 8, 3)."""
        with np.errstate(invalid="ignore"):  # of boxes that are none
            return self.centers[:, None] + (_CORNERS * self.sizes[:, None]) @ self.rotations


def pairwise_iou(boxes: Boxes, others: Boxes) -> np.ndarray:
    """Return the intersection over union of every pair; invalid boxes overlap with nothing.

    Args:
        boxes: N boxes.
        others: M boxes.

    Returns:
        (N, M), in [0, 1].

    >>> cube = {"center": [0, 0, 0], "size": [2, 2, 2], "rotation": np.eye(3)}
    >>> pairwise_iou(Boxes.of([cube]), Boxes.of([cube, cube | {"center": [1, 0, 0]}])).round(9).tolist()
    [[1.0, 0.333333333]]
    """
    boxes, others = boxes.rigid(), others.rigid()
    ious = np.zeros((len(boxes.centers), len(others.centers)))
    distance = np.linalg.norm(boxes.centers[:, None] - others.centers[None], axis=2)
    reach = (np.linalg.norm(boxes.sizes, axis=1)[:, None] + np.linalg.norm(others.sizes, axis=1)[None]) / 2
    near = (distance < reach) & boxes.valid()[:, None] & others.valid()[None]
    volumes, other_volumes = boxes.sizes.prod(axis=1), others.sizes.prod(axis=1)
    first, second = np.nonzero(near)
    shared = shared_volumes(
        *((one.centers[at], one.sizes[at], one.rotations[at]) for one, at in ((boxes, first), (others, second)))
    )
    corners, other_corners = boxes.corners(), others.corners()
    for place in np.flatnonzero(np.isnan(shared)):
        i, j = first[place], second[place]
        shared[place] = _hull_volume(
            np.concatenate([_clipped_edges(corners[i], others, j), _clipped_edges(other_corners[j], boxes, i)])
        )
    ious[near] = shared / (volumes[first] + other_volumes[second] - shared)
    return np.minimum(ious, 1)


def _clipped_edges(corners: np.ndarray, boxes: Boxes, index: int) -> np.ndarray:
    """Return the ends of the edges of a box, (8, 3) corners, inside another box, (P, 3)."""
    local = (corners - boxes.centers[index]) @ boxes.rotations[index].T
    start, way = local[_EDGES[:, 0]], local[_EDGES[:, 1]] - local[_EDGES[:, 0]]
    half = boxes.sizes[index] / 2 * _SLACK
    with np.errstate(divide="ignore", invalid="ignore"):
        # An edge along a slab enters it never or always: 0 / 0 cannot occur thanks to the slack, x / 0 is infinite.
        low, high = (-half - start) / way, (half - start) / way
    enter = np.minimum(low, high).max(axis=1).clip(min=0)
    leave = np.maximum(low, high).min(axis=1).clip(max=1)
    crosses = enter <= leave
    ends = np.concatenate([at[crosses, None] * way[crosses] + start[crosses] for at in (enter, leave)])
    return ends @ boxes.rotations[index] + boxes.centers[index]


def _hull_volume(points: np.ndarray) -> float:
    if len(points) < 4:
        return 0.0
    try:
        return float(ConvexHull(points).volume)
    except QhullError:
        return 0.0  # the boxes touch in a face, an edge or a corner
