"""Directions and distances between objects of which each is seen in only one of two images (VST, table 28).

What both images show ties them together; the anchors of a question are in one image each, so none shows the answer.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations, product

import numpy as np

from dataset_builders.compass import BAND, MOST_HEIGHT, POINTS, Bearing, called, from_camera, from_objects, from_place
from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.distance import SHORTEST, surface_distances
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.size import longest_side
from dataset_builders.tasks.wording import length_measure, tidy
from dataset_builders.taxonomy import SCALES
from dataset_builders.vst.image_pairs import Anchor, ImagePair, image_pairs, indistinct, ties_of
from dataset_builders.vst.pictures import IMAGES
from dataset_builders.vst.reasoning import described

CLOSEST = 10 / 3
"""Margins of the scale over the ground (0.5 m indoors), below which a direction means little."""
MOST_ANCHORS = 6
"""Objects of a pair of images that are combined, drawn at random, so that a crowded scene stays cheap."""
AROUND = dict(
    zip(
        POINTS,
        (
            "straight ahead",
            "ahead and to the right",
            "to the right",
            "behind me and to the right",
            "behind me",
            "behind me and to the left",
            "to the left",
            "ahead and to the left",
        ),
        strict=True,
    )
)
"""Point, with the reference called north → where that is for somebody who faces the reference."""
YARDSTICKS = {0.8: "shorter than", 1.25: "about as long as", 3.0: "longer than", np.inf: "several times as long as"}
"""Upper limit of a gap, in longest sides of an object → how it compares with that object."""


Way = Callable[[Sequence[Anchor], Sequence[np.ndarray], float], Iterator["Direction"]]
"""(anchors, poses of the cameras, least distance) → directions that are clear."""


@dataclass(frozen=True)
class Direction:
    """A direction that can be asked for.

    Attributes:
        wording: Name of the templates.
        objects: Slot of the templates → object: `a` of the reference, `b` of the standpoint, `c` what is asked for.
        image: Whose camera is the standpoint; none if an object is.
        bearing: With the reference called north.
    """

    wording: str
    objects: dict[str, Anchor]
    image: str
    bearing: Bearing


def generate_direction(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask in which direction an object lies, if another direction is called north, or another point of the compass.

    Needs: boxes, frames, metric.
    Rule: `compass`, between the middles of boxes. The reference is the way from an object to another, or from the
        camera of an image to an object that this image shows, or the way in which that camera faces. Each object is
        seen in one image alone, and not all in the same one. Options are up to four of the eight points, those that
        the ends, or the marked frames, can give, each right equally often.
    Dropped: names that do not tell an object in its image; directions within 10 degrees of the border of a sector;
        what is nearer than `CLOSEST` over the ground; heights of the objects that differ by over a metre.
    Source: VST, appendix C.2 and table 28; there the reference is always north, here any point, so that no answer is
        more likely than another.
    """
    pairs = list(image_pairs(scene, rng))
    groups = [[pair for pair in pairs if bool(pair.frames.regions) == marked] for marked in (False, True)]
    ways = (_between_objects, _from_camera_to_object, _from_heading)
    yield from take_turns(_directions(scene, group, rng, way) for group in groups for way in ways)


def _directions(scene: Scene, pairs: Sequence[ImagePair], rng: np.random.Generator, way: Way) -> Iterator[Fact]:
    pools: dict[str, list[tuple[ImagePair, Direction]]] = {}
    for pair in pairs:
        anchors, closest = list(shuffled(rng, pair.anchors))[:MOST_ANCHORS], CLOSEST * SCALES[scene.scale].margin
        poses = [scene.frames[index].camera.camera_to_world for index in pair.indices]
        for found in way(anchors, poses, closest):
            pools.setdefault(found.bearing.point, []).append((pair, found))
    for options, _, (pair, found) in even_choices(rng, pools):
        known = pick(rng, POINTS)
        yield _direction_fact(scene, pair, found, known, tuple(called(point, known) for point in options))


def _between_objects(anchors: Sequence[Anchor], poses: Sequence[np.ndarray], closest: float) -> Iterator[Direction]:
    for trio in permutations(anchors, 3):
        bearing = from_objects(*(anchor.item.center for anchor in trio), closest)
        if bearing is not None and len({anchor.image for anchor in trio}) == 2:
            yield Direction("vst.object_direction", dict(zip("abc", trio, strict=True)), "", bearing)


