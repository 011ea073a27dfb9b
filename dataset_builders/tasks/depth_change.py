"""How does the depth of an object differ between two frames: by how much, and in which is it nearer?

Depth is measured along the optical axis of the frame's own camera, metres.
"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.across_frames import (
    DEPTH,
    compare_marked_twice,
    frame_pairs,
    named_in_both_ends,
    named_twice,
)
from dataset_builders.tasks.depth_gap import difference, gap_between
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.pointing import shown_in
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import end_frames


def generate_of_same(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask by how much the depth of an object differs between the first and the last frame.

    Needs: boxes, frames, instances, depth, metric.
    Rule: the only object of its category, named; the difference of the depths of its nearest visible surfaces, each
        along the viewing direction of its own camera.
    Dropped: as for objects in `depth_gap.generate_of_objects`.
    Unit, Source: as for `depth_gap.generate_of_points`.
    """
    for name, spots in shuffled(rng, named_in_both_ends(scene).items()):
        gap = gap_between(scene, spots)
        near, far = (spots[place].label for place in gap.order)
        fields = {"prompt_type": "text", "semantics": (name,), "key_frames": tuple(end_frames(scene))}
        words = {"thing": name, "near": near, "far": far, **gap.words()}
        fact = difference(gap, words, rule="frames.depth_change", **fields)
        if fact is not None:
            yield fact


def generate_nearer(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask in which of two frames an object is nearer to the camera, or farther from it.

    Needs: boxes, frames, instances, depth, metric.
    Rule: the depths as in `generate_of_same`. The object is marked by boxes or masks in any two frames, or named in
        the first and last one; named ones are as often nearer in the first frame as in the last, though a camera that
        moves ahead comes nearer to most.
    Dropped: masks under 20 x 20 pixels of 448 x 336; depths that differ by no more than the scale's margin or 5 %, or
        whose order differs from that of the distances.
    Source: SpaceVista, Table B8 (relative depth, several frames).
    """
    fields = {"task": "depth_estimation", "rule": "frames.nearer"}
    marked = take_turns(_nearer_marked(scene, pair, rng, **fields) for pair in frame_pairs(scene, rng))
    named = named_twice(scene, DEPTH, rng, wording="frames.nearer_named", **fields)
    yield from take_turns([marked, named])


def _nearer_marked(scene: Scene, frames: tuple[int, int], rng: np.random.Generator, **fields) -> Iterator[Fact]:
    early, late = (shown_in(scene, index) for index in frames)
    for number in shuffled(rng, sorted(early.keys() & late.keys())):
        fact = compare_marked_twice(
            scene, (early[number], late[number]), pick(rng, DEPTH), rng, wording="frames.nearer_marked", **fields
        )
        if fact is not None:
            yield fact


NEEDS = frozenset({"boxes", "frames", "instances", "depth", "metric"})
RULES = (
    Rule("frames.depth_change", "depth_estimation", NEEDS, ALL_SCALES, generate_of_same),
    Rule("frames.nearer", "depth_estimation", NEEDS, ALL_SCALES, generate_nearer),
)
