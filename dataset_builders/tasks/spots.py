"""Places in a frame that a question is about: marked points, marked objects, named objects.

Positions are shares of the frame, x right and y down, so that nothing depends on its resolution.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np

from dataset_builders.masks import encode_mask
from dataset_builders.question import Region
from dataset_builders.scene import Camera, Frame
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.tasks.points import steady_depth
from dataset_builders.tasks.sightings import Sighting
from dataset_builders.tasks.wording import capital


@dataclass(frozen=True)
class Spot:
    """A place in a frame under the name that a question gives it.

    Attributes:
        label: The option that stands for it: `"red"`, or the category of the object.
        phrase: How a sentence calls it: `"the red point"`, `"the object in the red box"`, `"the chair"`.
        box: (4,) x1, y1, x2, y2, shares of the frame; a point has no extent.
        depth: Metres along the optical axis; NaN where unknown.
        distance: Metres from the camera's centre; NaN where unknown.
    """

    label: str
    phrase: str
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

    @property
    def subject(self) -> str:
        """How a sentence begins with it."""
        return capital(self.phrase)

    def place(self) -> str:
        """Say where it is, in percent of the frame."""
        return f"x {100 * self.x:.0f}, y {100 * self.y:.0f}"


def point_spot(colour: str, point: tuple[int, int], frame: Frame) -> Spot:
    """Make a spot of a marked pixel."""
    return _spot(colour, f"the {colour} point", (*point, *point), steady_depth(frame, point), frame.camera)


def object_spot(label: str, phrase: str, sighting: Sighting, frame: Frame) -> Spot:
    """Make a spot of an object, named or marked: the box of its visible mask and its nearest visible surface."""
    return _spot(label, phrase, sighting.bbox, sighting.surface, frame.camera)


def box_spot(colour: str, sighting: Sighting, frame: Frame) -> Spot:
    """Make a spot of an object that a coloured box marks."""
    return object_spot(colour, f"the object in the {colour} box", sighting, frame)


def named_spot(category: str, sighting: Sighting, frame: Frame) -> Spot:
    """Make a spot of an object that its name identifies."""
    return object_spot(category, f"the {category}", sighting, frame)


def _spot(label: str, phrase: str, bbox: Sequence[float], depth: float, camera: Camera) -> Spot:
    x1, y1, x2, y2 = bbox
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    ray = hypot(*(by_x * x + by_y * y + constant for by_x, by_y, constant in _rays(camera)))
    width, height = camera.width, camera.height
    shares = (x1 + 0.5) / width, (y1 + 0.5) / height, (x2 + 0.5) / width, (y2 + 0.5) / height
    return Spot(label, phrase, shares, depth, depth * ray)


@once_per_item
def _rays(camera: Camera) -> list[list[float]]:
    """Return what turns a pixel (x, y, 1) into a ray of unit depth, (3, 3), as plain numbers: there are many spots."""
    return np.linalg.inv(camera.intrinsics).tolist()


def point_region(frame_index: int, colour: str, point: tuple[int, int]) -> Region:
    """Mark a pixel."""
    return Region(frame_index, "point", colour, point=(float(point[0]), float(point[1])))


def box_region(frame_index: int, colour: str, sighting: Sighting) -> Region:
    """Mark an object by its visible box."""
    x1, y1, x2, y2 = sighting.bbox
    return Region(frame_index, "bbox", colour, bbox=(float(x1), float(y1), float(x2), float(y2)))


def mask_region(frame_index: int, colour: str, frame: Frame, instance_id: int) -> Region:
    """Mark an object by its visible mask (Set-of-mark)."""
    encoded = _encoded_masks(frame)
    if instance_id not in encoded:
        encoded[instance_id] = encode_mask(frame.instances == instance_id)
    return Region(frame_index, "mask", colour, mask=encoded[instance_id])


@once_per_item
def _encoded_masks(frame: Frame) -> dict[int, dict]:
    """Return the masks of a frame that were encoded so far, by instance id."""
    return {}
