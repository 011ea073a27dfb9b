"""How deep is a point or an object, and which of several points is nearest or farthest?

Depth is measured along the optical axis, metres.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from dataset_builders.question import REGION_COLOURS, Question
from dataset_builders.scene import Frame, Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.points import free_points
from dataset_builders.tasks.relations import RELATIONS, Relation, are_separate, room_to_spare, winner
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.spots import Spot, named_spot, point_region, point_spot
from dataset_builders.tasks.visibility import end_frames
from dataset_builders.tasks.wording import capital, joined, length_measure, tidy, word
from dataset_builders.taxonomy import SCALES

SHORTEST = 4 / 3
"""Smallest depth in question, in margins of the scale, as for distances."""
TRIES_PER_FRAME = 12

POINT_TEMPLATES = {
    "depth": "What is the depth of the {a} point, measured from the camera along its viewing direction?",
    "how_far": "How far from the camera is the {a} point, along the viewing direction?",
    "marked": "A point is marked in {a}. How deep does it lie in front of the camera?",
}
NAME_TEMPLATES = {
    "nearest_surface": "In the {frame} frame of the video, how far in front of the camera, along its viewing "
    "direction, is the nearest visible surface of the {a}?",
    "depth": "What is the depth of the nearest visible part of the {a} in the {frame} frame of the video?",
    "how_deep": "How deep does the nearest visible surface of the {a} lie in the {frame} frame of the video?",
}
ORDER_TEMPLATES = {
    "which": "Which of the marked points, {list}, is {superlative} the camera?",
    "of_points": "Of the points marked {list}, which one is {superlative} the camera?",
    "compare": "Compare the depths of the marked points ({list}). Which is {superlative} the camera?",
}
SUPERLATIVES = {"nearer": "nearest to", "farther": "farthest from"}


def generate_of_point(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the depth of a marked point.

    Needs: frames, depth; no objects.
    Rule: the depth of a pixel drawn at random.
    Dropped: pixels of unknown depth, near an edge of the depth (its 5 x 5 neighbours differ by 2 % or more) or near
        the border of the picture; depths below 4/3 of the scale's margin.
    Unit: the scale's length unit, rounded to its decimals.
    """
    yield from take_turns(_points(scene, index, rng) for index in shuffled(rng, _with_depth(scene)))


def _points(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Question]:
    frame = scene.frames[index]
    for point in free_points(frame, rng)[:TRIES_PER_FRAME]:
        colour = pick(rng, REGION_COLOURS)
        spot = point_spot(colour, point, frame)
        fields = {"prompt_type": "point", "regions": (point_region(index, colour, point),)}
        words = word(rng, POINT_TEMPLATES, a=colour)
        question = _ask_depth(spot, "It", scene, "image.depth_of_point", **fields, **words)
        if question is not None:
            yield question


