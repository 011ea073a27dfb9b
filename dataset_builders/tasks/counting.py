"""How many objects of a category are there?"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Question
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_categories
from dataset_builders.tasks.wording import plural, word

TEMPLATES = {
    "how_many": "How many {things} are there in this scene?",
    "count": "Count the {things} in this scene.",
    "number": "What is the number of {things} in this scene?",
    "total": "How many {things} are there in total?",
}


def count_instances(scene: Scene, category: str) -> int:
    """Return how many instances of a category there are.

    That is the count that the source states, where it states one, because an annotated room can have an instance
    without a box; else the number of boxes.
    """
    stated = scene.metadata.get("object_counts", {})
    return int(stated.get(category, sum(item.category == category for item in scene.objects)))


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the number of instances of a category.

    Needs: boxes.
    Rule: a category with at least two instances; the answer is their number (VSI-Bench, object count).
    Dropped: a category of which some instance is not seen in any frame (it cannot be counted from the video), or whose
        stated count differs from its boxes (one of the two is wrong).
    Unit: none; whole numbers.
    """
    for category, group in shuffled(rng, seen_categories(scene).items()):
        count = count_instances(scene, category)
        if count < 2 or count != len(group):
            continue
        yield Question(
            task="object_counting",
            answer_type="regression",
            prompt_type="text",
            answer=str(count),
            rationale=f"I see {count} {plural(category)}.",
            rule="vsi.object_count",
            semantics=(category,),
            measured={"count": count},
            **word(rng, TEMPLATES, things=plural(category)),
        )


RULES = (Rule("vsi.object_count", "object_counting", frozenset({"boxes"}), ALL_SCALES, generate),)
