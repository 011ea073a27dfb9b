"""Comparisons across frames: two objects that different frames show, and one object that two frames show."""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, islice, product

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import in_rounds, pick, shuffled, take_turns
from dataset_builders.tasks.image_position import axes, compare, named_spots
from dataset_builders.tasks.marked_spots import draw_marked
from dataset_builders.tasks.pointing import Shown, shown_in
from dataset_builders.tasks.relations import RELATIONS, Relation, room_to_spare, winner
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.spots import Spot, object_spot
from dataset_builders.tasks.visibility import end_frames, frames_with_masks
from dataset_builders.taxonomy import SCALES

MOST_PAIRS = 12
"""Pairs of frames that are compared, drawn at random, so that a long video stays cheap."""
KINDS = {"bbox": "box", "mask": "mask"}
DEPTH = [RELATIONS[word] for word in ("nearer", "farther")]


def frame_pairs(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Draw pairs of frames with masks, the earlier one first."""
    return islice(shuffled(rng, combinations(frames_with_masks(scene), 2)), MOST_PAIRS)


def generate_two(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two objects, each shown by another frame, was nearer to the camera when its frame was taken.

    Needs: boxes, frames, instances, depth, metric.
    Rule: depths of the nearest visible surfaces (of points themselves where points mark them), each along the viewing
        direction of its own camera. Objects are marked in any two frames, or named in the first and last one. Names
        are asked about only where the other one is nearer once the two swap frames, and then in both ways; as often as
        not the nearer one is that of the first frame. So neither names nor frames tell the answer.
    Dropped: masks under 20 x 20 pixels of 448 x 336; depths that differ by no more than the scale's margin or 5 %, or
        whose order differs from that of the distances.
    Source: SpaceVista, Table B8 (position comparison across frames).
    """
    streams = [_two_marked(scene, pair, rng) for pair in frame_pairs(scene, rng)]
    yield from take_turns([take_turns(streams), _two_named(scene, rng)])


def _two_marked(scene: Scene, frames: tuple[int, int], rng: np.random.Generator) -> Iterator[Fact]:
    early, late = (shown_in(scene, index) for index in frames)
    for one, other in shuffled(rng, product(early, late)):
        if one == other:
            continue
        marked = draw_marked(scene, list(shuffled(rng, (early[one], late[other]))), rng)
        if marked is None:
            continue
        fact = compare(
            marked.spots,
            pick(rng, DEPTH),
            scene,
            {},
            rule="frames.compare",
            wording="frames.compare_marks",
            prompt_type=marked.kind,
            regions=marked.regions,
        )
        if fact is not None:
            yield fact


def _two_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    ends = end_frames(scene)
    if len(ends) < 2:
        return
    spots = [named_spots(scene, index) for index in ends]
    frame_of = {id(spot): name for group, name in zip(spots, ends.values(), strict=True) for spot in group.values()}
    for pair in chain.from_iterable(in_rounds(rng, _swapped(scene, *spots))):
        pair = tuple(shuffled(rng, pair))
        frame, other = (frame_of[id(spot)] for spot in pair)
        yield compare(
            pair,
            pick(rng, DEPTH),
            scene,
            {"frame": frame, "frame_b": other},
            rule="frames.compare",
            wording="frames.compare_names",
            prompt_type="text",
            semantics=tuple(spot.label for spot in pair),
            key_frames=tuple(ends),
        )


def _swapped(scene: Scene, first: dict[str, Spot], last: dict[str, Spot]) -> dict[str, list[tuple]]:
    """List pairs of objects of which the other one is nearer once they swap frames, by the frame that has the nearer.

    Each comes with its swapped pair, so that asking about both tells nothing about the names.
    """
    margin, pools = SCALES[scene.scale].margin, {"first": [], "last": []}
    for name, other in combinations(sorted(first.keys() & last.keys()), 2):
        two = (first[name], last[other]), (first[other], last[name])
        if all(room_to_spare(DEPTH[0], pair, margin) > 0 for pair in two):
            nearer = [winner(DEPTH[0], pair) for pair in two]
            if nearer[0].label != nearer[1].label:
                pools["first" if nearer[0] is first[name] else "last"].append(two)
    return pools


def generate_same(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how an object's place in the picture changes: in which of two frames is it further left, right, up or down?

    Needs: boxes, frames, instances.
    Rule: the centres of its visible boxes. The object is marked by boxes or masks in any two frames, or named in the
        first and last one; of the named ones half are further to a side in the first frame, half in the last.
    Dropped: masks under 20 x 20 pixels of 448 x 336; changes of less than 8 % of the frame; boxes whose edges are not
        in the order of their centres.
    Source: SpaceVista, Table B8 (position comparison across frames).
    """
    streams = [_same_marked(scene, pair, rng) for pair in frame_pairs(scene, rng)]
    yield from take_turns([_same_named(scene, rng), take_turns(streams)])


def in_the_picture(scene: Scene) -> list[list[Relation]]:
    """Return the opposite relations of the directions of the picture."""
    return [relations for relations in axes(scene) if relations[0].axis != "depth"]


def _same_marked(scene: Scene, frames: tuple[int, int], rng: np.random.Generator) -> Iterator[Fact]:
    fields = {"rule": "frames.same_object", "wording": "frames.same_marked"}
    early, late = (shown_in(scene, index) for index in frames)
    for number, relations in shuffled(rng, product(sorted(early.keys() & late.keys()), in_the_picture(scene))):
        fact = compare_marked_twice(scene, (early[number], late[number]), pick(rng, relations), rng, **fields)
        if fact is not None:
            yield fact


def compare_marked_twice(
    scene: Scene, views: tuple[Shown, Shown], relation: Relation, rng: np.random.Generator, **fields
) -> Fact | None:
    """Mark one object in two frames and ask in which it is further left, nearer and so on; None if ambiguous."""
    marked = draw_marked(scene, list(shuffled(rng, views)), rng, tuple(KINDS))
    if marked is None:
        return None
    kind = KINDS[marked.kind]
    tags = [f"the {spot.label} {kind}" for spot in marked.spots]
    words = {"kind": kind, "tag": tags[0], "tag_b": tags[1]}
    return compare(marked.spots, relation, scene, words, prompt_type=marked.kind, regions=marked.regions, **fields)


def _same_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    for relations in shuffled(rng, in_the_picture(scene)):
        yield from named_twice(scene, relations, rng, rule="frames.same_object", wording="frames.same_named")


def named_twice(scene: Scene, relations: Sequence[Relation], rng: np.random.Generator, **fields) -> Iterator[Fact]:
    """Name objects that both end frames show and ask in which one they are further left, nearer and so on.

    A camera that turns or moves shifts most objects the same way, so as often as not it is the first frame.
    """
    margin, pools = SCALES[scene.scale].margin, {"first frame": [], "last frame": []}
    for name, spots in named_in_both_ends(scene).items():
        if room_to_spare(relations[0], spots, margin) > 0:
            pools[winner(relations[0], spots).label].append((name, spots))
    for name, spots in in_rounds(rng, pools):
        yield compare(
            list(shuffled(rng, spots)),
            pick(rng, relations),
            scene,
            {"thing": name},
            prompt_type="text",
            semantics=(name,),
            key_frames=tuple(end_frames(scene)),
            **fields,
        )


def named_in_both_ends(scene: Scene) -> dict[str, tuple[Spot, Spot]]:
    """Return the objects that a name identifies and the first and last frame show: two spots, labelled by frame."""
    ends, found = end_frames(scene), {}
    if len(ends) < 2:
        return {}
    views = [sightings(scene.frames[index]) for index in ends]
    for item in scene.unique_objects():
        if all(item.instance_id in seen for seen in views):
            found[item.category] = tuple(
                object_spot(f"{end} frame", f"the {end} frame", seen[item.instance_id], scene.frames[index])
                for seen, (index, end) in zip(views, ends.items(), strict=True)
            )
    return found


NEEDS = frozenset({"boxes", "frames", "instances"})
RULES = (
    Rule("frames.compare", "position_comparison", NEEDS | {"depth", "metric"}, ALL_SCALES, generate_two),
    Rule("frames.same_object", "position_comparison", NEEDS, ALL_SCALES, generate_same),
)