def generate_of_object(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the depth of a named object in the first or last frame, which every selection of frames keeps.

    Needs: boxes, frames, instances, depth.
    Rule: an object that is the only one of its category; the mean of the shallowest tenth of its mask (OpenSpatial).
    Dropped: masks under 20 x 20 pixels of 448 x 336, or with less than half their depth known; depths below 4/3 of the
        scale's margin.
    Unit: the scale's length unit, rounded to its decimals.
    """
    ends = end_frames(scene)
    yield from take_turns(_objects(scene, index, ends[index], rng) for index in shuffled(rng, ends))


def _objects(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Question]:
    frame = scene.frames[index]
    seen = sightings(frame)
    for item in shuffled(rng, [item for item in scene.unique_objects() if item.instance_id in seen]):
        spot = named_spot(item.category, seen[item.instance_id], frame)
        fields = {"prompt_type": "text", "semantics": (item.category,), "frame_index": index}
        words = word(rng, NAME_TEMPLATES, a=item.category, frame=end)
        question = _ask_depth(spot, "Its nearest surface", scene, "image.depth_of_object", **fields, **words)
        if question is not None:
            yield question


def _ask_depth(spot: Spot, what: str, scene: Scene, rule: str, **fields) -> Question | None:
    shortest, measure = SHORTEST * SCALES[scene.scale].margin, length_measure(scene.scale)
    # Written so that NaN, an unknown depth, is dropped.
    if not spot.depth >= shortest:
        return None
    return Question(
        task="depth_estimation",
        answer_type="regression",
        answer=measure.number(spot.depth),
        unit=measure.unit,
        rationale=f"{spot.subject} is at {spot.place()}. {what} is {measure.text(spot.depth)} away.",
        rule=rule,
        needs_scale=True,
        measured={"depth_m": tidy(spot.depth)},
        margins={"above_shortest_m": tidy(spot.depth - shortest)},
        **fields,
    )


def generate_order(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask which of two to four marked points is the nearest or the farthest.

    Needs: frames, depth; no objects.
    Rule: the smallest or largest depth of pixels drawn at random.
    Dropped: pixels as in `generate_of_point`; points less than 8 % of the frame apart; any two depths that differ by
        no more than the scale's margin or 5 %, or whose order differs from that of the distances.
    """
    yield from take_turns(_orders(scene, index, rng) for index in shuffled(rng, _with_depth(scene)))


def _orders(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Question]:
    frame, margin = scene.frames[index], SCALES[scene.scale].margin
    for _ in range(TRIES_PER_FRAME):
        relation = RELATIONS[pick(rng, SUPERLATIVES)]
        chosen = _clear_points(frame, relation, int(rng.integers(2, 5)), margin, rng)
        if len(chosen) < 2:
            continue
        spots = list(chosen)
        measure, best = length_measure(scene.scale), winner(relation, spots)
        superlative = SUPERLATIVES[relation.word]
        facts = "; ".join(f"{spot.label} at {spot.place()} is {measure.text(spot.depth)} away" for spot in spots)
        extreme = "most" if relation.largest else "least"
        yield Question(
            task="depth_estimation",
            answer_type="multiple_choice",
            prompt_type="point",
            answer=best.label,
            options=tuple(spot.label for spot in spots),
            rationale=f"{capital(facts)}. {measure.text(best.depth)} is the {extreme}, so {best.label} is "
            f"{superlative.split(' ')[0]}.",
            rule="image.order_points",
            measured={"relation": relation.word, "depths_m": {spot.label: tidy(spot.depth) for spot in spots}},
            margins={"to_spare_m": tidy(room_to_spare(relation, spots, margin))},
            regions=tuple(point_region(index, spot.label, point) for spot, point in chosen.items()),
            **word(
                rng,
                ORDER_TEMPLATES,
                list=joined([spot.label for spot in spots], "and"),
                superlative=superlative,
            ),
        )


def _clear_points(frame: Frame, relation: Relation, count: int, margin: float, rng: np.random.Generator) -> dict:
    """Pick up to `count` points that differ clearly in place and depth: spot → pixel, in the order of the colours."""
    chosen: dict[Spot, tuple[int, int]] = {}
    for point in free_points(frame, rng):
        spot = point_spot(list(REGION_COLOURS)[len(chosen)], point, frame)
        if all(_is_clear([spot, other], relation, margin) for other in chosen):
            chosen[spot] = point
        if len(chosen) == count:
            break
    return chosen


def _is_clear(pair: Sequence[Spot], relation: Relation, margin: float) -> bool:
    return are_separate(pair) and room_to_spare(relation, pair, margin) > 0


def _with_depth(scene: Scene) -> list[int]:
    return [index for index, frame in enumerate(scene.frames) if frame.depth is not None]


RULES = (
    Rule("image.depth_of_point", "depth_estimation", frozenset({"frames", "depth"}), ALL_SCALES, generate_of_point),
    Rule(
        "image.depth_of_object",
        "depth_estimation",
        frozenset({"boxes", "frames", "depth", "instances"}),
        ALL_SCALES,
        generate_of_object,
    ),
    Rule("image.order_points", "depth_estimation", frozenset({"frames", "depth"}), ALL_SCALES, generate_order),
)
