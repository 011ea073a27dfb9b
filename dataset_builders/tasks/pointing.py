"""How a question points at an object that a frame shows: by a point on it, a box round it or a mask over it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dataset_builders.question import Region
from dataset_builders.scene import Scene
from dataset_builders.tasks.sightings import Sighting, sightings
from dataset_builders.tasks.spots import box_region, mask_region, point_region

PHRASES = {"point": "at the {} point", "bbox": "in the {} box", "mask": "under the {} mask"}
"""Kind of mark → what a question says after "the object"."""
LEAST_CLEARANCE = 0.012
"""Share of the frame's height: how far inside its mask a marked point must lie."""
LEAST_OF_BOX = 0.5
"""Of the pixels in a box that belong to objects: how many must be those of the boxed one."""


@dataclass(frozen=True)
class Shown:
    """An object as one frame shows it.

    Attributes:
        frame_index: Index into `Scene.frames`.
        instance_id: Of the object.
        seen: Where.
    """

    frame_index: int
    instance_id: int
    seen: Sighting


def shown_in(scene: Scene, index: int) -> dict[int, Shown]:
    """Return what a frame shows large enough of the scene's objects, by instance id."""
    found = sightings(scene.frames[index])
    known = [item.instance_id for item in scene.objects if item.instance_id in found]
    return {number: Shown(index, number, found[number]) for number in known}


def kinds(scene: Scene, shown: Iterable[Shown]) -> list[str]:
    """List the kinds of marks by which each of these objects can be told: none too thin, none lost in its box."""
    shown = list(shown)
    masked = all(one.seen.mask is not None for one in shown)
    thick = masked and all(
        one.seen.clearance >= LEAST_CLEARANCE * scene.frames[one.frame_index].camera.height for one in shown
    )
    able = {"point": thick, "bbox": all(_share_of_box(scene, one) >= LEAST_OF_BOX for one in shown), "mask": masked}
    return [kind for kind in PHRASES if able[kind]]


def _share_of_box(scene: Scene, one: Shown) -> float:
    if one.seen.mask is None:
        return 1.0  # `sightings` has left out what is lost among other boxes
    x1, y1, x2, y2 = one.seen.bbox
    inside = scene.frames[one.frame_index].instances[y1 : y2 + 1, x1 : x2 + 1]
    return float(np.count_nonzero(inside == one.instance_id) / np.count_nonzero(inside))


def region(scene: Scene, one: Shown, kind: str, colour: str) -> Region:
    """Mark an object by the `point` deepest inside its visible mask, the `bbox` round the mask, or the `mask`."""
    if kind == "point":
        return point_region(one.frame_index, colour, one.seen.point)
    if kind == "bbox":
        return box_region(one.frame_index, colour, one.seen)
    return mask_region(one.frame_index, colour, scene.frames[one.frame_index], one.instance_id)


def place(scene: Scene, one: Shown) -> str:
    """Say where the middle of an object's visible box is, in percent of the frame."""
    camera, (x, y) = scene.frames[one.frame_index].camera, one.seen.center
    return f"x {100 * (x + 0.5) / camera.width:.0f}, y {100 * (y + 0.5) / camera.height:.0f}"
