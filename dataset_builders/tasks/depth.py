"""How deep does a point or an object lie?

Depth is measured along the optical axis, metres.
"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.marked_spots import draw_marked
from dataset_builders.tasks.pointing import shown_in
from dataset_builders.tasks.points import free_points
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.spots import Spot, named_spot, point_region, point_spot
from dataset_builders.tasks.visibility import end_frames, frames_with_sightings
from dataset_builders.tasks.wording import length_measure, tidy
from dataset_builders.taxonomy import SCALES

SHORTEST = 4 / 3
"""Smallest depth in question, in margins of the scale, as for distances."""
TRIES_PER_FRAME = 12


def generate_of_point(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the depth of a marked point.

    Needs: frames, depth, metric; no objects.
    Rule: the depth of a pixel drawn at random.
    Dropped: pixels of unknown depth, near an edge of the depth (its 5 x 5 neighbours differ by 2 % or more) or near
        the border of the picture; depths below 4/3 of the scale's margin.
    Unit: the scale's length unit, rounded to its decimals.
    Source: SpaceVista, Table B8 (absolute depth); VST, appendix C.
    """
    yield from take_turns(_points(scene, index, rng) for index in shuffled(rng, frames_with_depth(scene)))


def _points(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    frame = scene.frames[index]
    for point in free_points(frame, rng)[:TRIES_PER_FRAME]:
        colour = pick(rng, REGION_COLOURS)
        spot = point_spot(colour, point, frame)
        fields = {"prompt_type": "point", "regions": (point_region(index, colour, point),)}
        fact = _ask_depth(spot, scene, {}, rule="image.depth_of_point", **fields)
        if fact is not None:
            yield fact


def generate_of_object(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the depth of a named object in the first or last frame, which every selection of frames keeps.

    Needs: boxes, frames, sightings, depth, metric.
    Rule: an object that is the only one of its category; the mean of the shallowest tenth of its mask (OpenSpatial).
    Dropped: masks under 20 x 20 pixels of 448 x 336, or with less than half their depth known; depths below 4/3 of the
        scale's margin.
    Unit: the scale's length unit, rounded to its decimals.
    Source: SpaceVista, Table B8 (absolute depth).
    """
    ends = end_frames(scene)
    yield from take_turns(_objects(scene, index, ends[index], rng) for index in shuffled(rng, ends))


def _objects(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Fact]:
    frame = scene.frames[index]
    seen = sightings(frame)
    for item in shuffled(rng, [item for item in scene.unique_objects() if item.instance_id in seen]):
        spot = named_spot(item.category, seen[item.instance_id], frame)
        fields = {"prompt_type": "text", "semantics": (item.category,), "key_frames": (index,)}
        fact = _ask_depth(spot, scene, {"frame": end}, rule="image.depth_of_object", **fields)
        if fact is not None:
            yield fact


def generate_of_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the depth of an object that a box or a mask marks in any frame.

    Needs: boxes (for the ids and names of objects), frames, sightings, depth, metric.
    Rule, Dropped, Unit, Source: as for `generate_of_object`.
    """
    yield from take_turns(_marked(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))


def _marked(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    names = {item.instance_id: item.category for item in scene.objects}
    for number, shown in shuffled(rng, shown_in(scene, index).items()):
        marked = draw_marked(scene, [shown], rng, ("bbox", "mask"))
        if marked is None:
            continue
        fields = {"prompt_type": marked.kind, "regions": marked.regions, "semantics": (names[number],)}
        fact = _ask_depth(marked.spots[0], scene, {}, rule="image.depth_of_marked", **fields)
        if fact is not None:
            yield fact


def _ask_depth(spot: Spot, scene: Scene, words: dict[str, str], **fields) -> Fact | None:
    shortest = SHORTEST * SCALES[scene.scale].margin
    # Written so that NaN, an unknown depth, is dropped.
    if not spot.depth >= shortest:
        return None
    measure = length_measure(scene.scale, spot.depth)
    return Fact(
        task="depth_estimation",
        answer_type="regression",
        answer=measure.number(spot.depth),
        unit=measure.unit,
        words={**words, "a": spot.phrase, "subject": spot.subject, "place": spot.place()},
        needs_scale=True,
        measured={"depth_m": tidy(spot.depth)},
        margins={"above_shortest_m": tidy(spot.depth - shortest)},
        **fields,
    )


def frames_with_depth(scene: Scene) -> list[int]:
    """Return the indices of the frames whose depth is known."""
    return [index for index, frame in enumerate(scene.frames) if frame.depth is not None]


POINTS = frozenset({"frames", "depth", "metric"})
OBJECTS = POINTS | {"boxes", "sightings"}
RULES = (
    Rule("image.depth_of_point", "depth_estimation", POINTS, ALL_SCALES, generate_of_point),
    Rule("image.depth_of_object", "depth_estimation", OBJECTS, ALL_SCALES, generate_of_object),
    Rule("image.depth_of_marked", "depth_estimation", OBJECTS, ALL_SCALES, generate_of_marked),
)
