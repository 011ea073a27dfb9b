"""By how much, and which way, does an object turn in view while the camera moves round it?

Our reading of the task for scenes in which nothing moves (the videos of uCO3D are such orbits; SpaceVista, Table B7):
the view of an object turns by the angle by which the camera moves round the object's vertical axis, a line through the
centre of its box. That is defined for objects of any symmetry, and it does not depend on where the camera looks. Seen
from above, the camera goes clockwise where the object appears to turn counter-clockwise, as on a turntable.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from dataset_builders.geometry import Boxes
from dataset_builders.question import REGION_COLOURS, Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import pick, shuffled, take_turns
from dataset_builders.tasks.frame_pairs import FramePair, end_pair, over_pairs
from dataset_builders.tasks.motion import degrees
from dataset_builders.tasks.pointing import PHRASES, Shown, kinds, region, shown_in
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_ids
from dataset_builders.tasks.wording import tidy

LEAST_TURN, MOST_TURN = 10.0, 165.0
"""Degrees: less is hardly seen, and at half a turn the two ways round are alike."""
STEEPEST = 70.0
"""Degrees above or below the object's centre: a camera nearer to its axis has no clear side."""
WAYS = ("clockwise", "counter-clockwise")
QUESTIONS = ("orbit.degrees", "orbit.camera_side", "orbit.object_side")
"""How far, which way the camera goes round, and which way the object appears to turn."""


@dataclass(frozen=True)
class Orbit:
    """How a camera goes round an object between two frames, seen from above.

    Attributes:
        angle: Degrees, positive counter-clockwise, by the shorter way round.
        bearings: Degrees counter-clockwise from the world's X axis: from the object to the camera, at both ends.
        steepest: Degrees: the larger elevation of the camera above (or below) the object's centre, at both ends.
        is_outside: Whether the camera is at both ends farther from the axis than any corner of the object.
        is_shorter_way: Whether the frames in between show that it did go the shorter way round.
    """

    angle: float
    bearings: tuple[float, float]
    steepest: float
    is_outside: bool
    is_shorter_way: bool

    @property
    def is_clear(self) -> bool:
        """Whether the angle and its sign are beyond doubt."""
        sized = LEAST_TURN <= abs(self.angle) <= MOST_TURN
        return sized and self.steepest <= STEEPEST and self.is_outside and self.is_shorter_way


@dataclass(frozen=True)
class Bearings:
    """Where a camera stands as seen from each of N objects in each of F frames.

    Attributes:
        angles: (N, F) degrees counter-clockwise from the world's X axis, followed from frame to frame past 180.
        steepness: (N, F) degrees above or below the object's centre.
        outside: (N, F), whether it is farther from the object's axis than any corner of the object.
    """

    angles: np.ndarray
    steepness: np.ndarray
    outside: np.ndarray

    @classmethod
    def of(cls, scene: Scene) -> "Bearings":
        """Follow the camera of a scene round all its objects."""
        boxes = Boxes.of(scene.objects)
        cameras = np.array([frame.camera.camera_to_world[:3, 3] for frame in scene.frames])
        offsets = cameras - boxes.centers[:, None]
        across = np.linalg.norm(offsets[..., :2], axis=-1)
        reach = np.linalg.norm((boxes.corners() - boxes.centers[:, None])[..., :2], axis=-1).max(axis=1)
        return cls(
            np.unwrap(np.degrees(np.arctan2(offsets[..., 1], offsets[..., 0])), period=360),
            np.degrees(np.arctan2(np.abs(offsets[..., 2]), across)),
            across > reach[:, None],
        )

    def orbit(self, row: int, pair: FramePair) -> Orbit:
        """Return how the camera goes round the object of this row between two frames."""
        ends = [pair.early, pair.late]
        start, end = self.angles[row, ends].tolist()
        angle = (end - start + 180) % 360 - 180
        return Orbit(
            angle=angle,
            bearings=(start % 360, end % 360),
            steepest=float(self.steepness[row, ends].max()),
            is_outside=bool(self.outside[row, ends].all()),
            is_shorter_way=abs(end - start - angle) < 1,
        )


