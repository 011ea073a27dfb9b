"""Objects that a name identifies, and how far the instances of every category are from them.

They tell instances of one category apart without naming more than places: "the chair closest to the door".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.distance import pair_distances
from dataset_builders.tasks.draw import shuffled
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.tasks.nearness import LEAST_RATIO, ambiguity_margin
from dataset_builders.tasks.visibility import seen_categories

MOST_ANCHORS = 8
"""Anchors that are used, drawn at random, so that a crowded scene stays cheap."""


@dataclass(frozen=True)
class Anchors:
    """Distances from anchors to objects.

    Attributes:
        names: A categories, each with one instance.
        items: N objects, those of one category side by side.
        groups: Category → its columns, a slice of `items`.
        distances: (A, N) metres, smallest distance between surfaces; NaN from an anchor to itself.
        margin: Metres by which two distances must differ to be told apart.
    """

    names: Sequence[str]
    items: Sequence[SceneObject]
    groups: dict[str, slice]
    distances: np.ndarray
    margin: float

    def kinds(self) -> list[str]:
        """Return the categories of which there are several objects."""
        return [name for name, columns in self.groups.items() if columns.stop - columns.start > 1]

    def others(self, name: str) -> np.ndarray:
        """Return the rows of the anchors that are not of a category."""
        return np.array([row for row, other in enumerate(self.names) if other != name], int)

    def between(self) -> np.ndarray:
        """Return the distances between the anchors, (A, A) metres; NaN from one to itself."""
        return self.distances[:, [self.groups[name].start for name in self.names]]

    def room_to_spare(self, near: np.ndarray, far: np.ndarray) -> np.ndarray:
        """Return by how many metres one distance falls short of another more than it must, to be clearly smaller."""
        return far - near - np.maximum(self.margin, LEAST_RATIO * far)

    def nearest(self, category: str) -> np.ndarray:
        """Return which object of several of a category is clearly the closest to each anchor, (A,); -1 where none is.

        The objects are numbered from 0 within the category.
        """
        distances = self.distances[:, self.groups[category]]
        two = np.partition(distances, 1, axis=1)
        return np.where(self.room_to_spare(two[:, 0], two[:, 1]) > 0, distances.argmin(1), -1)


@once_per_item
def counted_categories(scene: Scene) -> dict[str, list[SceneObject]]:
    """Group the objects by category, without the categories that are not known in full.

    That is those of which some instance is not seen in any frame, so that the video does not show it, or whose stated
    count differs from their boxes, so that one of the two is wrong.
    """
    stated = scene.metadata.get("object_counts", {})
    return {
        name: group for name, group in seen_categories(scene).items() if stated.get(name, len(group)) == len(group)
    }


def find_anchors(scene: Scene, rng: np.random.Generator) -> Anchors:
    """Measure from up to `MOST_ANCHORS` anchors to all objects of the categories that are seen and counted in full."""
    groups = counted_categories(scene)
    anchors = list(shuffled(rng, [group[0] for group in groups.values() if len(group) == 1]))[:MOST_ANCHORS]
    items = [item for group in groups.values() for item in group]
    known = _distances_from(scene)
    new = [item for item in anchors if item.category not in known]
    known |= zip((item.category for item in new), _distances(new, items), strict=True)
    ends = np.cumsum([0, *map(len, groups.values())]).tolist()
    return Anchors(
        names=[item.category for item in anchors],
        items=items,
        groups={name: slice(*bounds) for name, bounds in zip(groups, pairwise(ends), strict=True)},
        distances=np.array([known[item.category] for item in anchors]).reshape(len(anchors), len(items)),
        margin=ambiguity_margin(scene),
    )


@once_per_item
def _distances_from(scene: Scene) -> dict[str, np.ndarray]:
    """Return the distances to all items from the anchors of a scene that were measured so far, by name."""
    return {}


def _distances(anchors: list[SceneObject], items: list[SceneObject]) -> np.ndarray:
    rows, columns = (index.ravel() for index in np.indices((len(anchors), len(items))))
    apart = np.array([anchors[row] is not items[column] for row, column in zip(rows, columns, strict=True)], bool)
    distances = np.full(len(rows), np.nan)
    distances[apart] = pair_distances([*anchors, *items], rows[apart], len(anchors) + columns[apart])
    return distances.reshape(len(anchors), len(items))
