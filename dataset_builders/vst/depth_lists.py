"""Objects of one picture in the order of their depth, in each way to refer to them (VST, tables 20 and 21).

They are named, given by points or boxes in pixels, or marked by drawn points or boxes; with pixels the answer is JSON.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.question import REGION_COLOURS, Fact, Region
from dataset_builders.record import LETTERS
from dataset_builders.scene import Scene
from dataset_builders.tasks.depth import TRIES_PER_FRAME
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.pointing import Shown, kinds, region, shown_in
from dataset_builders.tasks.relations import LEAST_DEPTH_RATIO, are_separate
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.spots import Spot, object_spot, point_spot
from dataset_builders.tasks.visibility import frames_with_sightings
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.taxonomy import SCALES as ALL
from dataset_builders.vst.camera_boxes import SCALES
from dataset_builders.vst.marking import DRAWN
from dataset_builders.vst.pictures import named_pictures

SENSES = {"near to far": "from the nearest to the farthest", "far to near": "from the farthest to the nearest"}
FORMS = {"named": "", "text_point": "point", "text_box": "bbox", "drawn_point": "point", "drawn_box": "bbox"}
"""Way to refer to objects → kind of mark that it takes."""
LEAST, MOST = 2, 4


@dataclass(frozen=True)
class Listed:
    """An object of a list.

    Attributes:
        shown: Where the frame shows it.
        category: Of the object.
        spot: Its depth: that of its nearest visible surface, or of its point.
    """

    shown: Shown
    category: str
    spot: Spot


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the order of two to four objects, from near to far or from far to near.

    Needs: boxes, frames, sightings, depth, metric.
    Rule: depth along the optical axis, of the nearest visible surface; of a point, at the point, which is the one
        deepest inside the object's mask. Named objects are the only ones of their category; what is named or given in
        pixels is asked of the only, first or last frame.
    Dropped: depths that differ by no more than the scale's margin or 5 %, or whose order differs from that of the
        distances; marks less than 8 % of the frame apart; masks that are too thin to mark or lost in their box.
    Source: VST, appendix C.2 and tables 20 and 21.
    """
    pictures = named_pictures(scene)
    streams = [
        _lists(scene, index, form, pictures.get(index, "marked frame"), rng)
        for index in frames_with_sightings(scene)
        for form in FORMS
        if form.startswith("drawn") or index in pictures
    ]
    yield from take_turns(shuffled(rng, streams))


def _lists(scene: Scene, index: int, form: str, picture: str, rng: np.random.Generator) -> Iterator[Fact]:
    for group in clear_groups(scene, index, form, rng):
        yield _fact(scene, index, form, picture, group, rng)


def clear_groups(scene: Scene, index: int, form: str, rng: np.random.Generator) -> Iterator[list[Listed]]:
    """Draw distinct sets of two to four objects of a frame whose depths differ clearly, each in random order."""
    listed, known = _candidates(scene, index, form), set()
    for _ in range(TRIES_PER_FRAME):
        group: list[Listed] = []
        most = int(rng.integers(LEAST, MOST + 1))
        for one in shuffled(rng, listed):
            if len(group) < most and all(_clear(scene, one.spot, other.spot, form) for other in group):
                group.append(one)
        key = frozenset(one.shown.instance_id for one in group)
        if len(group) >= LEAST and key not in known:
            known.add(key)
            yield group


def _candidates(scene: Scene, index: int, form: str) -> list[Listed]:
    frame, kind = scene.frames[index], FORMS[form]
    unique = {item.instance_id for item in scene.unique_objects()}
    categories = {item.instance_id: item.category for item in scene.objects}
    listed = []
    for number, one in shown_in(scene, index).items():
        if kind not in kinds(scene, [one]) if kind else number not in unique:
            continue
        spot = point_spot("", one.seen.point, frame) if kind == "point" else object_spot("", "", one.seen, frame)
        listed.append(Listed(one, categories[number], spot))
    return listed


def _clear(scene: Scene, spot: Spot, other: Spot, form: str) -> bool:
    """Tell whether two depths differ clearly; unknown ones do not, and unknown distances do not matter."""
    near, far = sorted((spot, other), key=lambda one: one.depth)
    apart = far.depth - near.depth > max(ALL[scene.scale].margin, LEAST_DEPTH_RATIO * far.depth)
    return bool(apart) and not near.distance >= far.distance and (form == "named" or are_separate([near, far]))


def _fact(
    scene: Scene, index: int, form: str, picture: str, group: Sequence[Listed], rng: np.random.Generator
) -> Fact:
    sense, camera = pick(rng, SENSES), scene.frames[index].camera
    names, answers, regions = references(scene, form, group, rng)
    order = sorted(range(len(group)), key=lambda place: group[place].spot.depth, reverse=sense == "far to near")
    depths = [f"{names[place]} {group[place].spot.depth:.2f} m" for place in order]
    answer = ", ".join(answers[place] for place in order)
    return Fact(
        rule="vst.depth_list",
        wording=f"vst.depth_list_{'drawn' if regions else form}",
        task="depth_estimation",
        answer_type="free_form",
        prompt_type=FORMS[form] if regions else "text",
        answer=f"[{answer}]" if form.startswith("text") else answer,
        semantics=tuple(group[place].category for place in order) if form == "named" else (),
        measured={
            "sense": sense,
            "instance_ids": [group[place].shown.instance_id for place in order],
            "depths_m": [tidy(group[place].spot.depth) for place in order],
        },
        regions=regions,
        key_frames=(index,),
        words={
            "picture": picture,
            "sense": SENSES[sense],
            "size": f"{camera.width} x {camera.height}",
            "listed": joined(names, "and") if regions else ", ".join(names),
            "marks": f"{DRAWN.get(FORMS[form], '')}{'es' if FORMS[form] == 'bbox' else 's'}",
            "mark": DRAWN.get(FORMS[form], ""),
            "depths": joined(depths, "and"),
        },
    )


def references(
    scene: Scene, form: str, group: Sequence[Listed], rng: np.random.Generator
) -> tuple[list[str], list[str], tuple[Region, ...]]:
    """Return how question and answer call each object, in the order of the group, and the marks, where drawn."""
    if form == "named":
        letters = list(LETTERS[: len(group)])
        return [f"{letter}. {one.category}" for letter, one in zip(letters, group, strict=True)], letters, ()
    kind = FORMS[form]
    if form.startswith("text"):
        places = [list(one.shown.seen.point if kind == "point" else one.shown.seen.bbox) for one in group]
        key = "point_2d" if kind == "point" else "bbox_2d"
        rows = [
            {key: [int(value) for value in place], "label": one.category}
            for place, one in zip(places, group, strict=True)
        ]
        return [str(row[key]) for row in rows], [json.dumps(row) for row in rows], ()
    colours = list(shuffled(rng, REGION_COLOURS))[: len(group)]
    names = [f"{colour} {DRAWN[kind]}" for colour in colours]
    answers = [f"{name} ({one.category})" for name, one in zip(names, group, strict=True)]
    marks = (region(scene, one.shown, kind, colour) for one, colour in zip(group, colours, strict=True))
    return names, answers, tuple(marks)


NEEDS = frozenset({"boxes", "frames", "sightings", "depth", "metric"})
RULES = (Rule("vst.depth_list", "depth_estimation", NEEDS, SCALES, generate),)
