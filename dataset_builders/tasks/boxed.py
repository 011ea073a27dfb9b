"""How large is the boxed object, how far apart are two of them? Nothing in the words tells the scale: it must be seen.

The measures are those of `size` and `distance`; only the way of pointing differs (paper, section 3, input extension).
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from dataset_builders.question import REGION_COLOURS, Question
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.distance import SHORTEST, surface_distances
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import Sighting, sightings
from dataset_builders.tasks.size import longest_side
from dataset_builders.tasks.spots import box_region, box_spot
from dataset_builders.tasks.visibility import frames_with_masks
from dataset_builders.tasks.wording import length_measure, size_measure, tidy, word
from dataset_builders.taxonomy import SCALES

SIZE_TEMPLATES = {
    "longest_side": "An object is boxed in {a}. How long is its longest side?",
    "largest_extent": "What is the largest extent of the object in the {a} box, be it its length, width or height?",
    "estimate": "Estimate the longest dimension of the object in the {a} box.",
}
DISTANCE_TEMPLATES = {
    "gap": "Two objects are boxed, one in {a} and one in {b}. What is the smallest gap between them?",
    "how_far": "How far apart are the objects in the {a} and the {b} box, from closest point to closest point?",
    "shortest": "What is the shortest distance between the object in the {a} box and the one in the {b} box?",
}


def generate_size(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the longest dimension of an object that is boxed in one frame.

    Needs: boxes, frames, instances.
    Rule: the longest axis of the object's box, as in `size.generate`.
    Dropped: masks under 20 x 20 pixels of 448 x 336; objects that the frame cuts off; sizes that rounding can change
        by more than a tenth.
    Unit: the scale's size unit, rounded to its decimals.
    """
    yield from take_turns(_sizes(scene, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _sizes(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Question]:
    measure = size_measure(scene.scale)
    for item, seen in shuffled(rng, _whole(scene, index)):
        colour = next(shuffled(rng, REGION_COLOURS))
        longest = longest_side(item)
        if not measure.resolves(longest):
            continue
        spot = box_spot(colour, seen, scene.frames[index])
        yield Question(
            task="object_size",
            answer_type="regression",
            prompt_type="bbox",
            answer=measure.number(longest),
            unit=measure.unit,
            rationale=f"{spot.subject} is at {spot.place()}. It is the {item.category}; its longest side is "
            f"{measure.text(longest)}.",
            rule="image.size_of_boxed",
            semantics=(item.category,),
            needs_scale=True,
            measured={"size_m": [tidy(side) for side in item.size]},
            regions=(box_region(index, colour, seen),),
            **word(rng, SIZE_TEMPLATES, a=colour),
        )


def generate_distance(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the distance between two objects that are boxed in one frame.

    Needs: boxes, frames, instances.
    Rule: the smallest distance between the objects' boxes, as in `distance.generate_absolute`.
    Dropped: masks and objects as in `generate_size`; distances below 4/3 of the scale's margin.
    Unit: the scale's length unit, rounded to its decimals.
    """
    yield from take_turns(_distances(scene, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _distances(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Question]:
    measure, shortest = length_measure(scene.scale), SHORTEST * SCALES[scene.scale].margin
    for pair in shuffled(rng, combinations(_whole(scene, index), 2)):
        (first, _), (second, _) = pair
        distance = float(surface_distances(first, [second])[0])
        if distance < shortest:
            continue
        colours = list(shuffled(rng, REGION_COLOURS))[:2]
        places = [box_spot(colour, seen, scene.frames[index]) for colour, (_, seen) in zip(colours, pair, strict=True)]
        yield Question(
            task="absolute_distance",
            answer_type="regression",
            prompt_type="bbox",
            answer=measure.number(distance),
            unit=measure.unit,
            rationale=f"{places[0].subject} is at {places[0].place()}, the {first.category}; {colours[1]} is at "
            f"{places[1].place()}, the {second.category}. They are {measure.text(distance)} apart.",
            rule="image.distance_of_boxed",
            semantics=(first.category, second.category),
            needs_scale=True,
            measured={"distance_m": tidy(distance)},
            margins={"above_shortest_m": tidy(distance - shortest)},
            regions=tuple(box_region(index, colour, seen) for colour, (_, seen) in zip(colours, pair, strict=True)),
            **word(rng, DISTANCE_TEMPLATES, a=colours[0], b=colours[1]),
        )


def _whole(scene: Scene, index: int) -> list[tuple[SceneObject, Sighting]]:
    """List the objects that a frame shows and does not cut off."""
    frame = scene.frames[index]
    seen = sightings(frame)
    right, bottom = frame.camera.width - 1, frame.camera.height - 1
    return [
        (item, seen[item.instance_id])
        for item in scene.objects
        if item.instance_id in seen
        and all(0 < x < right for x in seen[item.instance_id].bbox[::2])
        and all(0 < y < bottom for y in seen[item.instance_id].bbox[1::2])
    ]


NEEDS = frozenset({"boxes", "frames", "instances"})
RULES = (
    Rule("image.size_of_boxed", "object_size", NEEDS, ALL_SCALES, generate_size),
    Rule("image.distance_of_boxed", "absolute_distance", NEEDS, ALL_SCALES, generate_distance),
)
