"""Where two cameras stand and how they face to each other, over the ground (VST, table 29).

That the images share an object is what makes it possible to tell; see `image_pairs`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.compass import BAND, POINTS, Bearing, called, facing, from_camera, side
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import pick
from dataset_builders.tasks.even import even_choices
from dataset_builders.tasks.motion import least_travel
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.vst.image_pairs import ImagePair, image_pairs, ties_of
from dataset_builders.vst.pictures import IMAGES
from dataset_builders.vst.reasoning import described

TURNS = {
    "front": "the same way",
    "front right": "a little farther to the right",
    "right": "to what is my right",
    "back right": "far round to the right, half back to me",
    "back": "back the other way",
    "back left": "far round to the left, half back to me",
    "left": "to what is my left",
    "front left": "a little farther to the left",
}
"""Of `SIDES`, the one to which the other camera faces → how I would say it."""
PLACES = {
    "front": "where I am looking",
    "front right": "ahead of me, on my right hand",
    "right": "beside me, on my right hand",
    "back right": "behind me, on my right hand",
    "back": "right behind me",
    "back left": "behind me, on my left hand",
    "left": "beside me, on my left hand",
    "front left": "ahead of me, on my left hand",
}
"""Of `SIDES`, the one on which the other camera is → how I would say it."""
MOST_TIES = 2
"""Shared objects that a rationale goes by."""
CLEARLY = 1.25
"""How many times as far away an object must be for one image to be nearer to it."""
LEAST_SHIFT = 0.1
"""By how much it must be farther to a side, as a share of how far ahead it is (6 degrees)."""
LEAST_ROUND = 15.0
"""Degrees by which the camera must go round an object to see another side of it."""


@dataclass(frozen=True)
class Stand:
    """What is asked about two cameras.

    Attributes:
        pair: The images.
        start: 0 if the first image's camera is the reference, 1 if the second's.
        bearing: Of the other one, or of the way in which it faces; the heading of the reference is called north.
    """

    pair: ImagePair
    start: int
    bearing: Bearing


def generate_facing(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which way the camera of an image faces, if that of another one faces north, or another point of the compass.

    Needs: boxes, frames, metric.
    Rule: `compass.facing`; from the first image to the second, or back.
    Dropped: directions within 10 degrees of the border of a sector; cameras that look too steeply up or down; images
        without a shared object. Options: those that the images of the scene can give, each right equally often.
    Source: VST, appendix C.2 and table 29.
    """
    pools: dict[str, list[Stand]] = {}
    for pair in image_pairs(scene, rng):
        poses = _poses(scene, pair)
        for start in (0, 1):
            bearing = facing(poses[start], poses[1 - start])
            if bearing is not None:
                pools.setdefault(bearing.point, []).append(Stand(pair, start, bearing))
    for options, point, stand in even_choices(rng, pools):
        known = pick(rng, POINTS)
        answer, choices = called(point, known), tuple(called(one, known) for one in options)
        words = {"known": known, "way": TURNS[side(point)]}
        yield _fact(scene, stand, "vst.camera_facing", answer, choices, words, reference=known)


def generate_place(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask where the camera of an image was, seen from that of another one: in front, front right, right and so on.

    Needs: boxes, frames, metric.
    Rule: `compass.from_camera`, which calls the heading north; here it is called front, as table 29 does.
    Dropped: as in `generate_facing`; cameras closer over the ground than `motion.least_travel` (0.25 m indoors).
    Source: VST, appendix C.2 and table 29.
    """
    pools: dict[str, list[Stand]] = {}
    for pair in image_pairs(scene, rng):
        poses = _poses(scene, pair)
        for start in (0, 1):
            bearing = from_camera(poses[start], poses[1 - start][:3, 3], least_travel(scene.scale))
            if bearing is not None:
                pools.setdefault(side(bearing.point), []).append(Stand(pair, start, bearing))
    for options, answer, stand in even_choices(rng, pools):
        yield _fact(scene, stand, "vst.camera_place", answer, options, {"way": PLACES[answer]})


def _poses(scene: Scene, pair: ImagePair) -> list[np.ndarray]:
    return [scene.frames[index].camera.camera_to_world for index in pair.indices]


def _fact(
    scene: Scene,
    stand: Stand,
    rule: str,
    answer: str,
    options: tuple[str, ...],
    words: dict[str, str],
    **measured: str,
) -> Fact:
    pair, ties = stand.pair, ties_of(scene, stand.pair)[:MOST_TIES]
    return Fact(
        rule=rule,
        task="view_change_inference",
        answer_type="multiple_choice",
        prompt_type=pair.frames.prompt_type,
        answer=answer,
        options=options,
        open_ended=True,
        semantics=tuple(item.category for item in ties),
        measured={"from": IMAGES[stand.start], "clockwise_deg": tidy(stand.bearing.angle), **measured},
        margins={"sector_deg": tidy(stand.bearing.margin - BAND)},
        regions=pair.frames.regions,
        key_frames=pair.indices,
        words={
            "told": pair.told,
            "start": IMAGES[stand.start],
            "end": IMAGES[1 - stand.start],
            "clue": _clue(scene, stand, ties),
            **words,
            **described(scene, pair.indices, [item.instance_id for item in ties]),
        },
    )


def _clue(scene: Scene, stand: Stand, ties: Sequence[SceneObject]) -> str:
    """Tell what has changed about the first shared object of which anything has."""
    start, end = IMAGES[stand.start], IMAGES[1 - stand.start]
    one, other = (_poses(scene, stand.pair)[image] for image in (stand.start, 1 - stand.start))
    for item in ties:
        moved, side = _moved(item, one, other), _from_side(item, one, other)
        parts = [f"the {item.category} is {joined(moved, 'and')} than in the {start}"] if moved else []
        if side:
            parts.append(f"I see {'it' if moved else f'the {item.category}'} from farther to the {side}")
        if parts:
            return f"In the {end} {', and '.join(parts)}."
    return f"Both images show the {ties[0].category} much alike."


def _moved(item: SceneObject, start: np.ndarray, end: np.ndarray) -> list[str]:
    """Tell how the middle of an object lies elsewhere in what a second camera sees, as far as that is clear."""
    (x, _, depth), (new_x, _, new_depth) = ((item.center - pose[:3, 3]) @ pose[:3, :3] for pose in (start, end))
    found: list[str] = []
    if min(depth, new_depth) > 0:
        if max(depth, new_depth) > CLEARLY * min(depth, new_depth):
            found.append("closer" if new_depth < depth else "farther away")
        if abs(new_x / new_depth - x / depth) > LEAST_SHIFT:
            found.append(f"farther to the {'right' if new_x / new_depth > x / depth else 'left'}")
    return found


def _from_side(item: SceneObject, start: np.ndarray, end: np.ndarray) -> str:
    """Tell to which side, for whoever faces an object, the camera has gone round it; empty where it hardly has."""
    (x, y), (new_x, new_y) = (pose[:2, 3] - item.center[:2] for pose in (start, end))
    angle = np.degrees(np.arctan2(x * new_y - y * new_x, x * new_x + y * new_y))
    if not LEAST_ROUND <= abs(angle) <= 180 - LEAST_ROUND:
        return ""
    return "right" if angle > 0 else "left"


NEEDS = frozenset({"boxes", "frames", "metric"})
RULES = (
    Rule("vst.camera_facing", "view_change_inference", NEEDS, ALL_SCALES, generate_facing),
    Rule("vst.camera_place", "view_change_inference", NEEDS, ALL_SCALES, generate_place),
)
