"""Which of several marked points is the nearest, and how are several objects ordered from near to far?

Depth is measured along the optical axis, metres.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, permutations

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact, Region
from dataset_builders.scene import Scene
from dataset_builders.tasks.depth import TRIES_PER_FRAME, frames_with_depth
from dataset_builders.tasks.draw import in_rounds, pick, shuffled, take_turns
from dataset_builders.tasks.image_position import named_spots, prominence
from dataset_builders.tasks.marked_spots import draw_marked
from dataset_builders.tasks.pointing import shown_in
from dataset_builders.tasks.points import free_points
from dataset_builders.tasks.relations import RELATIONS, are_separate, room_to_spare, winner
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.spots import Spot, object_spot, point_region, point_spot
from dataset_builders.tasks.visibility import end_frames, frames_with_sightings
from dataset_builders.tasks.wording import capital, joined, length_measure, tidy
from dataset_builders.taxonomy import SCALES

SUPERLATIVES = {
    "nearer": {"superlative": "nearest to", "short": "nearest", "extreme": "least"},
    "farther": {"superlative": "farthest from", "short": "farthest", "extreme": "most"},
}
DIRECTIONS = {
    "nearer": {"begin": "nearest", "end": "farthest", "sense": "near to far"},
    "farther": {"begin": "farthest", "end": "nearest", "sense": "far to near"},
}
"""Of an order, by which of its objects comes first."""
THINGS = {"bbox": "the objects in the {} boxes", "mask": "the objects under the {} masks"}
LEAST_ORDERED, MOST_ORDERED = 3, 4
NUM_OPTIONS = 4
NEARER = RELATIONS["nearer"]


def generate_points(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two to four marked points of one frame is the nearest or the farthest.

    Needs: frames, depth, metric (the margin is a length); no objects.
    Rule: the smallest or largest depth of pixels drawn at random.
    Dropped: pixels as in `depth.generate_of_point`; points less than 8 % of the frame apart; any two depths that
        differ by no more than the scale's margin or 5 %, or whose order differs from that of the distances.
    Source: SpaceVista, Table B8 (relative depth); VST, appendix C.
    """
    yield from take_turns(_points(scene, index, rng) for index in shuffled(rng, frames_with_depth(scene)))