def _from_camera_to_object(
    anchors: Sequence[Anchor], poses: Sequence[np.ndarray], closest: float
) -> Iterator[Direction]:
    for a, c in permutations(anchors, 2):
        bearing = from_place(a.item.center, poses[a.image][:3, 3], c.item.center, closest)
        if bearing is not None and a.image != c.image:
            yield Direction("vst.object_direction_place", {"a": a, "c": c}, IMAGES[a.image], bearing)


def _from_heading(anchors: Sequence[Anchor], poses: Sequence[np.ndarray], closest: float) -> Iterator[Direction]:
    for c in anchors:
        bearing = from_camera(poses[1 - c.image], c.item.center, closest)
        if bearing is not None:
            yield Direction("vst.object_direction_heading", {"c": c}, IMAGES[1 - c.image], bearing)


def _direction_fact(scene: Scene, pair: ImagePair, found: Direction, known: str, options: tuple[str, ...]) -> Fact:
    items, bearing = [anchor.item for anchor in found.objects.values()], found.bearing
    ids = [item.instance_id for item in items]
    return Fact(
        rule="vst.object_direction",
        wording=found.wording,
        task="position_comparison",
        answer_type="multiple_choice",
        prompt_type=pair.frames.prompt_type,
        answer=called(bearing.point, known),
        options=options,
        open_ended=True,
        semantics=tuple(item.category for item in items),
        measured={"instance_ids": ids, "reference": known, "clockwise_deg": tidy(bearing.angle)},
        margins={"sector_deg": tidy(bearing.margin - BAND)},
        regions=pair.frames.regions,
        key_frames=pair.indices,
        words={
            "told": pair.told,
            "known": known,
            "image": found.image,
            "side": AROUND[bearing.point],
            **{slot: anchor.name for slot, anchor in found.objects.items()},
            **described(scene, pair.indices, [*ids, ties_of(scene, pair)[0].instance_id]),
        },
    )


def generate_distance(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how far apart two objects are, of which each is seen in only one of two images.

    Needs: boxes, frames, metric.
    Rule: the smallest distance, see `distance.generate_absolute`.
    Dropped: names that do not tell an object in its image; heights of middles that differ by over a metre; distances
        below 4/3 of the scale's margin, or beyond that of the middles.
    Unit: as in `distance.generate_absolute`.
    Source: VST, appendix C.2.
    """
    yield from take_turns(map(partial(_distances, scene, rng), image_pairs(scene, rng)))


def _distances(scene: Scene, rng: np.random.Generator, pair: ImagePair) -> Iterator[Fact]:
    shortest = SHORTEST * SCALES[scene.scale].margin
    first, second = ([anchor for anchor in pair.anchors if anchor.image == image] for image in (0, 1))
    for anchors in shuffled(rng, product(first, second)):
        a, b = shuffled(rng, anchors)
        one, other = a.item, b.item
        distance = float(surface_distances(one, [other])[0])
        between = float(np.linalg.norm(one.center - other.center))
        if not shortest <= distance <= between or abs(one.center[2] - other.center[2]) > MOST_HEIGHT:
            continue
        measure, ids = length_measure(scene.scale, distance), (one.instance_id, other.instance_id)
        yield Fact(
            rule="vst.object_distance",
            task="absolute_distance",
            answer_type="regression",
            prompt_type=pair.frames.prompt_type,
            answer=measure.number(distance),
            unit=measure.unit,
            semantics=(one.category, other.category),
            needs_scale=True,
            measured={"instance_ids": list(ids), "distance_m": tidy(distance), "between_centers_m": tidy(between)},
            margins={"above_shortest_m": tidy(distance - shortest)},
            regions=pair.frames.regions,
            key_frames=pair.indices,
            words={
                "told": pair.told,
                "a": a.name,
                "b": b.name,
                "yardstick": f"{_compared(distance, longest_side(one))} the {one.category}",
                **described(scene, pair.indices, [*ids, ties_of(scene, pair)[0].instance_id]),
            },
        )


def _compared(gap: float, side: float) -> str:
    """Compare a gap with the longest side of an object.

    >>> [_compared(gap, 1.0) for gap in (0.5, 1.0, 2.0, 9.0)]
    ['shorter than', 'about as long as', 'longer than', 'several times as long as']
    """
    return next(words for most, words in YARDSTICKS.items() if gap <= most * side)


def _left_out(scene: Scene) -> dict[str, int]:
    return {"objects that share their name with another one of the image": indistinct(scene)}


NEEDS = frozenset({"boxes", "frames", "metric"})
RULES = (
    Rule("vst.object_direction", "position_comparison", NEEDS, ALL_SCALES, generate_direction, _left_out),
    Rule("vst.object_distance", "absolute_distance", NEEDS, ALL_SCALES, generate_distance, _left_out),
)
