"""Marks on objects: a point, a box or a mask each, by which a question points at them."""

from dataset_builders.question import Region
from dataset_builders.scene import Frame
from dataset_builders.tasks.sightings import Sighting
from dataset_builders.tasks.spots import box_region, mask_region, point_region

MARKS = ("point", "bbox", "mask")


def mark(kind: str, colour: str, instance_id: int, seen: Sighting, frame: Frame, frame_index: int) -> Region:
    """Mark an object that a frame shows.

    Args:
        kind: One of `MARKS`.
        colour: A key of `REGION_COLOURS`.
        instance_id: Of the object.
        seen: Where the frame shows it.
        frame: The frame.
        frame_index: Its index.
    """
    if kind == "point":
        return point_region(frame_index, colour, seen.point)
    if kind == "bbox":
        return box_region(frame_index, colour, seen)
    return mask_region(frame_index, colour, frame, instance_id)
