"""Objects that a frame shows whole, and marks on them in colours of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.question import REGION_COLOURS, Region
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import pick
from dataset_builders.tasks.pointing import PHRASES, Shown, kinds, region, shown_in
from dataset_builders.tasks.visibility import frames_with_sightings


@dataclass(frozen=True)
class View:
    """An object that one frame shows whole.

    Attributes:
        item: The object.
        shown: Where.
    """

    item: SceneObject
    shown: Shown


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
    camera, shown = scene.frames[index].camera, shown_in(scene, index)
    right, bottom = camera.width - 1, camera.height - 1
    views = [View(item, shown[item.instance_id]) for item in scene.objects if item.instance_id in shown]
    boxes = [view.shown.seen.bbox for view in views]
    return [
        view
        for view, (x1, y1, x2, y2) in zip(views, boxes, strict=True)
        if 0 < x1 <= x2 < right and 0 < y1 <= y2 < bottom
    ]


def one_view_each(scene: Scene, rng: np.random.Generator) -> list[View]:
    """Choose one whole view of every object that has one, in a frame drawn at random."""
    found: dict[int, list[View]] = {}
    for index in frames_with_sightings(scene):
        for view in whole_views(scene, index):
            found.setdefault(view.item.instance_id, []).append(view)
    return [pick(rng, views) for views in found.values()]


def draw_marks(views: Sequence[View], scene: Scene, rng: np.random.Generator, kind: str = "") -> tuple[Mark, ...]:
    """Mark up to four views, all in one way, each in a colour of its own.

    Args:
        views: What to mark.
        scene: Where.
        rng: Draws the colours, and the kind of mark among those by which each object can be told.
        kind: A given kind.
    """
    kind = kind or pick(rng, kinds(scene, [view.shown for view in views]))
    names = list(REGION_COLOURS)
    colours = [names[index] for index in rng.permutation(len(names))[: len(views)]]
    return tuple(_mark(view.shown, kind, colour, scene) for view, colour in zip(views, colours, strict=True))


def _mark(shown: Shown, kind: str, colour: str, scene: Scene) -> Mark:
    camera = scene.frames[shown.frame_index].camera
    x, y = shown.seen.point if kind == "point" else shown.seen.center
    place = f"x {100 * (x + 0.5) / camera.width:.0f}, y {100 * (y + 0.5) / camera.height:.0f}"
    return Mark(colour, PHRASES[kind].format(colour), place, region(scene, shown, kind, colour))
