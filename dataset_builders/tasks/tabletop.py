"""What can be moved on a tabletop, where the table is, and how a camera sees its directions.

Things are moved without being turned. The table is the level on which most objects stand; what lies flat on it, at
most half a margin high, counts as part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull

from dataset_builders.geometry import Boxes, project
from dataset_builders.planning import overlaps
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.visibility import seen_ids, seen_unique_objects
from dataset_builders.tasks.wording import length_measure
from dataset_builders.taxonomy import SCALES

TABLETOPS = frozenset({"tiny_tabletop", "tabletop"})
UP = np.array([0.0, 0.0, 1.0])
BORDER = 0.03
"""Share of the frame that nothing drawn comes nearer to its border than."""
SIDES = ("left", "right", "front", "behind")
BESIDE = {
    "left": "to the left of",
    "right": "to the right of",
    "front": "in front of",
    "behind": "behind",
    "above": "above",
}


@dataclass(frozen=True)
class Tabletop:
    """A scene on a table.

    Attributes:
        objects: All.
        boxes: Theirs.
        margin: Metres, that of the scale.
        level: Metres, height of the table.
        tops: (N,) metres.
        standing: (N,) whether an object stands on the table.
        alone: (N,) whether it also touches no other, so that it can be moved by itself.
        touching: (N, N) whether two touch: one on, in, or against the other.
        named: (N,) whether its name identifies it and some frame shows it; none where the source may not know all
            objects, because then what stands in the way may be unknown too.
        seen: (N,) whether some frame shows it.
    """

    objects: tuple[SceneObject, ...]
    boxes: Boxes
    margin: float
    level: float
    tops: np.ndarray
    standing: np.ndarray
    alone: np.ndarray
    touching: np.ndarray
    named: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(cls, scene: Scene) -> "Tabletop":
        """Survey a scene."""
        boxes, margin = Boxes.of(scene.objects), SCALES[scene.scale].margin
        rise = (np.abs(boxes.axes[..., 2]) * boxes.halves).sum(1)
        bottoms, tops = boxes.centers[:, 2] - rise, boxes.centers[:, 2] + rise
        near = np.abs(bottoms[:, None] - bottoms) <= margin / 2
        level = float(bottoms[min(range(len(bottoms)), key=lambda index: (-near[index].sum(), bottoms[index]))])
        standing, solid = np.abs(bottoms - level) <= margin / 2, tops > level + margin / 2
        rows, columns = np.triu_indices(len(boxes), 1)
        touching = np.zeros((len(boxes), len(boxes)), bool)
        near = overlaps(boxes[rows], boxes[columns]) > -margin / 2
        touching[rows, columns] = near & solid[rows] & solid[columns]
        touching |= touching.T
        numbers = [item.instance_id for item in scene.objects]
        seen = np.isin(numbers, list(seen_ids(scene)))
        named = np.isin(numbers, [item.instance_id for item in seen_unique_objects(scene)])
        alone = standing & solid & ~touching.any(1)
        return cls(scene.objects, boxes, margin, level, tops, standing & solid, alone, touching, named, seen)

    def obstacles(self, *moved: int) -> np.ndarray:
        """Return the indices of what can be in the way of objects: all others that rise above the table."""
        rises = self.tops > self.level + self.margin / 2
        rises[list(moved)] = False
        return np.flatnonzero(rises)

    def called(self, index: int) -> str:
        """Name an object in a sentence: `the cup`, or `a cup` where there are several."""
        category = self.objects[index].category
        several = sum(item.category == category for item in self.objects) > 1
        return f"{'an' if category[0] in 'aeiou' else 'a'} {category}" if several else f"the {category}"

    def reach(self, index: int, direction: np.ndarray) -> float:
        """Return how far, metres, a box extends from its centre in a direction, (3,)."""
        return float(np.abs(self.boxes.axes[index] @ direction) @ self.boxes.halves[index])

    def spot_beside(self, mover: int, target: int, direction: np.ndarray, gap: float) -> np.ndarray:
        """Return where the middle of an object's base, (3,), is when it stands beside another, `gap` metres away."""
        apart = self.reach(target, direction) + self.reach(mover, direction) + gap
        return np.array([*(self.boxes.centers[target] + apart * direction)[:2], self.level])

    def lift(self, mover: int) -> np.ndarray:
        """Return the way, (3,), from the middle of an object's base to its centre."""
        return self.reach(mover, UP) * UP

    def base(self, mover: int) -> np.ndarray:
        """Return the middle, (3,), of an object's base."""
        return self.boxes.centers[mover] - self.lift(mover)

    def on_table(self, points: np.ndarray) -> np.ndarray:
        """Tell, (P,), whether there surely is table under (P, 3) points: they lie between objects that stand on it.

        A table that carries these carries everything in the convex hull of their outlines.
        """
        return (points[:, :2] @ self._outline[:, :2].T + self._outline[:, 2] <= 0).all(1)

    @cached_property
    def _outline(self) -> np.ndarray:
        """Sides of the hull, (E, 3): outward normal and offset."""
        return ConvexHull(self.boxes[self.standing].corners().reshape(-1, 3)[:, :2]).equations


