"""Objects ready to be put down, and all of them together as one triangle mesh."""

from dataclasses import dataclass

import numpy as np
import shapely

from dataset_builders.scene import SceneObject
from dataset_builders.sources.synthetic.shapes import Material, Part, yaw_matrix


@dataclass(frozen=True)
class Model:
    """One object in its own coordinates, standing on z = 0, its box centred over the origin.

    Attributes:
        category: Lower-case noun.
        size: (3,) metres, the exact extents of its triangles.
        triangles: (T, 3, 3) metres.
        normals: (T, 3, 3) unit normals at the corners.
        part: (T,) which of its parts a triangle belongs to.
        materials: One per part.
        hollows: (H, 2, 3) metres, lowest and highest corner of each empty box in it that other objects can be in.
    """

    category: str
    size: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray
    part: np.ndarray
    materials: tuple[Material, ...]
    hollows: np.ndarray


@dataclass(frozen=True)
class Placed:
    """A model, or a group, put down at (x, y) with its foot at height `z`, metres, and turned by `yaw`, radians."""

    model: Model
    x: float
    y: float
    yaw: float
    z: float = 0.0

    @property
    def footprint(self) -> shapely.Polygon:
        """The rectangle that its box covers on the ground."""
        width, depth = self.model.size[:2] / 2
        corners = np.array([(-width, -depth), (width, -depth), (width, depth), (-width, depth)])
        return shapely.Polygon(corners @ yaw_matrix(self.yaw)[:2, :2].T + (self.x, self.y))

    def to_object(self, instance_id: int) -> SceneObject:
        """Return its box in the world."""
        center = np.array([self.x, self.y, self.z + self.model.size[2] / 2])
        return SceneObject(instance_id, self.model.category, center, self.model.size, yaw_matrix(self.yaw).T)


@dataclass(frozen=True)
class World:
    """Every triangle of a scene except the ground, which is the plane z = 0.

    Attributes:
        triangles: (T, 3, 3) metres, world.
        normals: (T, 3, 3) unit normals at the corners, world.
        local: (T, 3, 3) metres, the corners in object coordinates, where patterns live.
        part: (T,) index of the part that a triangle belongs to.
        materials: One per part.
        instance: (P,) instance id per part, 0 for walls.
    """

    triangles: np.ndarray
    normals: np.ndarray
    local: np.ndarray
    part: np.ndarray
    materials: tuple[Material, ...]
    instance: np.ndarray


def make_model(category: str, parts: list[Part], hollows=()) -> Model:
    """Assemble parts into a model: measure them together and move them over the origin.

    Args:
        category: Lower-case noun.
        parts: In any place.
        hollows: Pairs of corners, lowest and highest, in the coordinates of the parts; see `Model`.

    >>> from dataset_builders.sources.synthetic.shapes import box
    >>> make_model("block", [box((2, 1, 0.5), Material((1, 0, 0)), at=(5, 5, 5))]).size.tolist()
    [2.0, 1.0, 0.5]
    """
    triangles = np.concatenate([part.triangles for part in parts])
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    foot = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return Model(
        category,
        high - low,
        triangles - foot,
        np.concatenate([part.normals for part in parts]),
        np.repeat(np.arange(len(parts)), [len(part.triangles) for part in parts]),
        tuple(part.material for part in parts),
        np.reshape(hollows, (-1, 2, 3)) - foot,
    )


def make_world(placed: list[Placed], walls: list[Part]) -> World:
    """Put objects (instance ids 1, 2, … in this order) and walls together."""
    models = [item.model for item in placed]
    turns = [(yaw_matrix(item.yaw).T, (item.x, item.y, item.z)) for item in placed]
    triangles = [model.triangles @ turn + offset for model, (turn, offset) in zip(models, turns, strict=True)]
    normals = [model.normals @ turn for model, (turn, _) in zip(models, turns, strict=True)]
    counts = [len(model.materials) for model in models] + [1] * len(walls)
    first = np.cumsum([0, *counts[:-1]])
    parts = [*(model.part for model in models), *(np.zeros(len(wall.triangles), int) for wall in walls)]
    return World(
        triangles=np.concatenate([*triangles, *(wall.triangles for wall in walls)]),
        normals=np.concatenate([*normals, *(wall.normals for wall in walls)]),
        local=np.concatenate([*(model.triangles for model in models), *(wall.triangles for wall in walls)]),
        part=np.concatenate([part + start for part, start in zip(parts, first, strict=True)]),
        materials=(*(paint for model in models for paint in model.materials), *(wall.material for wall in walls)),
        instance=np.repeat([*range(1, len(models) + 1), *[0] * len(walls)], counts).astype(np.int32),
    )
