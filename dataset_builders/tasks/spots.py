"""Places in one frame that a question compares: marked points, boxed objects, named objects.

Positions are shares of the frame, x right and y down, so that nothing depends on its resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.geometry import backproject
from dataset_builders.question import Region
from dataset_builders.scene import Camera, Frame
from dataset_builders.tasks.points import steady_depth
from dataset_builders.tasks.sightings import Sighting


@dataclass(frozen=True)
class Spot:
    """A place in a frame under the name that a question gives it.

    Attributes:
        label: `"red"`, or the category of the object.
        subject: How a sentence begins with it: `"Red"`, `"The chair"`.
        box: (4,) x1, y1, x2, y2, shares of the frame; a point has no extent.
        depth: Metres along the optical axis; NaN where unknown.
        distance: Metres from the camera's centre; NaN where unknown.
    """

    label: str
    subject: str
    box: tuple[float, float, float, float]
    depth: float
    distance: float

    @property
    def x(self) -> float:
        """Centre, share of the width."""
        return (self.box[0] + self.box[2]) / 2

    @property
    def y(self) -> float:
        """Centre, share of the height."""
        return (self.box[1] + self.box[3]) / 2

    def place(self) -> str:
        """Say where it is, in percent of the frame."""
        return f"x {100 * self.x:.0f}, y {100 * self.y:.0f}"


def point_spot(colour: str, point: tuple[int, int], frame: Frame) -> Spot:
    """Make a spot of a marked pixel."""
    return _spot(colour, colour.capitalize(), (*point, *point), steady_depth(frame, point), frame.camera)


def box_spot(colour: str, sighting: Sighting, frame: Frame) -> Spot:
    """Make a spot of an object that a coloured box marks."""
    return _spot(colour, colour.capitalize(), sighting.bbox, sighting.surface, frame.camera)


def named_spot(category: str, sighting: Sighting, frame: Frame) -> Spot:
    """Make a spot of an object that its name identifies."""
    return _spot(category, f"The {category}", sighting.bbox, sighting.surface, frame.camera)


def _spot(label: str, subject: str, bbox: Sequence[float], depth: float, camera: Camera) -> Spot:
    middle = np.array([[(bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2]])
    ray = backproject(middle, np.ones(1), camera.intrinsics)[0]
    size = np.array([camera.width, camera.height] * 2)
    shares = tuple(((np.array(bbox) + 0.5) / size).tolist())
    return Spot(label, subject, shares, depth, depth * float(np.linalg.norm(ray)))


def point_region(frame_index: int, colour: str, point: tuple[int, int]) -> Region:
    """Mark a pixel."""
    return Region(frame_index, "point", colour, point=(float(point[0]), float(point[1])))


def box_region(frame_index: int, colour: str, sighting: Sighting) -> Region:
    """Mark an object by its visible box."""
    x1, y1, x2, y2 = sighting.bbox
    return Region(frame_index, "bbox", colour, bbox=(float(x1), float(y1), float(x2), float(y2)))
