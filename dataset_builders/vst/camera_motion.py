"""How does the camera turn, or move, between two images: the names of VST, which the question defines (table 30)?

All directions are those of the first image's camera (see `motion`), whichever way the question goes. The reasoning
tells them by parallax, as tables 34 and 35 ask.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.camera_moves import Move, moves, with_options
from dataset_builders.tasks.draw import take_turns
from dataset_builders.tasks.motion import (
    ROTATIONS,
    TRANSLATIONS,
    TURNS,
    Heading,
    Signs,
    heading,
    least_travel,
    rotation_heading,
    spoken,
)
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.vst.parallax import (
    Landmark,
    Sign,
    in_words,
    landmarks,
    travel_sign,
    turn_sign,
    views_without_names,
)
from dataset_builders.vst.pictures import IMAGES, told
from dataset_builders.vst.reasoning import described
from dataset_builders.vst.same_points import can_follow

ROTATION_NAMES = """Rotations are named as whoever holds the camera of the first image sees them:
* Pan: the camera turns to one side, as a head looks left or right. Panning to the right takes what is in the picture \
to the left, panning to the left takes it to the right.
* Tilt: the camera nods. Tilting up takes the picture down, tilting down takes it up.
* Roll: the camera leans to one side while it looks the same way. Rolling clockwise turns the picture \
counter-clockwise, rolling counter-clockwise turns it clockwise.
What makes up at least about a third of the largest of the three is named, in this order.
"""
TRANSLATION_NAMES = """Movements are named as whoever holds the camera of the first image sees them:
* Rightward, leftward: the camera moves to its side. Near things shift against what is behind them, to the left when \
it moves rightward and to the right when it moves leftward.
* Upward, downward: the camera rises or sinks. Near things shift down against what is behind them when it moves \
upward, and up when it moves downward.
* Forward, backward: the camera moves along its line of sight. Things look larger and go outward from the middle when \
it moves forward, smaller and inward when it moves backward, near things most.
Turns of the camera do not count. What makes up at least about a third of the largest of the three is named, in this \
order.
"""


@dataclass(frozen=True)
class Kind:
    """Rotations or translations.

    Attributes:
        rule: Name of the rule, of the wording that asks for all directions and, with `_side`, for one of them.
        names: Of the positive and negative direction, per axis.
        axes: Name of each axis.
        definitions: Of the names, for the question.
        mirrored: Per axis, -1 if a mirror that swaps left and right turns it round, else 1.
        parts: The motion along the axes.
        shown: Finds what shows the motion along an axis.
    """

    rule: str
    names: tuple[tuple[str, str], ...]
    axes: tuple[str, ...]
    definitions: str
    mirrored: Signs
    parts: Callable[[Move], dict]
    shown: Callable[[int, int, Sequence[Landmark]], Sign | None]


ROTATION = Kind("vst.camera_rotation", ROTATIONS, TURNS, ROTATION_NAMES, (-1, 1, -1), Move.turned, turn_sign)
TRANSLATION = Kind(
    "vst.camera_translation",
    TRANSLATIONS,
    ("movement to the side", "rise or fall", "movement along the line of sight"),
    TRANSLATION_NAMES,
    (-1, 1, 1),
    Move.travelled,
    travel_sign,
)


@dataclass(frozen=True)
class Shown:
    """What two images show of a camera's move.

    Attributes:
        move: The move.
        found: Its heading.
        signs: Axis → what shows it; of every axis that is named.
        seen: All that both images show.
    """

    move: Move
    found: Heading
    signs: dict[int, Sign]
    seen: Sequence[Landmark]


def generate_rotation(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how the camera has rotated: by pan, tilt, roll or several of them, or, of one of these, which way.

    Needs: frames, depth, intrinsics.
    Rule: as `view_change.generate_rotation`, whose thresholds and shares decide what is named and what is ambiguous.
    Dropped: what that drops; motions of which nothing that both frames show tells a named direction (see `parallax`).
    Options: see `camera_moves.with_options`; for one axis, its two directions.
    Source: VST, appendix C.2 and tables 30 and 34.
    """
    headed = [(move, found) for move in moves(scene, rng) if (found := rotation_heading(move.motion))]
    yield from _ask(scene, headed, ROTATION, rng)


