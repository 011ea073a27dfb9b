"""In which order are objects stacked?

A stack is one of `contact`: each object rests on the one below and on nothing else. No name tells the order of the
stacks of the synthetic scenes, and no colour that of marked ones.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.contact import find_contacts
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.even import NUM_OPTIONS
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.spatial_relation_marked import Sight
from dataset_builders.tasks.visibility import frames_with_masks, seen_unique_objects
from dataset_builders.tasks.wording import capital, joined, tidy

MOST = 4
"""Objects of a stack that are asked about; of a higher one, neighbours drawn at random."""
NUMBERS = {2: "two", 3: "three", 4: "four"}


def generate_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the order of the objects of a stack from the bottom up, or for the lowest or highest of them.

    Needs: boxes, metric.
    Rule: the chain of supports (see `contact`); every object is the only one of its category.
    Dropped: stacks that are too close to call, or with an object that is not seen or not told by its name; the order
        of two.
    Source: SpaceVista, Table B8 (Spatial Relation: stacking).
    """
    named = {item.instance_id for item in seen_unique_objects(scene)}
    streams = []
    for stack in _stacks(scene, rng):
        categories = [scene.objects[index].category for index in stack]
        if all(scene.objects[index].instance_id in named for index in stack):
            names = [f"the {name}" for name in categories]
            streams.append(_ask(scene, stack, names, categories, rng, rule="relation.stack", prompt_type="text"))
    yield from take_turns(streams)


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask the same about marked objects, which can be of one kind.

    Needs: boxes, frames, instances, metric.
    Rule: as in `generate_named`.
    Dropped: as in `generate_named`, but for names; masks under 20 x 20 pixels of 448 x 336; objects that the frame
        cuts off.
    Source: SpaceVista, section 3 (input extension) and Table B8 (Spatial Relation: stacking).
    """
    sights = (Sight.of(scene, index) for index in shuffled(rng, frames_with_masks(scene)))
    yield from take_turns(_marked(sight, rng) for sight in sights)


def _marked(sight: Sight, rng: np.random.Generator) -> Iterator[Fact]:
    for stack in _stacks(sight.scene, rng):
        if set(stack) <= sight.views.keys():
            marks = sight.marks(stack, rng)
            colours = [mark.colour for mark in marks]
            # In any order, which would tell the answer otherwise.
            regions = tuple(shuffled(rng, (mark.region for mark in marks)))
            fields = {"prompt_type": regions[0].kind, "regions": regions}
            yield from _ask(sight.scene, stack, colours, colours, rng, rule="relation.stack_marked", **fields)


def _stacks(scene: Scene, rng: np.random.Generator) -> Iterator[list[int]]:
    categories = [item.category for item in scene.objects]
    for stack in shuffled(rng, find_contacts(scene).stacks(categories)):
        start = int(rng.integers(max(len(stack) - MOST, 0) + 1))
        yield stack[start : start + MOST]


def _ask(scene: Scene, stack: Sequence[int], called: Sequence[str], short: Sequence[str], rng, **fields) -> Iterator:
    """Ask about one stack, from the bottom up; its objects are `called` so in sentences and `short` in options."""
    resting = [f"{upper} rests on {lower}" for lower, upper in zip(called, called[1:], strict=False)]
    words = {
        "list": joined(shuffled(rng, called), "and"),
        "choice": joined(shuffled(rng, called), "or"),
        "count": NUMBERS[len(stack)],
        "finding": capital(joined(resting, "and")),
        "bottom": called[0],
        "top": called[-1],
    }
    forms = [("at the bottom", 0), ("at the top", -1), *([("in the middle", 1)] if len(stack) == 3 else [])]
    asked = [(f"{fields['rule']}_place", short[place], tuple(short), {"where": where}) for where, place in forms]
    if len(stack) > 2:
        orders = [", ".join(order) for order in permutations(short)]
        wrong = list(shuffled(rng, orders[1:]))[: NUM_OPTIONS - 1]
        asked.append((f"{fields['rule']}_order", orders[0], (orders[0], *wrong), {}))
    spare = [one.spare for one in find_contacts(scene).found if {one.thing, one.anchor} <= set(stack)]
    for wording, answer, options, more in shuffled(rng, asked):
        yield Fact(
            task="spatial_relation",
            answer_type="multiple_choice",
            wording=wording,
            answer=answer,
            options=tuple(shuffled(rng, options)),
            open_ended=True,
            semantics=tuple(dict.fromkeys(scene.objects[index].category for index in stack)),
            measured={"bottom_up": [scene.objects[index].instance_id for index in stack]},
            margins={"contact_m": tidy(min(spare))},
            words={**words, **more},
            **fields,
        )


RULES = (
    Rule("relation.stack", "spatial_relation", frozenset({"boxes", "metric"}), ALL_SCALES, generate_named),
    Rule(
        "relation.stack_marked",
        "spatial_relation",
        frozenset({"boxes", "frames", "instances", "metric"}),
        ALL_SCALES,
        generate_marked,
    ),
)
