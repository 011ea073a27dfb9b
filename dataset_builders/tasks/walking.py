"""Which ways over the ground are clear: straight legs from object to object, and what stands in them.

A traveller keeps the scale's margin to everything that stands on its way, up to 12 margins above the floor (1.8 m
indoors). What is lower than a third of a margin can be stepped over.
"""

from dataclasses import dataclass

import numpy as np

from dataset_builders.geometry import Boxes
from dataset_builders.planning import Blocks, overlaps
from dataset_builders.scene import Scene
from dataset_builders.tasks.anchors import find_anchors
from dataset_builders.tasks.draw import shuffled
from dataset_builders.tasks.visibility import seen_unique_objects
from dataset_builders.taxonomy import SCALES

MOST_STOPS = 12
"""Objects that are combined to routes, drawn at random, so that a crowded scene stays cheap."""
STEP, HEAD = 1 / 3, 12.0
"""Margins above the floor: what ends below the first or begins above the second is in nobody's way."""
LEAST_GAP, LEAST_WAY = 1.0, 4.0
"""Margins between the boxes, and from centre to centre, of the two ends of a leg."""


@dataclass(frozen=True)
class Ground:
    """Ends of legs and what stands between them, seen from above.

    Attributes:
        names: Of N stops: objects that are the only one of their category, or the one closest to such an object.
        categories: Theirs.
        places: (N, 2) metres, their centres.
        boxes: Of all objects that can be in the way, O.
        stop_rows: (N,) the rows of the stops in `boxes`.
        far: (N, N) whether two stops are far enough from each other.
        near: (N, N, O) whether an object is closer than the scale's margin to the straight way between two stops,
            apart from the stops themselves and what touches them.
        touches: (N, O) whether an object touches a stop, or is it.
        band: Metres, the heights between which things are in the way.
        margin: Metres, that of the scale.
    """

    names: list[str]
    categories: list[str]
    places: np.ndarray
    boxes: Boxes
    stop_rows: np.ndarray
    far: np.ndarray
    near: np.ndarray
    touches: np.ndarray
    band: tuple[float, float]
    margin: float

    @classmethod
    def of(cls, scene: Scene, rng: np.random.Generator) -> "Ground":
        """Survey a scene; `rng` draws the stops where there are many."""
        margin, boxes = SCALES[scene.scale].margin, Boxes.of(scene.objects)
        rise = (np.abs(boxes.axes[..., 2]) * boxes.halves).sum(1)
        low, high = boxes.centers[:, 2] - rise, boxes.centers[:, 2] + rise
        bottom, top = low.min() + STEP * margin, low.min() + HEAD * margin
        solid = np.flatnonzero((high > bottom) & (low < top))
        boxes = boxes[solid]
        names = identified(scene, rng)
        named = [row for row, index in enumerate(solid) if scene.objects[index].instance_id in names]
        rows = np.array(list(shuffled(rng, named))[:MOST_STOPS], int)
        apart = -overlaps(boxes[np.repeat(rows, len(boxes))], boxes[np.tile(np.arange(len(boxes)), len(rows))])
        apart = apart.reshape(len(rows), len(boxes))
        places = boxes.centers[rows, :2]
        across = np.linalg.norm(places[:, None] - places, axis=-1)
        far = (apart[:, rows] >= LEAST_GAP * margin) & (across >= LEAST_WAY * margin)
        touches = apart <= STEP * margin
        near = standing_in_the_way(boxes, places, places, (bottom, top), margin)
        near &= ~(touches[:, None] | touches)
        stops = [scene.objects[solid[row]] for row in rows]
        called, kinds = [names[item.instance_id] for item in stops], [item.category for item in stops]
        return cls(called, kinds, places, boxes, rows, far, near, touches, (bottom, top), margin)

    @property
    def legs(self) -> np.ndarray:
        """(N, N), whether one can go straight from one stop to another."""
        return self.far & ~self.near.any(-1)


def identified(scene: Scene, rng: np.random.Generator) -> dict[int, str]:
    """Return how to call objects so that it is clear which is meant, by instance id: `chair closest to the bed`.

    An object with several such names gets one of them at random; `rng` draws it.
    """
    names = {item.instance_id: item.category for item in seen_unique_objects(scene)}
    anchors = find_anchors(scene, rng)
    for kind in anchors.kinds():
        closest = anchors.nearest(kind)
        for row in shuffled(rng, np.flatnonzero(closest >= 0)):
            item = anchors.items[anchors.groups[kind]][closest[row]]
            names.setdefault(item.instance_id, f"{kind} closest to the {anchors.names[row]}")
    return names


def standing_in_the_way(
    boxes: Boxes, starts: np.ndarray, ends: np.ndarray, band: tuple[float, float], margin: float
) -> np.ndarray:
    """Tell, (S, E, O), which boxes an upright line meets on straight ways from (S, 2) starts to (E, 2) ends.

    Args:
        boxes: O.
        starts: Metres.
        ends: Metres.
        band: Metres, where the line begins and ends.
        margin: As in `Blocks.contacts`.
    """
    # A line has no axes but its own; zeros give no slab, so that the turn of the world does not matter.
    line = Boxes(np.zeros((1, 3)), np.array([[0, 0, (band[1] - band[0]) / 2]]), np.diag([0.0, 0, 1])[None])
    blocks, middle = Blocks.around(boxes, line), (band[0] + band[1]) / 2
    pairs = (
        np.broadcast_to(starts[:, None], (len(starts), len(ends), 2)).reshape(-1, 2),
        np.tile(ends, (len(starts), 1)),
    )
    pairs = [np.column_stack([points, np.full(len(points), middle)]) for points in pairs]
    return np.isfinite(blocks.contacts(*pairs, margin)).reshape(len(starts), len(ends), len(boxes))


def turn_angles(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return by how many degrees directions, (…, 2), turn; positive to the left, in (-180, 180]."""
    left = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    return np.degrees(np.arctan2(left, (before * after).sum(-1)))
