"""Distances and directions between the objects of a video, as a conversation (VST, appendix C.2 and table 31).

The video is stored once and encoded once for all turns.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, permutations

import numpy as np

from dataset_builders.compass import BAND, POINTS, Bearing, called, from_objects
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.distance import generate_absolute
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_unique_objects
from dataset_builders.tasks.wording import tidy
from dataset_builders.taxonomy import SCALES
from dataset_builders.vst.object_pairs import AROUND, CLOSEST

MOST_TURNS = 8
MOST_OBJECTS = 10
"""That are combined to directions, drawn at random, so that a crowded scene stays cheap."""

Trio = tuple[SceneObject, SceneObject, SceneObject]


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Hold conversations of two to eight turns about a video: a distance and a direction in turn.

    Needs: boxes, metric.
    Rule: distances are those of `distance.generate_absolute`. A direction is that from B to C, if another one, from B
        to A, is given a point of the compass, see `compass.from_objects`; options are up to four of the eight points,
        those that the scene can give, each right equally often. No distance, and no three objects in an order, are
        asked about twice.
    Dropped: as there; what is nearer than `CLOSEST` over the ground; directions within 10 degrees of the border of a
        sector; heights of middles that differ by over a metre; what would be left for a turn alone.
    Source: VST, appendix C.2 and table 31; there the directions are ahead, back, left and right of somebody who faces
        A, which says the same.
    """
    turns = take_turns([_distances(scene, rng), _directions(scene, rng)])
    # Once one kind is used up, the other goes on alone; a conversation begins with a distance.
    while talk := list(islice(turns, MOST_TURNS)):
        if len(talk) > 1 and talk[0].task == "absolute_distance":
            yield replace(talk[0], then=tuple(talk[1:]))


def _distances(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    for fact in generate_absolute(scene, rng):
        yield replace(fact, rule="vst.video_pairs", wording=fact.rule)


def _directions(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    objects = list(islice(shuffled(rng, seen_unique_objects(scene)), MOST_OBJECTS))
    pools: dict[str, list[tuple[Trio, Bearing]]] = {}
    for trio in permutations(objects, 3):
        found = from_objects(*(item.center for item in trio), CLOSEST * SCALES[scene.scale].margin)
        if found is not None:
            pools.setdefault(found.point, []).append((trio, found))
    for options, _, (trio, found) in even_choices(rng, pools):
        known = pick(rng, POINTS)
        yield _direction(trio, found, known, tuple(called(point, known) for point in options))


def _direction(trio: Trio, found: Bearing, known: str, options: tuple[str, ...]) -> Fact:
    names = tuple(item.category for item in trio)
    return Fact(
        rule="vst.video_pairs",
        wording="vst.video_direction",
        task="position_comparison",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=called(found.point, known),
        options=options,
        semantics=names,
        measured={
            "instance_ids": [item.instance_id for item in trio],
            "reference": known,
            "clockwise_deg": tidy(found.angle),
        },
        margins={"sector_deg": tidy(found.margin - BAND)},
        words={"known": known, "side": AROUND[found.point], **dict(zip("abc", names, strict=True))},
    )


RULES = (Rule("vst.video_pairs", "absolute_distance", frozenset({"boxes", "metric"}), ALL_SCALES, generate),)
