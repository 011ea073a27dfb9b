"""Which of two objects is further left, higher or nearer in one frame?"""

from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np

from dataset_builders.question import Question, Region
from dataset_builders.scene import Frame, Scene
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.relations import RELATIONS, Relation, are_separate, room_to_spare, winner
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import Sighting, sightings
from dataset_builders.tasks.spots import Spot, box_region, box_spot, named_spot, point_region, point_spot
from dataset_builders.tasks.visibility import end_frames, frames_with_masks
from dataset_builders.tasks.wording import length_measure, tidy, word
from dataset_builders.taxonomy import SCALES

AXES = [[one for one in RELATIONS.values() if one.axis == axis] for axis in ("x", "y", "depth")]
"""The two opposite relations of each axis, of which a question draws one."""
COLOURS = ("red", "blue")
TO_THE_CAMERA = {"nearer": "nearer to", "farther": "farther from"}
LEAST_CLEARANCE = 0.012
"""Share of the frame's height: how far inside its mask a marked point must lie."""
POINT_TEMPLATES = {
    "image": {
        "which": "Two points are marked, {a} and {b}. Which one is {relation} in the image?",
        "compare": "Compare the {a} point and the {b} point: which is {relation} in the image?",
        "of_two": "Of the {a} and the {b} point, which lies {relation} in the picture?",
    },
    "depth": {
        "which": "Two points are marked, {a} and {b}. Which one is {relation} the camera?",
        "compare": "Compare the {a} point and the {b} point: which is {relation} the camera?",
        "of_two": "Of the {a} and the {b} point, which is {relation} the camera?",
    },
}
BOX_TEMPLATES = {
    "image": {
        "which": "Two objects are boxed, one in {a} and one in {b}. Which one is {relation} in the image?",
        "compare": "Compare the centres of the {a} box and the {b} box: which is {relation} in the image?",
        "of_two": "Of the objects in the {a} and the {b} box, which lies {relation} in the picture?",
    },
    "depth": {
        "which": "Two objects are boxed, one in {a} and one in {b}. Which one is {relation} the camera?",
        "compare": "Compare the objects in the {a} box and the {b} box: which is {relation} the camera?",
        "of_two": "Of the objects in the {a} and the {b} box, which has its nearest surface {relation} the camera?",
    },
}
NAME_TEMPLATES = {
    "image": {
        "which": "In the {frame} frame of the video, which is {relation}: the {a} or the {b}?",
        "looking": "Looking at the {frame} frame of the video, is the {a} or the {b} {relation} in the image?",
        "of_two": "Of the {a} and the {b}, which lies {relation} in the {frame} frame of the video?",
    },
    "depth": {
        "which": "In the {frame} frame of the video, which is {relation} the camera: the {a} or the {b}?",
        "looking": "Looking at the {frame} frame of the video, is the {a} or the {b} {relation} the camera?",
        "of_two": "Of the {a} and the {b}, which is {relation} the camera in the {frame} frame of the video?",
    },
}
MARK_TEMPLATES = {"point": POINT_TEMPLATES, "bbox": BOX_TEMPLATES}


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask about two objects that are marked by points or by boxes in one frame.

    Needs: boxes (for the ids of objects), frames, instances, depth.
    Rule: a point is the pixel deepest inside the visible mask, and is compared as such. A box is that of the visible
        mask; its centre is compared in the image, the nearest visible surface in depth.
    Dropped: masks under 20 x 20 pixels of 448 x 336; places less than 8 % of the frame apart, in the compared
        direction too; boxes whose edges are not in the order of their centres; depths that differ by no more than the
        scale's margin or 5 %, or whose order differs from that of the distances.
    """
    yield from take_turns(_marked(scene, index, rng) for index in shuffled(rng, frames_with_masks(scene)))


def _marked(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Question]:
    frame, known = scene.frames[index], {item.instance_id for item in scene.objects}
    seen = [sighting for number, sighting in sightings(frame).items() if number in known]
    for pair, relations in shuffled(rng, product(combinations(seen, 2), AXES)):
        kind, relation, colours = pick(rng, MARK_TEMPLATES), pick(rng, relations), list(shuffled(rng, COLOURS))
        if kind == "point" and min(one.clearance for one in pair) < LEAST_CLEARANCE * frame.camera.height:
            continue
        marks = [_mark(kind, colour, one, frame, index) for colour, one in zip(colours, pair, strict=True)]
        spots, regions = zip(*shuffled(rng, marks), strict=True)
        words = _words(rng, MARK_TEMPLATES[kind], spots, relation)
        question = compare(
            spots, relation, scene, rule="image.compare_marks", prompt_type=kind, regions=regions, **words
        )
        if question is not None:
            yield question


def _mark(kind: str, colour: str, seen: Sighting, frame: Frame, index: int) -> tuple[Spot, Region]:
    if kind == "point":
        return point_spot(colour, seen.point, frame), point_region(index, colour, seen.point)
    return box_spot(colour, seen, frame), box_region(index, colour, seen)


def generate_named(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask about two objects by name in the first or last frame, which every selection of frames keeps.

    Needs: boxes, frames, instances, depth.
    Rule: objects that are the only one of their category; the centre of the visible box is compared in the image, the
        nearest visible surface in depth.
    Dropped: as for boxes in `generate_marked`.
    """
    ends = end_frames(scene)
    yield from take_turns(_named(scene, index, ends[index], rng) for index in shuffled(rng, ends))