def generate_named(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask about a named object between the first and the last frame.

    Needs: boxes, frames.
    Rule: an object that is the only one of its category and visible in both frames; the change of the camera's
        bearing from the vertical line through its centre. Asked from the first frame to the last or, as often, back.
    Dropped: angles under 10 or over 165 degrees; cameras more than 70 degrees above the object, or nearer to its axis
        than its corners; moves that the frames in between show to have gone the longer way round.
    Unit: whole degrees.
    """
    pair = end_pair(scene)
    if pair is not None:
        bearings, shown = Bearings.of(scene), _seen(scene, pair.early) & _seen(scene, pair.late)
        alone = {item.instance_id for item in scene.unique_objects()}
        rows = [row for row, item in enumerate(scene.objects) if item.instance_id in shown & alone]
        yield from take_turns(_named(scene, pair, row, bearings, rng) for row in shuffled(rng, rows))


def _seen(scene: Scene, index: int) -> set[int]:
    return seen_ids(replace(scene, frames=scene.frames[index : index + 1]))


def _named(scene: Scene, pair: FramePair, row: int, bearings: Bearings, rng: np.random.Generator) -> Iterator[Fact]:
    item, found = scene.objects[row], bearings.orbit(row, pair)
    if found.is_clear:
        words, frames = {"thing": f"the {item.category}"}, (pair.early, pair.late)
        for question in shuffled(rng, QUESTIONS):
            yield _fact(question, pair, item, found, words, rng, prompt_type="text", key_frames=frames)


def generate_marked(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask about an object that is marked in two frames, by a point, a box or a mask in one colour.

    Needs: boxes, frames, instances.
    Rule: as in `generate_named`, for any object and any two frames that show it.
    Dropped: as in `generate_named`; masks under 20 x 20 pixels of 448 x 336; points and boxes as in `pointing.kinds`.
    Unit: whole degrees.
    """
    bearings, shown = Bearings.of(scene), cache(partial(shown_in, scene))
    yield from over_pairs(scene, rng, lambda pair: _marked(scene, pair, bearings, shown, rng))


def _marked(
    scene: Scene,
    pair: FramePair,
    bearings: Bearings,
    shown: Callable[[int], dict[int, Shown]],
    rng: np.random.Generator,
) -> Iterator[Fact]:
    for row, item in shuffled(rng, enumerate(scene.objects)):
        found = bearings.orbit(row, pair)
        if not found.is_clear:
            continue
        views = [shown(index).get(item.instance_id) for index in (pair.early, pair.late)]
        if all(views):
            kind, colour = pick(rng, kinds(scene, views)), pick(rng, REGION_COLOURS)
            words = {"thing": f"the object {PHRASES[kind].format(colour)}"}
            regions = tuple(region(scene, one, kind, colour) for one in views)
            question = pick(rng, QUESTIONS)
            yield _fact(question, pair, item, found, words, rng, prompt_type=kind, regions=regions)


def _fact(
    question: str,
    pair: FramePair,
    item: SceneObject,
    found: Orbit,
    words: dict[str, str],
    rng: np.random.Generator,
    **fields,
) -> Fact:
    """Ask one of `QUESTIONS`, from the early frame to the late one or back."""
    way = int(rng.choice([1, -1]))
    goes, seems = WAYS if way * found.angle < 0 else WAYS[::-1]
    start = round(found.bearings[::way][0])
    if question == "orbit.degrees":
        fields |= {"answer_type": "regression", "answer": f"{abs(found.angle):.0f}", "unit": "degrees"}
    else:
        answer = goes if question == "orbit.camera_side" else seems
        fields |= {"answer_type": "multiple_choice", "answer": answer, "options": WAYS, "open_ended": True}
    return Fact(
        rule=question,
        task="rotation_estimation",
        semantics=(item.category,),
        words={
            **words,
            **pair.travel_words(way),
            "turn": degrees(found.angle),
            "goes": goes,
            "seems": seems,
            "from": degrees(start % 360),
            # Counted on from there, so that the rounded angles add up.
            "to": degrees((start + way * round(found.angle)) % 360),
        },
        measured={"angle_deg": tidy(found.angle), "bearings_deg": [tidy(one) for one in found.bearings], "way": way},
        margins={
            "turn_deg": tidy(min(abs(found.angle) - LEAST_TURN, MOST_TURN - abs(found.angle))),
            "steepness_deg": tidy(STEEPEST - found.steepest),
        },
        **fields,
    )


RULES = (
    Rule("orbit.named", "rotation_estimation", frozenset({"boxes", "frames"}), ALL_SCALES, generate_named),
    Rule(
        "orbit.marked", "rotation_estimation", frozenset({"boxes", "frames", "instances"}), ALL_SCALES, generate_marked
    ),
)
