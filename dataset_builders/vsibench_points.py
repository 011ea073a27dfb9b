"""The points that VSI-Bench samples in the boxes of a room, between which it measures distances.

In the shell of a box (outside the half of it about its centre) lies a grid from face to face, ceil(side / 5 cm) points
along each side. It is turned into the world, and kept are the points that are still in the box. Those on the faces are
in it or not by the last bit, so most distances come out larger than between the solid boxes, by 3.1 cm on average. The
arithmetic here is that of the published answers: rounded to 0.1 m it gives all 624 public ones (VSI-Bench, section 3;
its preprocessing, `sample_points_in_oriented_bbox_uniform`, which crops with Open3D).
"""

from dataclasses import replace

import numpy as np

from dataset_builders.scene import Scene, SceneObject

SPACING = 0.05
"""Metres; halved until a point is left."""


def with_sampled_points(scene: Scene) -> Scene:
    """Give every object of a scene the points that VSI-Bench samples in its box, in place of measured ones."""
    return replace(scene, objects=tuple(replace(item, points=sampled_points(item)) for item in scene.objects))


def sampled_points(item: SceneObject, spacing: float = SPACING) -> np.ndarray:
    """Return the points, (N, 3) metres in the world, that VSI-Bench samples in the box of an object.

    Args:
        item: Whose box.
        spacing: Of the grid, before it is made to reach from face to face; metres.

    >>> box = SceneObject(1, "box", np.zeros(3), np.full(3, 0.25), np.eye(3))
    >>> points = sampled_points(box)
    >>> points.shape, points.max().item()
    ((98, 3), 0.125)
    """
    steps = [np.linspace(-side / 2, side / 2, int(np.ceil(side / spacing))) for side in item.size]
    grid = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 3)
    shell = grid[(np.abs(grid) > item.size / 4).any(axis=1)]
    points = shell @ item.rotation + item.center
    x, y, z = (points - item.center).T
    # Added up in this order, one axis at a time: a product of matrices would round, and so crop, differently.
    along = [axis[0] * x + axis[1] * y + axis[2] * z for axis in item.rotation]
    kept = points[(np.abs(along) <= item.size[:, None] / 2).all(axis=0)]
    return kept if len(kept) else sampled_points(item, spacing / 2)