@dataclass(frozen=True)
class View:
    """The directions of a level world as a camera sees them, (3,) unit vectors.

    Attributes:
        camera: Which.
        right: To the right in the picture.
        away: Away from the camera, level; where it looks straight down, up in the picture.
    """

    camera: Camera
    right: np.ndarray
    away: np.ndarray

    @classmethod
    def of(cls, camera: Camera) -> "View":
        """Take the directions of a camera."""
        _, down, forward = camera.camera_to_world[:3, :3].T
        ahead = (forward - down)[:2]
        away = np.array([*(ahead / np.linalg.norm(ahead)), 0.0])
        return cls(camera, np.cross(away, UP), away)

    def direction(self, side: str) -> np.ndarray:
        """Return the direction, (3,), of a key of `BESIDE`; the front of a thing is what faces the camera."""
        ways = {"left": -self.right, "right": self.right, "front": -self.away, "behind": self.away, "above": UP}
        return ways[side]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Project (P, 3) points to (P, 2) pixels; NaN where not in front."""
        return project(points, self.camera)[0]

    def shows(self, points: np.ndarray) -> np.ndarray:
        """Tell, (P,), whether points lie in the picture and not at its border; the region of such points is convex."""
        size = np.array([self.camera.width, self.camera.height])
        shares = (self.pixels(points) + 0.5) / size
        return ((shares > BORDER) & (shares < 1 - BORDER)).all(1)


survey = once_per_item(Tabletop.of)
"""Survey a scene, once for all rules."""


def bare_table(frame: Frame, view: View, points: np.ndarray, margin: float) -> np.ndarray:
    """Tell, (P,), whether a frame shows the table itself at (P, 3) points: no object, and the depth of the table."""
    shown = view.shows(points)
    pixels, depths = project(points, frame.camera)
    columns, rows = np.rint(pixels[shown]).astype(int).T
    bare = frame.instances[rows, columns] == 0
    if frame.depth is not None:
        bare &= np.abs(frame.depth[rows, columns] - depths[shown]) <= margin
    shown[shown] = bare
    return shown


def printed(scale: str, metres: float) -> str:
    """Print the amount of a length with the unit that suits it."""
    return length_measure(scale, abs(metres)).text(abs(metres))


def tabletop_rule(name: str, task: str, generate, *needs: str) -> Rule:
    """Make a rule for tabletops; boxes and their size in metres are needed by all of them."""
    return Rule(name, task, frozenset({"boxes", "metric", *needs}), TABLETOPS, generate)


def far_apart(pixels: np.ndarray, others: Sequence[np.ndarray], least: float) -> bool:
    """Tell whether a pixel is at least `least` pixels away from all others."""
    return all(np.linalg.norm(pixels - other) >= least for other in others)
