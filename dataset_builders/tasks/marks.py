"""Marks on objects of frames: a point, a box or a mask in a colour, and how a question points at it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.masks import encode_mask
from dataset_builders.question import REGION_COLOURS, Region
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import pick
from dataset_builders.tasks.sightings import Sighting, sightings
from dataset_builders.tasks.spots import box_region, point_region

AT = {"point": "at the {} point", "bbox": "in the {} box", "mask": "under the {} mask"}
LEAST_CLEARANCE = 0.012
"""Share of the frame's height: how far inside its mask a marked point must lie."""


@dataclass(frozen=True)
class View:
    """An object that one frame shows whole.

    Attributes:
        item: The object.
        frame_index: Index into `Scene.frames`.
        seen: Its sighting in that frame.
    """

    item: SceneObject
    frame_index: int
    seen: Sighting


@dataclass(frozen=True)
class Mark:
    """A mark on a view.

    Attributes:
        colour: A key of `REGION_COLOURS`.
        at: How a question says which object is meant, e.g. `"in the red box"`.
        place: Where the mark is, in percent of the frame, e.g. `"x 31, y 54"`.
        region: The mark itself.
    """

    colour: str
    at: str
    place: str
    region: Region


def whole_views(scene: Scene, index: int) -> list[View]:
    """List the objects that a frame shows large enough and does not cut off."""
    camera, seen = scene.frames[index].camera, sightings(scene.frames[index])
    right, bottom = camera.width - 1, camera.height - 1
    return [
        View(item, index, seen[item.instance_id])
        for item in scene.objects
        if item.instance_id in seen
        and all(0 < x < right for x in seen[item.instance_id].bbox[::2])
        and all(0 < y < bottom for y in seen[item.instance_id].bbox[1::2])
    ]


def draw_marks(views: Sequence[View], scene: Scene, rng: np.random.Generator) -> tuple[Mark, ...]:
    """Mark up to four views, all in one way that is drawn at random, each in a colour of its own.

    An object that is too thin for a point on it is not marked by one.
    """
    thin = any(view.seen.clearance < LEAST_CLEARANCE * scene.frames[view.frame_index].camera.height for view in views)
    kind = pick(rng, [kind for kind in AT if not (thin and kind == "point")])
    names = list(REGION_COLOURS)
    colours = [names[index] for index in rng.permutation(len(names))[: len(views)]]
    return tuple(mark(view, kind, colour, scene) for view, colour in zip(views, colours, strict=True))


def mark(view: View, kind: str, colour: str, scene: Scene) -> Mark:
    """Mark an object by a `point` deepest inside its visible mask, by the `bbox` round the mask, or by the `mask`."""
    frame = scene.frames[view.frame_index]
    x, y = view.seen.point if kind == "point" else view.seen.center
    place = f"x {100 * (x + 0.5) / frame.camera.width:.0f}, y {100 * (y + 0.5) / frame.camera.height:.0f}"
    if kind == "point":
        region = point_region(view.frame_index, colour, view.seen.point)
    elif kind == "bbox":
        region = box_region(view.frame_index, colour, view.seen)
    else:
        region = Region(view.frame_index, kind, colour, mask=encode_mask(frame.instances == view.item.instance_id))
    return Mark(colour, AT[kind].format(colour), place, region)