def _named(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Question]:
    frame = scene.frames[index]
    seen = sightings(frame)
    nameable = [item for item in scene.unique_objects() if item.instance_id in seen]
    spots = [named_spot(item.category, seen[item.instance_id], frame) for item in nameable]
    for pair, relations in shuffled(rng, product(combinations(spots, 2), AXES)):
        pair, relation = tuple(shuffled(rng, pair)), pick(rng, relations)
        fields = {
            "rule": "image.compare_names",
            "prompt_type": "text",
            "semantics": tuple(spot.label for spot in pair),
            "frame_index": index,
            **_words(rng, NAME_TEMPLATES, pair, relation, frame=end),
        }
        question = compare(pair, relation, scene, **fields)
        if question is not None:
            yield question


def _words(rng, templates: dict[str, dict[str, str]], spots: Sequence[Spot], relation: Relation, **more: str) -> dict:
    chosen = templates["depth" if relation.axis == "depth" else "image"]
    phrase = TO_THE_CAMERA.get(relation.word, relation.word)
    return word(rng, chosen, a=spots[0].label, b=spots[1].label, relation=phrase, **more)


def compare(spots: Sequence[Spot], relation: Relation, scene: Scene, **fields) -> Question | None:
    """Ask which of two spots is the one further left, higher, nearer and so on; None where that is ambiguous.

    Args:
        spots: Two.
        relation: What is compared.
        scene: Where; it gives the margin in depth.
        fields: Those of `Question` that the comparison does not decide.
    """
    spare = room_to_spare(relation, spots, SCALES[scene.scale].margin)
    # Written so that NaN, an unknown depth, counts as ambiguous.
    if not (spare > 0 and are_separate(spots)):
        return None
    unit = "m" if relation.axis == "depth" else "share"
    return Question(
        task="position_comparison",
        answer_type="multiple_choice",
        answer=winner(relation, spots).label,
        options=tuple(spot.label for spot in spots),
        rationale=_rationale(relation, spots, scene.scale),
        measured={"relation": relation.word, **{spot.label: tidy(relation.key(spot)) for spot in spots}},
        margins={f"to_spare_{unit}": tidy(spare)},
        **fields,
    )


def _rationale(relation: Relation, spots: Sequence[Spot], scale: str) -> str:
    """Say where both are, in percent of the frame, compare the two numbers, and conclude."""
    first, second = spots
    best = winner(relation, spots)
    rest = second if best is first else first
    sign = ">" if relation.largest else "<"
    if relation.axis == "depth":
        measure = length_measure(scale)
        facts = f"{first.subject} at {first.place()} is {measure.text(first.depth)} away; "
        facts += f"{second.subject.lower()} at {second.place()} is {measure.text(second.depth)} away."
        values = [measure.number(spot.depth) for spot in (best, rest)]
    else:
        facts = f"{first.subject} is at {first.place()}; {second.subject.lower()} is at {second.place()}."
        values = [f"{100 * relation.key(spot):.0f}" for spot in (best, rest)]
    return f"{facts} {values[0]} {sign} {values[1]}, so {best.subject.lower()} is {relation.word}."


NEEDS = frozenset({"boxes", "frames", "instances", "depth"})
RULES = (
    Rule("image.compare_marks", "position_comparison", NEEDS, ALL_SCALES, generate_marked),
    Rule("image.compare_names", "position_comparison", NEEDS, ALL_SCALES, generate_named),
)
