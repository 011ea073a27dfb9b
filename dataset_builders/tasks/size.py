"""How large is an object: its longest side, its height, its width?

The object is named or marked by a point, a box or a mask. A box that leans has no width, and its corners lie above and
below the object, so height and width are asked of upright boxes only.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from dataset_builders.geometry import Boxes
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.views import draw_marks, whole_views
from dataset_builders.tasks.visibility import frames_with_sightings, seen_unique_objects
from dataset_builders.tasks.wording import size_measure, tidy

UPRIGHT = np.cos(np.radians(10.0))
"""Cosine of the largest angle between the vertical and the nearest axis of a box that stands upright."""
DIMENSIONS = ("longest", "height", "width")


def longest_side(item: SceneObject) -> float:
    """Return the longest axis of the object's box, metres."""
    return float(item.size.max())


def extents(objects: Sequence[SceneObject]) -> np.ndarray:
    """Return width, depth and height of the objects' boxes, (3, N) metres; NaN for a box that leans.

    The height is the vertical extent of the box. Width and depth are its longer and shorter horizontal side, the axes
    other than the one nearest to the vertical (SpaceVista, appendix B.3: height along the vertical, width in the
    dominant plane, which for an upright box is the one of its longer horizontal side).

    >>> turned = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    >>> extents([SceneObject(1, "shelf", np.zeros(3), np.array([1.8, 0.9, 0.3]), turned)]).T.tolist()
    [[0.9, 0.3, 1.8]]
    """
    boxes = Boxes.of(objects)
    sides, up = 2 * boxes.halves, np.abs(boxes.axes[:, :, 2])
    across = np.where(np.arange(3) == up.argmax(1, keepdims=True), np.nan, sides)
    found = np.stack([np.fmax.reduce(across, axis=1), np.fmin.reduce(across, axis=1), (sides * up).sum(1)])
    return np.where(up.max(1) >= UPRIGHT, found, np.nan)


def generate_longest(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the longest dimension of a named object.

    Needs: boxes, metric.
    Rule: an object that is the only one of its category; the longest axis of its box (VSI-Bench, object size).
    Unit: the scale's size unit and decimals (whole centimetres indoors, as VSI-Bench); others where those would be off
        by more than a tenth or need four digits.
    Source: SpaceVista, Table B7 (Object Size); VSI-Bench.
    """
    objects = seen_unique_objects(scene)
    yield from _of_named(objects, ("longest",), "vsi.object_size", scene, rng)


def generate_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the height or the width of a named object.

    Needs: boxes, metric.
    Rule: an object that is the only one of its category; see `extents`.
    Dropped: boxes that lean by more than 10 degrees.
    Unit: as in `generate_longest`.
    Source: SpaceVista, appendix B.3.2; VST, appendix C (height).
    """
    yield from _of_named(seen_unique_objects(scene), ("height", "width"), "size.of_named", scene, rng)


def _of_named(objects: list, dimensions: Sequence[str], rule: str, scene: Scene, rng) -> Iterator[Fact]:
    upright = extents(objects).T
    for index, dimension in shuffled(rng, product(range(len(objects)), dimensions)):
        wording = "" if dimension == "longest" else f"size.{dimension}_of_named"
        fields = {"rule": rule, "wording": wording, "prompt_type": "text", "told_by_words": True}
        yield from _ask(objects[index], upright[index], dimension, scene, {}, **fields)


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the longest dimension, height or width of an object that is marked in one frame.

    Needs: boxes, frames, sightings, metric.
    Rule: as for named objects. Nothing in the words tells the scale: it must be seen.
    Dropped: masks under 20 x 20 pixels of 448 x 336; objects that the frame cuts off; height and width of boxes that
        lean by more than 10 degrees.
    Unit: as in `generate_longest`.
    Source: SpaceVista, section 3 (input extension) and appendix B.3.2.
    """
    yield from take_turns(_marked(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))


def _marked(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    views = whole_views(scene, index)
    upright = extents([view.item for view in views]).T
    for place, dimension in shuffled(rng, product(range(len(views)), DIMENSIONS)):
        (mark,) = draw_marks([views[place]], scene, rng)
        fields = {"wording": f"size.{dimension}_of_marked", "prompt_type": mark.region.kind, "regions": (mark.region,)}
        words = {"a": mark.colour, "at": mark.at, "place": mark.place}
        yield from _ask(views[place].item, upright[place], dimension, scene, words, rule="size.of_marked", **fields)


def _ask(
    item: SceneObject, upright: np.ndarray, dimension: str, scene: Scene, words: dict, **fields
) -> Iterator[Fact]:
    """Ask for one dimension of an object of known `extents`; not for height or width of one that leans."""
    width, depth, height = upright.tolist()
    sides = {"longest": sorted(item.size, reverse=True), "height": (width, depth, height), "width": (width, depth)}
    asked = height if dimension == "height" else float(sides[dimension][0])
    if np.isnan(asked):
        return
    measure = size_measure(scene.scale, asked)
    listed = [size_measure(scene.scale, side).text(side) for side in sides[dimension]]
    yield Fact(
        task="object_size",
        answer_type="regression",
        answer=measure.number(asked),
        unit=measure.unit,
        semantics=(item.category,),
        needs_scale=True,
        measured={"dimension": dimension, "size_m": [tidy(side) for side in item.size]},
        words={"thing": item.category, "sides": " x ".join(listed), "across": " x ".join(listed[:2]), **words},
        **fields,
    )


NEEDS = frozenset({"boxes", "metric"})
RULES = (
    Rule("vsi.object_size", "object_size", NEEDS, ALL_SCALES, generate_longest),
    Rule("size.of_named", "object_size", NEEDS, ALL_SCALES, generate_named),
    Rule("size.of_marked", "object_size", NEEDS | {"frames", "sightings"}, ALL_SCALES, generate_marked),
)