def _points(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    for _ in range(TRIES_PER_FRAME):
        colours = list(shuffled(rng, REGION_COLOURS))[: int(rng.integers(2, 5))]
        drawn = ((index, point) for point in free_points(scene.frames[index], rng))
        chosen = _clear_points(scene, drawn, colours)
        if len(chosen) > 1:
            yield _extreme(scene, chosen, rng, "image.order_points")


def generate_points_across(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two to four points, each marked in a frame of its own, is the nearest to the camera there.

    Needs: frames, depth, metric; no objects.
    Rule, Dropped, Source: as for `generate_points`, but the places of the points in their pictures do not matter.
    """
    able = frames_with_depth(scene)
    for _ in range(TRIES_PER_FRAME if len(able) > 1 else 0):
        frames = list(shuffled(rng, able))[: int(rng.integers(2, 5))]
        colours = list(shuffled(rng, REGION_COLOURS))[: len(frames)]
        drawn = ((index, point) for index in frames for point in free_points(scene.frames[index], rng)[:1])
        chosen = _clear_points(scene, drawn, colours)
        if len(chosen) > 1:
            yield _extreme(scene, chosen, rng, "frames.order_points")


def _clear_points(
    scene: Scene, drawn: Iterable[tuple[int, tuple[int, int]]], colours: list[str]
) -> dict[Spot, Region]:
    """Give the colours to as many points, (frame, pixel), whose depths differ clearly: spot → its mark."""
    chosen: dict[Spot, Region] = {}
    for index, point in drawn:
        colour = colours[len(chosen)]
        spot, region = point_spot(colour, point, scene.frames[index]), point_region(index, colour, point)
        if all(_clear(scene, spot, other, region.frame_index == mark.frame_index) for other, mark in chosen.items()):
            chosen[spot] = region
        if len(chosen) == len(colours):
            break
    return chosen


def _clear(scene: Scene, spot: Spot, other: Spot, same_frame: bool) -> bool:
    if same_frame and not are_separate([spot, other]):
        return False
    return room_to_spare(NEARER, [spot, other], SCALES[scene.scale].margin) > 0


def _extreme(scene: Scene, chosen: dict[Spot, Region], rng: np.random.Generator, rule: str) -> Fact:
    relation, spots = RELATIONS[pick(rng, SUPERLATIVES)], list(shuffled(rng, chosen))
    best, margin = winner(relation, spots), SCALES[scene.scale].margin
    measure = length_measure(scene.scale, min(spot.depth for spot in spots))
    facts = "; ".join(f"{spot.phrase} at {spot.place()} is {measure.text(spot.depth)} away" for spot in spots)
    return Fact(
        task="depth_estimation",
        answer_type="multiple_choice",
        prompt_type="point",
        answer=best.label,
        options=tuple(spot.label for spot in spots),
        open_ended=True,
        rule=rule,
        measured={"relation": relation.word, "depths_m": {spot.label: tidy(spot.depth) for spot in spots}},
        margins={"to_spare_m": tidy(room_to_spare(relation, spots, margin))},
        regions=tuple(chosen[spot] for spot in spots),
        words={
            "list": joined([spot.label for spot in spots], "and"),
            "choice": joined([spot.label for spot in spots], "or"),
            "facts": capital(facts),
            "best": measure.text(best.depth),
            **SUPERLATIVES[relation.word],
        },
    )


def generate_objects(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the order, from near to far or from far to near, of three or four objects of one frame.

    Needs: boxes, frames, sightings, depth, metric.
    Rule: the depths of the nearest visible surfaces. Objects are marked by boxes or masks in any frame, or named in
        the first or last one. The wrong orders are drawn at random, so that each option is equally likely to be right.
        In as many named groups as not the nearer one of most pairs is the more prominent one.
    Dropped: masks under 20 x 20 pixels of 448 x 336; objects that are not clearly apart as in `generate_points`.
    Source: SpaceVista, Table B8 (relative depth); SpatialEvo's environment (depth_order_obj_obj).
    """
    ends = end_frames(scene)
    marked = take_turns(_marked(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))
    named = take_turns(_named(scene, index, ends[index], rng) for index in shuffled(rng, ends))
    yield from take_turns([marked, named])


def _marked(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    shown, frame = shown_in(scene, index), scene.frames[index]
    spots = [object_spot(str(number), "", one.seen, frame) for number, one in shown.items()]
    for group in _groups(scene, spots, rng):
        marked = draw_marked(scene, [shown[int(spot.label)] for spot in group], rng, tuple(THINGS))
        if marked is not None:
            things = THINGS[marked.kind].format(joined([spot.label for spot in marked.spots], "and"))
            fields = {"prompt_type": marked.kind, "regions": marked.regions}
            yield _order(scene, marked.spots, rng, {"things": things, "where": ""}, **fields)


def _named(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Fact]:
    camera = scene.frames[index].camera
    prominences = {item.category: prominence(item, camera) for item in scene.unique_objects()}
    pools: dict[str, list[list[Spot]]] = {"expected": [], "surprising": []}
    for group in _groups(scene, list(named_spots(scene, index).values()), rng):
        pairs = combinations(sorted(group, key=NEARER.key), 2)
        expected = [prominences[near.label] > prominences[far.label] for near, far in pairs]
        if 2 * sum(expected) != len(expected):
            pools["expected" if 2 * sum(expected) > len(expected) else "surprising"].append(group)
    for group in in_rounds(rng, pools):
        words = {"things": joined([spot.phrase for spot in group], "and"), "where": f" in the {end} frame"}
        names = tuple(spot.label for spot in group)
        yield _order(scene, group, rng, words, prompt_type="text", semantics=names, key_frames=(index,))


def _groups(scene: Scene, spots: Sequence[Spot], rng: np.random.Generator) -> Iterator[list[Spot]]:
    """Draw distinct sets of three or four spots that are all clearly apart, each in random order."""
    known: set[frozenset[str]] = set()
    for _ in range(TRIES_PER_FRAME):
        group: list[Spot] = []
        for spot in shuffled(rng, spots):
            if len(group) < MOST_ORDERED and all(_clear(scene, spot, other, same_frame=True) for other in group):
                group.append(spot)
        labels = frozenset(spot.label for spot in group)
        if len(group) >= LEAST_ORDERED and labels not in known:
            known.add(labels)
            yield group


def _order(scene: Scene, spots: Sequence[Spot], rng: np.random.Generator, words: dict[str, str], **fields) -> Fact:
    direction = pick(rng, DIRECTIONS)
    ordered = sorted(spots, key=NEARER.key, reverse=direction == "farther")
    right = tuple(spot.label for spot in ordered)
    wrong = [order for order in permutations(right) if order != right]
    options = [right, *list(shuffled(rng, wrong))[: NUM_OPTIONS - 1]]
    measure = length_measure(scene.scale, min(spot.depth for spot in spots))
    facts = "; ".join(f"{spot.phrase} at {spot.place()} is {measure.text(spot.depth)} away" for spot in spots)
    return Fact(
        task="depth_estimation",
        answer_type="multiple_choice",
        answer=", ".join(right),
        options=tuple(", ".join(order) for order in shuffled(rng, options)),
        rule="image.order_objects",
        measured={"relation": direction, "depths_m": {spot.label: tidy(spot.depth) for spot in spots}},
        margins={"to_spare_m": tidy(room_to_spare(NEARER, spots, SCALES[scene.scale].margin))},
        words={
            **words,
            "facts": capital(facts),
            "sorted": joined([measure.text(spot.depth) for spot in ordered], "and"),
            **DIRECTIONS[direction],
        },
        **fields,
    )


POINTS = frozenset({"frames", "depth", "metric"})
RULES = (
    Rule("image.order_points", "depth_estimation", POINTS, ALL_SCALES, generate_points),
    Rule("frames.order_points", "depth_estimation", POINTS, ALL_SCALES, generate_points_across),
    Rule("image.order_objects", "depth_estimation", POINTS | {"boxes", "sightings"}, ALL_SCALES, generate_objects),
)