def generate_translation(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which way the camera has moved: in one or several of six directions, or, along one axis, which way.

    Needs: frames, depth, intrinsics, metric.
    Rule: as `view_change.generate_translation`.
    Dropped: what that drops; motions of which nothing that both frames show tells a named direction (see `parallax`).
    Options: see `camera_moves.with_options`; for one axis, its two directions.
    Source: VST, appendix C.2 and tables 30 and 35.
    """
    least = least_travel(scene.scale)
    far = [move for move in moves(scene, rng) if np.linalg.norm(move.motion.travel) >= least]
    headed = [(move, found) for move in far if (found := heading(move.motion.travel))]
    yield from _ask(scene, headed, TRANSLATION, rng)


def _ask(scene: Scene, headed: Sequence[tuple[Move, Heading]], kind: Kind, rng: np.random.Generator) -> Iterator[Fact]:
    shown = {id(move): one for move, found in headed if (one := _shown(scene, move, found, kind, rng))}
    clear = [(one.move, one.found) for one in shown.values()]
    whole = (
        _fact(scene, shown[id(move)], kind, options) for move, _, options in with_options(clear, kind.mirrored, rng)
    )
    sides = (_side(scene, one, kind, axis) for one in shown.values() for axis in one.signs)
    yield from take_turns([whole, sides])


def _shown(scene: Scene, move: Move, found: Heading, kind: Kind, rng: np.random.Generator) -> Shown | None:
    """Look for what shows a move; None where some named direction cannot be seen."""
    start, end = (move.pair.early, move.pair.late)[:: move.way]
    if not can_follow(scene, start, end):
        return None
    seen = landmarks(scene, start, end, rng)
    if len(seen) < 2:
        return None
    signs = {axis: kind.shown(axis, move.way * sign, seen) for axis, sign in enumerate(found.signs) if sign}
    return Shown(move, found, signs, seen) if all(signs.values()) else None


def _fact(scene: Scene, shown: Shown, kind: Kind, options: Sequence[Signs]) -> Fact:
    way = shown.move.way
    return _made(
        scene,
        shown,
        kind,
        list(shown.signs.values()),
        {},
        wording=kind.rule,
        answer=spoken(shown.found.signs, kind.names, way),
        options=tuple(spoken(signs, kind.names, way) for signs in options),
    )


def _side(scene: Scene, shown: Shown, kind: Kind, axis: int) -> Fact:
    sign = shown.move.way * shown.found.signs[axis]
    return _made(
        scene,
        shown,
        kind,
        [shown.signs[axis]],
        {"axis": kind.axes[axis], "choice": joined(kind.names[axis], "or")},
        wording=f"{kind.rule}_side",
        answer=kind.names[axis][sign < 0],
        options=kind.names[axis],
    )


def _made(scene: Scene, shown: Shown, kind: Kind, signs: Sequence[Sign], words: dict[str, str], **fields) -> Fact:
    move, indices = shown.move, (shown.move.pair.early, shown.move.pair.late)
    first_to_second = [landmark.along(shown.move.way) for landmark in shown.seen]
    named = dict.fromkeys(thing.instance_id for sign in signs for thing in sign.things if thing.instance_id)
    return replace(move, pair=replace(move.pair, names=IMAGES)).fact(
        {
            "told": told(scene, move.pair),
            "definitions": kind.definitions,
            "shifts": in_words(signs),
            **(described(scene, indices, list(named)) if scene.objects else views_without_names(first_to_second)),
            **words,
        },
        rule=kind.rule,
        answer_type="multiple_choice",
        open_ended=True,
        measured=kind.parts(move),
        margins={"share": tidy(shown.found.spare), "clearness": tidy(min(sign.amount for sign in signs) - 1)},
        **fields,
    )


TASK = "view_change_inference"
NEEDS = frozenset({"frames", "depth", "intrinsics"})
RULES = (
    Rule("vst.camera_rotation", TASK, NEEDS, ALL_SCALES, generate_rotation),
    Rule("vst.camera_translation", TASK, NEEDS | {"metric"}, ALL_SCALES, generate_translation),
)
