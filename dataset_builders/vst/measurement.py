"""How high is a marked object, and how long is its largest dimension, in the unit asked for (VST, table 24)?"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.size import extents, longest_side
from dataset_builders.tasks.views import Mark, View, whole_views
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
    for length in shuffled(rng, lengths(scene, index)):
        named = marked_names([length.view], scene, rng)
        if named is not None:
            (name,), (mark,) = named
            yield length.fact("vst.measurement", name, mark)


@dataclass(frozen=True)
class Length:
    """What can be asked about an object.

    Attributes:
        view: The object in a frame.
        dimension: One of `DIMENSIONS`.
        unit: A key of `UNITS`.
        metres: How long it is.
    """

    view: View
    dimension: str
    unit: str
    metres: float

    def fact(self, rule: str, name: str, mark: Mark) -> Fact:
        """Make the fact that asks for it, of an object that bears a mark and a name with it."""
        item, measure = self.view.item, UNITS[self.unit]
        return Fact(
            rule=rule,
            wording=f"vst.measurement_{self.dimension}",
            task="object_size",
            answer_type="regression",
            prompt_type=mark.region.kind,
            answer=measure.number(self.metres),
            unit=measure.unit,
            told_by_words=True,
            semantics=(item.category,),
            needs_scale=True,
            measured={
                "dimension": self.dimension,
                "length_m": tidy(self.metres),
                "size_m": [tidy(side) for side in item.size],
            },
            regions=(mark.region,),
            words={"thing": name, "unit": self.unit, "place": mark.place},
        )


def lengths(scene: Scene, index: int) -> Iterator[Length]:
    """List what can be asked about the objects that a frame shows whole, object by object."""
    views = whole_views(scene, index)
    heights = extents([view.item for view in views])[2]
    for place, dimension, unit in product(range(len(views)), DIMENSIONS, UNITS):
        metres = float(heights[place]) if dimension == "height" else longest_side(views[place].item)
        if UNITS[unit].resolves(metres):  # not so NaN, the height of what leans
            yield Length(views[place], dimension, unit, metres)


NEEDS = frozenset({"boxes", "frames", "sightings", "metric"})
RULES = (Rule("vst.measurement", "object_size", NEEDS, SCALES, generate),)
