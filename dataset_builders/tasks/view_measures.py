"""Which way, and how far, does the camera turn or move between two frames, along each of its axes and altogether?

All directions are those of the earlier frame's camera (see `motion`), whichever way the question goes.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.camera_moves import Move, ask_each
from dataset_builders.tasks.motion import (
    LEAST_TURN,
    ROTATIONS,
    SIDES,
    TRANSLATIONS,
    TURNS,
    degrees,
    heading,
    least_travel,
    rotation_heading,
)
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.wording import joined, length_measure, tidy

SAME_SHARE = 0.1
"""The size of an angle is asked for where the two ways to split a rotation agree within this share of it."""


def generate_turn(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which way and by how many degrees the camera pans, tilts or rolls, and how far its line of sight swings.

    Needs: frames.
    Rule: pan, tilt and roll as in `generate_rotation`, each by itself; the angle between the two viewing directions.
    Dropped: angles under 8 degrees; pan, tilt and roll that are not clear as in `generate_rotation`; one
        whose size depends by more than a tenth on whether the angles are made one after another or all at once.
    Unit: whole degrees.
    Source: VST, appendix C (which way); published CAMERA_ROTATION questions (how far).
    """
    along = [partial(ask, axis=axis) for ask in (_turn_side, _turn_degrees) for axis in range(3)]
    yield from ask_each(scene, rng, [_swing, *along])


def generate_move(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which way the camera moves along an axis, how far along it, and how far altogether.

    Needs: frames, metric.
    Rule: the parts, and the length, of the straight way from one camera's centre to the other's, in the axes of the
        earlier camera.
    Dropped: lengths under 5/3 of the scale's margin; which way, where that is not clear as in `generate_translation`.
    Unit: the scale's length unit, rounded to its decimals; another one where the length is unusual for the scale.
    Source: VST, appendix C (which way); published CAMERA_MOVING questions (how far).
    """
    yield from ask_each(
        scene,
        rng,
        [_distance, *(partial(ask, axis=axis) for ask in (_move_side, _move_distance) for axis in range(3))],
    )


def _turn_side(scene: Scene, move: Move, axis: int) -> Fact | None:
    found, angle = rotation_heading(move.motion), float(move.motion.turn[axis])
    if found is None or not found.signs[axis] or abs(angle) < LEAST_TURN:
        return None
    return move.fact(
        {
            **move.turn_words(),
            "turn": TURNS[axis],
            "choice": joined(ROTATIONS[axis], "or"),
            "amount": degrees(angle),
        },
        rule="camera.turn_side",
        answer_type="multiple_choice",
        answer=ROTATIONS[axis][move.way * angle < 0],
        options=ROTATIONS[axis],
        open_ended=True,
        measured=move.turned(),
        margins={"share": tidy(found.spare), "turn_deg": tidy(abs(angle) - LEAST_TURN)},
    )


def _turn_degrees(scene: Scene, move: Move, axis: int) -> Fact | None:
    found, angle = rotation_heading(move.motion), float(move.motion.turn[axis])
    agreement = SAME_SHARE * abs(angle) - abs(angle - float(move.motion.spin[axis]))
    if found is None or not found.signs[axis] or abs(angle) < LEAST_TURN or agreement < 0:
        return None
    return move.fact(
        {**move.turn_words(), "turn": TURNS[axis], "sides": joined(SIDES[axis], "or")},
        rule="camera.turn_degrees",
        answer_type="regression",
        told_by_words=True,  # cameras pan further than they roll
        answer=f"{abs(angle):.0f}",
        unit="degrees",
        measured=move.turned(),
        margins={"turn_deg": tidy(abs(angle) - LEAST_TURN), "agreement_deg": tidy(agreement)},
    )


def _swing(scene: Scene, move: Move) -> Fact | None:
    swing = move.motion.swing
    if swing < LEAST_TURN:
        return None
    return move.fact(
        move.turn_words(),
        rule="camera.swing",
        answer_type="regression",
        answer=f"{swing:.0f}",
        unit="degrees",
        measured={**move.turned(), "swing_deg": tidy(swing)},
        margins={"swing_deg": tidy(swing - LEAST_TURN)},
    )


def _move_side(scene: Scene, move: Move, axis: int) -> Fact | None:
    found, part = heading(move.motion.travel), float(move.motion.travel[axis])
    spare, measure = abs(part) - least_travel(scene.scale), length_measure(scene.scale, abs(part))
    if found is None or not found.signs[axis] or spare < 0:
        return None
    return move.fact(
        {
            **move.travel_words(measure),
            "choice": joined(TRANSLATIONS[axis], "or"),
            "amount": measure.text(abs(part)),
        },
        rule="camera.move_side",
        answer_type="multiple_choice",
        answer=TRANSLATIONS[axis][move.way * part < 0],
        options=TRANSLATIONS[axis],
        open_ended=True,
        measured=move.travelled(),
        margins={"share": tidy(found.spare), "length_m": tidy(spare)},
    )


def _move_distance(scene: Scene, move: Move, axis: int) -> Fact | None:
    part = float(move.motion.travel[axis])
    spare, measure = abs(part) - least_travel(scene.scale), length_measure(scene.scale, abs(part))
    if spare < 0:
        return None
    return move.fact(
        {**move.travel_words(measure), "direction": TRANSLATIONS[axis][move.way * part < 0]},
        rule="camera.move_distance",
        answer_type="regression",
        told_by_words=True,  # and move further forward than up
        answer=measure.number(abs(part)),
        unit=measure.unit,
        needs_scale=True,
        measured=move.travelled(),
        margins={"length_m": tidy(spare)},
    )


def _distance(scene: Scene, move: Move) -> Fact | None:
    length = float(np.linalg.norm(move.motion.travel))
    spare, measure = length - least_travel(scene.scale), length_measure(scene.scale, length)
    if spare < 0:
        return None
    return move.fact(
        move.travel_words(measure),
        rule="camera.distance",
        answer_type="regression",
        answer=measure.number(length),
        unit=measure.unit,
        needs_scale=True,
        measured={**move.travelled(), "distance_m": tidy(length)},
        margins={"length_m": tidy(spare)},
    )


RULES = (
    Rule("camera.turn", "view_change_inference", frozenset({"frames"}), ALL_SCALES, generate_turn),
    Rule("camera.move", "view_change_inference", frozenset({"frames", "metric"}), ALL_SCALES, generate_move),
)
