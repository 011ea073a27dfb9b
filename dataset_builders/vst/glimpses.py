"""What an image shows of the things of a scene, as far as it takes to say where they are in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dataset_builders.geometry import project
from dataset_builders.scene import Camera, Scene
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.visibility import seen_ids
from dataset_builders.vst.camera_boxes import present_ids


@dataclass(frozen=True)
class Glimpse:
    """A thing as an image shows it.

    Attributes:
        column: Of the middle of what is seen, as a share of the width from the left.
        depth: Metres along the optical axis to the center.
        surface: Metres along the optical axis to the nearest surface; NaN where unknown.
        area: Of the box round what is seen, pixels; 0 where only the center is known.
    """

    column: float
    depth: float
    surface: float = float("nan")
    area: float = 0.0


@dataclass(frozen=True)
class Picture:
    """What an image shows.

    Attributes:
        shown: Instance id → a thing that is clearly seen.
        traces: Ids of all things of which anything may be seen.
    """

    shown: Mapping[int, Glimpse]
    traces: frozenset[int]

    @classmethod
    def of(cls, scene: Scene, index: int) -> "Picture":
        """Look at a frame: its masks or boxes, or else where the centers of the boxes lie."""
        frame = scene.frames[index]
        places = {item.instance_id: place for place, item in enumerate(scene.objects)}
        pixels, depths = project(np.array([item.center for item in scene.objects]).reshape(-1, 3), frame.camera)
        if frame.instances is None and not frame.boxes:
            ids = seen_ids(replace(scene, frames=(frame,)))
            shown = {one: Glimpse(_column(pixels[places[one], 0], frame.camera), depths[places[one]]) for one in ids}
            return cls(shown, frozenset(places))
        shown = {
            one: Glimpse(_column(seen.center[0], frame.camera), depths[places[one]], seen.surface, _area(seen.bbox))
            for one, seen in sightings(frame).items()
            if one in places
        }
        if frame.instances is not None:
            return cls(shown, frozenset(present_ids(scene, index)))
        return cls(shown, frozenset(frame.boxes if scene.complete else places))


def _column(x: float, camera: Camera) -> float:
    return round(float((x + 0.5) / camera.width), 6)


def _area(bbox: tuple[int, int, int, int]) -> float:
    x1, y1, x2, y2 = bbox
    return float((x2 - x1 + 1) * (y2 - y1 + 1))
