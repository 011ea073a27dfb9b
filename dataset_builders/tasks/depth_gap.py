"""By how much, and how many times, do the depths of two points or objects of one frame differ?

Depth is measured along the optical axis, metres.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.depth import SHORTEST, TRIES_PER_FRAME, frames_with_depth
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.image_position import named_spots
from dataset_builders.tasks.marked_spots import draw_marked
from dataset_builders.tasks.pointing import shown_in
from dataset_builders.tasks.points import free_points
from dataset_builders.tasks.relations import LEAST_DEPTH_RATIO, are_separate
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.spots import Spot, point_region, point_spot
from dataset_builders.tasks.visibility import end_frames, frames_with_sightings
from dataset_builders.tasks.wording import Measure, length_measure, tidy
from dataset_builders.taxonomy import SCALES

LEAST_TIMES = 1.25
"""Smallest ratio in question, so that one decimal says it well enough."""
NOTE = " Go by the nearest visible surface of each."


def generate_of_points(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask by how much, or how many times, one of two marked points of a frame is deeper than the other.

    Needs: frames, depth, metric; no objects.
    Rule: the difference, or the ratio, of the depths of pixels drawn at random.
    Dropped: pixels as in `depth.generate_of_point`; points less than 8 % of the frame apart; differences below 4/3 of
        the scale's margin or 5 % of the larger depth; ratios below 1.25.
    Unit: the scale's length unit, rounded to its decimals; none for a ratio, which has one decimal.
    Source: SpaceVista, Table B8 (relative depth).
    """
    yield from take_turns(_points(scene, index, rng) for index in shuffled(rng, frames_with_depth(scene)))


def _points(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    points = free_points(scene.frames[index], rng)[: 2 * TRIES_PER_FRAME]
    for pair in zip(points[::2], points[1::2], strict=False):
        marks = list(zip(list(shuffled(rng, REGION_COLOURS))[:2], pair, strict=True))
        spots = [point_spot(colour, point, scene.frames[index]) for colour, point in marks]
        regions = tuple(point_region(index, colour, point) for colour, point in marks)
        yield from _both(scene, spots, {"where": "", "note": ""}, rng, prompt_type="point", regions=regions)


def generate_of_objects(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask by how much, or how many times, one of two objects of a frame is deeper than the other.

    Needs: boxes, frames, sightings, depth, metric.
    Rule: the difference, or the ratio, of the depths of the nearest visible surfaces. Objects are marked by boxes or
        masks in any frame, or named in the first or last one.
    Dropped: masks under 20 x 20 pixels of 448 x 336; the rest as for `generate_of_points`.
    Unit, Source: as for `generate_of_points`.
    """
    ends = end_frames(scene)
    marked = take_turns(_marked(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))
    named = take_turns(_named(scene, index, ends[index], rng) for index in shuffled(rng, ends))
    yield from take_turns([marked, named])


def _marked(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    for pair in shuffled(rng, combinations(shown_in(scene, index).values(), 2)):
        marked = draw_marked(scene, list(shuffled(rng, pair)), rng, ("bbox", "mask"))
        if marked is not None:
            fields = {"prompt_type": marked.kind, "regions": marked.regions}
            yield from _both(scene, marked.spots, {"where": "", "note": NOTE}, rng, **fields)


def _named(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Fact]:
    for pair in shuffled(rng, combinations(named_spots(scene, index).values(), 2)):
        pair = list(shuffled(rng, pair))
        fields = {"prompt_type": "text", "semantics": tuple(spot.label for spot in pair), "key_frames": (index,)}
        yield from _both(scene, pair, {"where": f" in the {end} frame", "note": NOTE}, rng, **fields)


def _both(scene: Scene, spots: Sequence[Spot], words: dict[str, str], rng, **fields) -> Iterator[Fact]:
    """Ask for the difference, the ratio or both, of two spots that are clearly apart in the picture."""
    if not are_separate(spots):
        return
    gap = gap_between(scene, spots)
    near, far = (spots[place].phrase for place in gap.order)
    words = {**words, "a": spots[0].phrase, "b": spots[1].phrase, "near": near, "far": far, **gap.words()}
    facts = [difference(gap, words, rule="image.depth_difference", **fields), _ratio(gap, words, **fields)]
    yield from (fact for fact in shuffled(rng, facts) if fact is not None)


@dataclass(frozen=True)
class Gap:
    """Two depths and how a sentence gives them.

    Attributes:
        scale: One of `SCALE_NAMES`.
        order: Which spot is nearer and which farther.
        depths: Metres, in that order; NaN where unknown.
        measure: How depths are printed: more exactly than answers, so that what is computed from them agrees.
    """

    scale: str
    order: tuple[int, int]
    depths: tuple[float, float]
    measure: Measure

    @property
    def difference(self) -> float:
        """Metres between the depths as they are printed."""
        near, far = (self.measure.rounded(depth) for depth in self.depths)
        return far - near

    @property
    def times(self) -> float:
        """How many times as deep as the nearer spot the farther one is, as they are printed."""
        near, far = (self.measure.rounded(depth) for depth in self.depths)
        return far / near if near > 0 else float("nan")

    def words(self) -> dict[str, str]:
        """Print the depths."""
        near, far = (self.measure.text(depth) for depth in self.depths)
        return {"depth_near": near, "depth_far": far}

    def measured(self) -> dict[str, list[float]]:
        """Return the depths for the record."""
        return {"depths_m": [tidy(depth) for depth in self.depths]}


def gap_between(scene: Scene, spots: Sequence[Spot]) -> Gap:
    """Compare the depths of two spots."""
    depths = [spot.depth for spot in spots]
    order = (0, 1) if depths[0] <= depths[1] else (1, 0)
    usual = length_measure(scene.scale, min(depths))
    measure = Measure(usual.unit, usual.decimals + 1)
    return Gap(scene.scale, order, (depths[order[0]], depths[order[1]]), measure)


def difference(gap: Gap, words: dict[str, str], **fields) -> Fact | None:
    """Ask by how much the depths differ; None where that is too little."""
    spare = gap.difference - max(SHORTEST * SCALES[gap.scale].margin, LEAST_DEPTH_RATIO * gap.depths[1])
    # Written so that NaN, an unknown depth, is dropped; likewise below.
    if not spare >= 0:
        return None
    measure = length_measure(gap.scale, gap.difference)
    return Fact(
        task="depth_estimation",
        answer_type="regression",
        answer=measure.number(gap.difference),
        unit=measure.unit,
        needs_scale=True,
        words=words,
        measured=gap.measured(),
        margins={"above_least_m": tidy(spare)},
        **fields,
    )


def _ratio(gap: Gap, words: dict[str, str], **fields) -> Fact | None:
    if not (gap.times >= LEAST_TIMES and gap.depths[0] >= SHORTEST * SCALES[gap.scale].margin):
        return None
    return Fact(
        task="depth_estimation",
        answer_type="regression",
        answer=f"{gap.times:.1f}",
        rule="image.depth_ratio",
        words=words,
        measured=gap.measured(),
        margins={"above_least_times": tidy(gap.times - LEAST_TIMES)},
        **fields,
    )


POINTS = frozenset({"frames", "depth", "metric"})
RULES = (
    Rule("image.depth_gap_of_points", "depth_estimation", POINTS, ALL_SCALES, generate_of_points),
    Rule(
        "image.depth_gap_of_objects",
        "depth_estimation",
        POINTS | {"boxes", "sightings"},
        ALL_SCALES,
        generate_of_objects,
    ),
)
