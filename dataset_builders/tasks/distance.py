"""How far apart are two objects, and which object is closest to another?

A distance between objects is the smallest one between their solid boxes, computed exactly. VSI-Bench takes the
smallest distance between points sampled in the boxes, which is larger by up to the spacing of the points.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.question import Question
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_categories, seen_unique_objects
from dataset_builders.tasks.wording import capital, joined, length_measure, tidy, word
from dataset_builders.taxonomy import SCALES

ABSOLUTE_TEMPLATES = {
    "closest_point": "Measuring from the closest point of each object, what is the distance between the {a} and the "
    "{b}?",
    "how_far": "How far apart are the {a} and the {b}, from closest point to closest point?",
    "gap": "What is the smallest gap between the {a} and the {b}?",
    "shortest": "What is the shortest distance between the {a} and the {b}?",
}
RELATIVE_TEMPLATES = {
    "closest": "Measuring from the closest point of each object, which of these objects ({list}) is the closest to "
    "the {a}?",
    "nearest": "Which is nearest to the {a}: {choice}? Measure between closest points.",
    "least_distance": "From closest point to closest point, which object has the smallest distance to the {a}: "
    "{choice}?",
}
SHORTEST = 4 / 3
"""Smallest absolute distance in question, in margins of the scale (VSI-Bench: 0.2 m of 0.15 m)."""
LARGE_ROOM = 40.0
"""Square metres; in a larger room candidates must differ by two margins (VSI-Bench: 0.30 m instead of 0.15 m)."""
MOST_CANDIDATES = 12
"""Candidates that are combined for one primary object, drawn at random, so that a crowded scene stays cheap."""


def surface_distances(item: SceneObject, others: Sequence[SceneObject]) -> np.ndarray:
    """Return the smallest distances, (N,) metres, between the box of an object and those of others."""
    return box_distances(Boxes.of([item]), Boxes.of(others))


def category_distances(primary: SceneObject, groups: Mapping[str, Sequence[SceneObject]]) -> dict[str, float]:
    """Return the distance, metres, of an object to the nearest instance of each category."""
    distances = surface_distances(primary, [item for group in groups.values() for item in group])
    ends = np.cumsum([len(group) for group in groups.values()])[:-1]
    return {name: float(part.min()) for name, part in zip(groups, np.split(distances, ends), strict=True)}


def closest_category(distances: Mapping[str, float]) -> str:
    """Decide which candidate is the closest."""
    return min(distances, key=distances.__getitem__)


def ambiguity_margin(scene: Scene) -> float:
    """Return by how many metres any two candidates must differ at least."""
    large = scene.room_size is not None and scene.room_size > LARGE_ROOM
    return SCALES[scene.scale].margin * (2 if large else 1)


def generate_absolute(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the distance between two objects.

    Needs: boxes.
    Rule: two objects, each the only one of its category; the smallest distance between their boxes (VSI-Bench,
        absolute distance, without its sampling).
    Dropped: below 4/3 of the scale's margin (0.2 m indoors, as VSI-Bench).
    Unit: the scale's length unit, rounded to its decimals (0.1 m indoors).
    """
    measure = length_measure(scene.scale)
    shortest = SHORTEST * SCALES[scene.scale].margin
    objects = seen_unique_objects(scene)
    rows, columns = np.triu_indices(len(objects), 1)
    boxes = Boxes.of(objects)
    distances = box_distances(boxes[rows], boxes[columns])
    for index in rng.permutation(np.flatnonzero(distances >= shortest)):
        first, second = shuffled(rng, (objects[rows[index]], objects[columns[index]]))
        distance = float(distances[index])
        between_centers = float(np.linalg.norm(first.center - second.center))
        inside = measure.rounded(between_centers) - measure.rounded(distance)
        yield Question(
            task="absolute_distance",
            answer_type="regression",
            prompt_type="text",
            answer=measure.number(distance),
            unit=measure.unit,
            rationale=f"The centres of the {first.category} and the {second.category} are "
            f"{measure.text(between_centers)} apart; {measure.text(inside)} of it lies inside them, which leaves "
            f"{measure.text(distance)}.",
            rule="vsi.absolute_distance",
            semantics=(first.category, second.category),
            needs_scale=True,
            measured={"distance_m": tidy(distance), "between_centers_m": tidy(between_centers)},
            margins={"above_shortest_m": tidy(distance - shortest)},
            **word(rng, ABSOLUTE_TEMPLATES, a=first.category, b=second.category),
        )


def generate_relative(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask which of four, three or two objects is the closest to another.

    Needs: boxes.
    Rule: a primary object that is the only one of its category, and candidate categories; the smallest distance
        between boxes, to the nearest instance of each candidate (VSI-Bench, relative distance).
    Dropped: where the closest candidate is nearer than the scale's margin, or where any two candidates differ by no
        more than the margin (twice that in a room over 40 m²).
    """
    groups = seen_categories(scene)
    primaries = [group[0] for group in groups.values() if len(group) == 1]
    yield from take_turns(_about(primary, groups, scene, rng) for primary in shuffled(rng, primaries))


def _about(primary: SceneObject, groups: dict, scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    others = {name: group for name, group in groups.items() if name != primary.category}
    if len(others) < 2:
        return
    distances = category_distances(primary, others)
    names = list(shuffled(rng, distances))[:MOST_CANDIDATES]
    for chosen in take_turns([shuffled(rng, combinations(names, count)) for count in (4, 3, 2)]):
        question = _compare(primary, {name: distances[name] for name in chosen}, scene, rng)
        if question is not None:
            yield question


def _compare(primary: SceneObject, distances: dict[str, float], scene: Scene, rng) -> Question | None:
    nearest, gap = min(distances.values()), float(np.diff(sorted(distances.values())).min())
    least_gap, margin = ambiguity_margin(scene), SCALES[scene.scale].margin
    if nearest < margin or gap <= least_gap:
        return None
    measure, answer = length_measure(scene.scale), closest_category(distances)
    listed = ", ".join(f"{name} {measure.text(distance)}" for name, distance in distances.items())
    choice = joined([f"the {name}" for name in distances], "or")
    return Question(
        task="relative_distance",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=answer,
        options=tuple(distances),
        rationale=f"From the {primary.category}: {listed}. {capital(answer)} is the closest.",
        rule="vsi.relative_distance",
        semantics=(primary.category, *distances),
        measured={"distances_m": {name: tidy(distance) for name, distance in distances.items()}},
        margins={"gap_m": tidy(gap - least_gap), "nearest_m": tidy(nearest - margin)},
        **word(rng, RELATIVE_TEMPLATES, a=primary.category, list=", ".join(distances), choice=choice),
    )


RULES = (
    Rule("vsi.absolute_distance", "absolute_distance", frozenset({"boxes"}), ALL_SCALES, generate_absolute),
    Rule("vsi.relative_distance", "relative_distance", frozenset({"boxes"}), ALL_SCALES, generate_relative),
)
