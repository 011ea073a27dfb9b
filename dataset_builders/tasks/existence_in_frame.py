"""Is there an object of a category further left, higher, nearer … than another one in a frame?

About each category and relation, yes and no are equally likely, as in `existence`.
"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.anchors import counted_categories
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.existence import exists
from dataset_builders.tasks.relations import RELATIONS, Relation, are_separate, room_to_spare, winner
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.spots import Spot, object_spot
from dataset_builders.tasks.views import draw_marks, whole_views
from dataset_builders.tasks.visibility import end_frames, frames_with_masks
from dataset_builders.tasks.wording import length_measure, tidy
from dataset_builders.taxonomy import SCALES

PHRASES = {
    "further left": "further left than",
    "further right": "further right than",
    "higher": "higher up than",
    "lower": "lower down than",
    "nearer": "nearer to the camera than",
    "farther": "farther from the camera than",
}


def generate_of_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask whether an object of a category is further left, higher, nearer … than an object marked in the same frame.

    Needs: boxes (for names), frames, instances, depth, metric.
    Rule: the centres of the visible boxes are compared in the image, the nearest visible surfaces in depth. Yes if one
        of the category clearly satisfies it, no if all of those in the frame clearly satisfy the opposite.
    Dropped: all else, see `relations` for what is clear; a category of which the frame shows some instance too small;
        masks under 20 x 20 pixels of 448 x 336; marked objects that the frame cuts off.
    Source: SpaceVista, Table B7 (Existence Estimation, position).
    """
    yield from take_turns(_of_marked(scene, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _of_marked(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    views = {view.item.instance_id: view for view in whole_views(scene, index)}
    for category, reference, fact in _compared(scene, index, list(views), rng):
        (mark,) = draw_marks([views[reference]], scene, rng)
        words = {**fact.pop("words"), "a": mark.colour, "at": mark.at, "place": mark.place}
        fact |= {"prompt_type": mark.region.kind, "regions": (mark.region,), "semantics": (category,)}
        yield exists(category, words=words, rule="existence.beside_marked", **fact)


def generate_of_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask the same of an object that is named, in the first or last frame, which every selection of frames keeps.

    Needs: boxes (for names), frames, instances, depth, metric.
    Rule: as for marked objects; the named object is the only one of its category.
    Dropped: as for marked objects.
    Source: SpaceVista, Table B7 (Existence Estimation, position).
    """
    ends = end_frames(scene)
    yield from take_turns(_of_named(scene, index, ends[index], rng) for index in shuffled(rng, ends))


def _of_named(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Fact]:
    names = {group[0].instance_id: name for name, group in counted_categories(scene).items() if len(group) == 1}
    for category, reference, fact in _compared(scene, index, list(names), rng):
        words = {**fact.pop("words"), "a": names[reference], "frame": end}
        fact |= {"prompt_type": "text", "key_frames": (index,), "semantics": (category, names[reference])}
        yield exists(category, words=words, rule="existence.beside_named", **fact)


def _compared(scene: Scene, index: int, references: list[int], rng: np.random.Generator) -> Iterator[tuple]:
    """Yield a category, the instance id of a reference of another one, and fields of the fact about both."""
    frame = scene.frames[index]
    spots = {number: object_spot("", "", seen, frame) for number, seen in sightings(frame).items()}
    ends = {number: spots[number] for number in references if number in spots}
    present = set(np.unique(frame.instances).tolist())
    streams = []
    for category, group in counted_categories(scene).items():
        shown = [item.instance_id for item in group if item.instance_id in present]
        if shown and all(number in spots for number in shown):
            others = {number: spot for number, spot in ends.items() if number not in shown}
            sought = [spots[number] for number in shown]
            streams += [_decide(category, sought, others, relation, scene, rng) for relation in RELATIONS.values()]
    yield from take_turns(shuffled(rng, streams))


def _decide(category: str, sought: list[Spot], others: dict, relation: Relation, scene: Scene, rng) -> Iterator[tuple]:
    cases = {"yes": [], "no": []}
    for number, reference in others.items():
        spare = [_spare(relation, spot, reference, SCALES[scene.scale].margin) for spot in sought]
        if max(spare) > 0:
            cases["yes"].append((number, reference, sought[int(np.argmax(spare))], max(spare)))
        elif max(spare) < 0:
            cases["no"].append((number, reference, sought[int(np.argmax(spare))], -max(spare)))
    for _, answer, (number, reference, decisive, spare) in even_choices(rng, cases):
        found, bound = (_value(relation, spot, scene.scale) for spot in (decisive, reference))
        fields = {
            "answer": answer,
            "measured": {
                "relation": relation.word,
                "found": tidy(relation.key(decisive)),
                "reference": tidy(relation.key(reference)),
            },
            "margins": {f"to_spare_{'m' if relation.axis == 'depth' else 'share'}": tidy(spare)},
            "words": {
                "relation": PHRASES[relation.word],
                "found": found,
                "bound": bound,
                "is": "is" if answer == "yes" else "is not",
            },
        }
        yield category, number, fields


def _spare(relation: Relation, spot: Spot, reference: Spot, margin: float) -> float:
    """Return how clearly a spot wins against a reference: below 0 where it clearly loses, 0 where neither is clear."""
    spare = room_to_spare(relation, (spot, reference), margin)
    # Written so that NaN, an unknown depth, counts as unclear.
    if not (spare > 0 and are_separate((spot, reference))):
        return 0.0
    return spare if winner(relation, (spot, reference)) is spot else -spare


def _value(relation: Relation, spot: Spot, scale: str) -> str:
    """Print what is compared: the place in percent of the frame, or the depth."""
    if relation.axis == "depth":
        return length_measure(scale, spot.depth).text(spot.depth)
    return f"{relation.axis} {100 * relation.key(spot):.0f}"


NEEDS = frozenset({"boxes", "frames", "instances", "depth", "metric"})
RULES = (
    Rule("existence.beside_marked", "existence_estimation", NEEDS, ALL_SCALES, generate_of_marked),
    Rule("existence.beside_named", "existence_estimation", NEEDS, ALL_SCALES, generate_of_named),
)
