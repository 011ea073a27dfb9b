"""Which of two objects is further left, higher or nearer in one frame?"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Camera, Scene, SceneObject
from dataset_builders.tasks.draw import in_rounds, pick, shuffled, take_turns
from dataset_builders.tasks.marked_spots import draw_marked
from dataset_builders.tasks.pointing import shown_in
from dataset_builders.tasks.relations import AXES, Relation, are_separate, room_to_spare, winner
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.spots import Spot, named_spot
from dataset_builders.tasks.visibility import end_frames, frames_with_sightings
from dataset_builders.tasks.wording import length_measure, tidy
from dataset_builders.taxonomy import SCALES

TO_THE_CAMERA = {"nearer": "nearer to", "farther": "farther from"}
KIND = {"point": "point", "bbox": "object", "mask": "object"}
MOST_NAMED = 16
"""Named objects of a frame that are combined, drawn at random, so that a crowded scene stays cheap."""

STEEP = np.sin(np.radians(45))
"""Vertical part of its viewing direction from which on a camera looks from above."""


def axes(scene: Scene) -> list[list[Relation]]:
    """Return the opposite relations that can be asked about: not those of depth where lengths are not metres."""
    return [relations for relations in AXES if scene.metric or relations[0].axis != "depth"]


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask about two objects that are marked by points, boxes or masks in one frame.

    Needs: boxes (for the ids of objects), frames, sightings; depth and metric for near and far only.
    Rule: a point is the pixel deepest inside the visible mask, and is compared as such. Of an object in a box or under
        a mask the centre of the visible box is compared in the image, the nearest visible surface in depth.
    Dropped: masks under 20 x 20 pixels of 448 x 336; places less than 8 % of the frame apart, in the compared
        direction too; boxes whose edges are not in the order of their centres; depths that differ by no more than the
        scale's margin or 5 %, or whose order differs from that of the distances.
    Source: SpaceVista, Table B8; OpenSpatial's engine (spatial relationship).
    """
    yield from take_turns(_marked(scene, index, rng) for index in shuffled(rng, frames_with_sightings(scene)))


