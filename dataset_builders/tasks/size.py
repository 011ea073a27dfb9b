"""How long is the longest side of an object?"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Question
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import shuffled
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_unique_objects
from dataset_builders.tasks.wording import size_measure, tidy, word

TEMPLATES = {
    "longest_dimension": "What is the length of the longest dimension (length, width, or height) of the {thing}?",
    "how_long": "How long is the {thing} along its longest side?",
    "largest_extent": "What is the largest extent of the {thing}, be it its length, width or height?",
    "longest_side": "Estimate the longest side of the {thing}.",
}


def longest_side(item: SceneObject) -> float:
    """Return the longest axis of the object's box, metres."""
    return float(item.size.max())


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the longest dimension of an object.

    Needs: boxes.
    Rule: an object that is the only one of its category; the longest axis of its box (VSI-Bench, object size).
    Dropped: an object so small that rounding can change the answer by more than a tenth.
    Unit: the scale's size unit, rounded to its decimals (whole centimetres indoors, as VSI-Bench).
    """
    measure = size_measure(scene.scale)
    for item in shuffled(rng, seen_unique_objects(scene)):
        longest = longest_side(item)
        if not measure.resolves(longest):
            continue
        sides = " x ".join(measure.number(side) for side in sorted(item.size, reverse=True))
        yield Question(
            task="object_size",
            answer_type="regression",
            prompt_type="text",
            answer=measure.number(longest),
            unit=measure.unit,
            rationale=f"The {item.category} measures {sides} {measure.unit}; its longest side is "
            f"{measure.text(longest)}.",
            rule="vsi.object_size",
            semantics=(item.category,),
            needs_scale=True,
            measured={"size_m": [tidy(side) for side in item.size]},
            **word(rng, TEMPLATES, thing=item.category),
        )


RULES = (Rule("vsi.object_size", "object_size", frozenset({"boxes"}), ALL_SCALES, generate),)
