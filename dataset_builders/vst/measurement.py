"""How high is a marked object, and how long is its largest dimension, in the unit asked for (VST, table 24)?"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.size import extents, longest_side
from dataset_builders.tasks.views import View, whole_views
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.tasks.wording import Measure, tidy
from dataset_builders.vst.camera_boxes import SCALES
from dataset_builders.vst.marking import marked_names

UNITS = {"meters": Measure("m", 2), "centimeters": Measure("cm", 0)}
DIMENSIONS = ("height", "largest")


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the height, or the largest dimension, of an object that a point or box marks, in metres or centimetres.

    Needs: boxes, frames, sightings, metric.
    Rule: `size.extents` and `size.longest_side`. Width and length are not asked: an object has no agreed front.
    Dropped: objects that the frame cuts off; heights of boxes that lean by more than 10 degrees; units in which
        rounding could change the answer by more than a tenth.
    Source: VST, appendix C.2 and table 24.
    """
    yield from take_turns(_of_frame(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))


def _of_frame(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    views = whole_views(scene, index)
    heights = extents([view.item for view in views])[2]
    for place, dimension, unit in shuffled(rng, product(range(len(views)), DIMENSIONS, UNITS)):
        length = float(heights[place]) if dimension == "height" else longest_side(views[place].item)
        if UNITS[unit].resolves(length):  # not so NaN, the height of what leans
            yield from _ask(views[place], dimension, unit, length, scene, rng)


def _ask(
    view: View, dimension: str, unit: str, length: float, scene: Scene, rng: np.random.Generator
) -> Iterator[Fact]:
    named = marked_names([view], scene, rng)
    if named is None:
        return
    (name,), (mark,) = named
    yield Fact(
        rule="vst.measurement",
        wording=f"vst.measurement_{dimension}",
        task="object_size",
        answer_type="regression",
        prompt_type=mark.region.kind,
        answer=UNITS[unit].number(length),
        unit=UNITS[unit].unit,
        told_by_words=True,
        semantics=(view.item.category,),
        needs_scale=True,
        measured={"dimension": dimension, "length_m": tidy(length), "size_m": [tidy(side) for side in view.item.size]},
        regions=(mark.region,),
        words={"thing": name, "unit": unit, "place": mark.place},
    )


NEEDS = frozenset({"boxes", "frames", "sightings", "metric"})
RULES = (Rule("vst.measurement", "object_size", NEEDS, SCALES, generate),)