def _marked(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    for pair, relations in shuffled(rng, product(combinations(shown_in(scene, index).values(), 2), axes(scene))):
        marked = draw_marked(scene, list(shuffled(rng, pair)), rng)
        if marked is None or not are_separate(marked.spots):
            continue
        fact = compare(
            marked.spots,
            pick(rng, relations),
            scene,
            {"kind": KIND[marked.kind]},
            rule="image.compare_marks",
            prompt_type=marked.kind,
            regions=marked.regions,
        )
        if fact is not None:
            yield fact


def generate_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask about two objects by name in the first or last frame, which every selection of frames keeps.

    Needs: as for `generate_marked`.
    Rule: objects that are the only one of their category; the centre of the visible box is compared in the image, the
        nearest visible surface in depth. What names could tell is balanced: as often as not the one that is higher in
        the picture is the one that stands lower in the world, and the nearer one is the less prominent one.
    Dropped: as for boxes in `generate_marked`.
    Source: as for `generate_marked`.
    """
    ends = end_frames(scene)
    able = [index for index in frames_with_sightings(scene) if index in ends]
    streams = [_named(scene, index, ends[index], relations, rng) for index, relations in product(able, axes(scene))]
    yield from take_turns(shuffled(rng, streams))


def _named(scene: Scene, index: int, end: str, relations: Sequence[Relation], rng) -> Iterator[Fact]:
    items, camera = {item.category: item for item in scene.unique_objects()}, scene.frames[index].camera
    spots = list(shuffled(rng, named_spots(scene, index).values()))[:MOST_NAMED]
    clear = [pair for pair in combinations(spots, 2) if are_separate(pair) and _spare(pair, relations[0], scene) > 0]
    for pair in in_rounds(rng, by_expectation(clear, relations[0], items, camera)):
        pair = tuple(shuffled(rng, pair))
        yield compare(
            pair,
            pick(rng, relations),
            scene,
            {"frame": end},
            rule="image.compare_names",
            prompt_type="text",
            semantics=tuple(spot.label for spot in pair),
            key_frames=(index,),
        )


def named_spots(scene: Scene, index: int) -> dict[str, Spot]:
    """Return what an end frame shows of the objects that are the only one of their category, by name."""
    frame = scene.frames[index]
    seen = sightings(frame)
    return {
        item.category: named_spot(item.category, seen[item.instance_id], frame)
        for item in scene.unique_objects()
        if item.instance_id in seen
    }


def by_expectation(
    pairs: Sequence[Sequence[Spot]], relation: Relation, items: Mapping[str, SceneObject], camera: Camera
) -> dict[str, list[Sequence[Spot]]]:
    """Sort pairs of named spots by whether they are as one expects who knows the objects but not the picture.

    One expects that what stands higher is higher in the picture, and of depth what `prominence` says. Nothing is
    expected of left and right.

    Args:
        pairs: Two spots each, labelled by category.
        relation: One of those of the axis that is compared.
        items: Category → the object.
        camera: That of the frame.
    """
    if relation.axis == "x":
        return {"any": list(pairs)}
    pools: dict[str, list[Sequence[Spot]]] = {"expected": [], "surprising": []}
    for pair in pairs:
        lesser, greater = (items[spot.label] for spot in sorted(pair, key=relation.key))
        if relation.axis == "y":
            expected = lesser.center[2] > greater.center[2]
        else:
            expected = prominence(lesser, camera) > prominence(greater, camera)
        pools["expected" if expected else "surprising"].append(pair)
    return pools


def prominence(item: SceneObject, camera: Camera) -> float:
    """Return by what one expects an object to be nearer than another: its height from above, else its longest side."""
    from_above = abs(camera.camera_to_world[2, 2]) > STEEP
    return float(np.abs(item.rotation[:, 2]) @ item.size if from_above else item.size.max())


def _spare(spots: Sequence[Spot], relation: Relation, scene: Scene) -> float:
    return room_to_spare(relation, spots, SCALES[scene.scale].margin)


def compare(spots: Sequence[Spot], relation: Relation, scene: Scene, words: dict[str, str], **fields) -> Fact | None:
    """Ask which of two spots is the one further left, higher, nearer and so on; None where that is ambiguous.

    Args:
        spots: Two.
        relation: What is compared.
        scene: Where; it gives the margin in depth.
        words: Slots of the templates besides those of the comparison.
        fields: Those of `Fact` that the comparison does not decide.
    """
    spare = _spare(spots, relation, scene)
    # Written so that NaN, an unknown depth, counts as ambiguous.
    if not spare > 0:
        return None
    unit = "m" if relation.axis == "depth" else "share"
    return Fact(
        **{
            "task": "position_comparison",
            "wording": f"{fields['rule']}_{'depth' if relation.axis == 'depth' else 'image'}",
            **fields,
        },
        answer_type="multiple_choice",
        answer=winner(relation, spots).label,
        options=tuple(spot.label for spot in spots),
        open_ended=True,
        words={**words, **comparison_words(relation, spots, scene.scale)},
        measured={"relation": relation.word, **{spot.label: tidy(relation.key(spot)) for spot in spots}},
        margins={f"to_spare_{unit}": tidy(spare)},
    )


def comparison_words(relation: Relation, spots: Sequence[Spot], scale: str) -> dict[str, str]:
    """Name both, say where they are, in percent of the frame, and what is compared, the winner's first."""
    best = winner(relation, spots)
    rest = next(spot for spot in spots if spot is not best)
    measure = length_measure(scale, min(spot.depth for spot in spots))

    def value(spot: Spot) -> str:
        return (
            measure.text(spot.depth) if relation.axis == "depth" else f"{relation.axis} {100 * relation.key(spot):.0f}"
        )

    first, second = spots
    return {
        "a": first.phrase,
        "b": second.phrase,
        "relation": TO_THE_CAMERA.get(relation.word, relation.word),
        "word": relation.word,
        "first": first.subject,
        "second": second.phrase,
        "place": first.place(),
        "place_b": second.place(),
        "value": value(first),
        "value_b": value(second),
        "best": best.phrase,
        "rest": rest.phrase,
        "compared": f"{value(best)} {'>' if relation.largest else '<'} {value(rest)}",
    }


NEEDS = frozenset({"boxes", "frames", "sightings"})
RULES = (
    Rule("image.compare_marks", "position_comparison", NEEDS, ALL_SCALES, generate_marked),
    Rule("image.compare_names", "position_comparison", NEEDS, ALL_SCALES, generate_named),
)
