"""What is the main rotation or the main movement of the camera between two frames?

All directions are those of the earlier frame's camera (see `motion`), whichever way the question goes.
"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.camera_moves import moves, with_options
from dataset_builders.tasks.motion import (
    ROTATIONS,
    TRANSLATIONS,
    heading,
    least_travel,
    rotation_heading,
    spoken,
)
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.wording import length_measure, tidy


def generate_rotation(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the main rotation of the camera, one name or several combined.

    Needs: frames.
    Rule: pan, tilt and roll in the axes of the earlier camera; those with at least 0.35 of the largest are named
        (SpatialEvo's share, VST's names).
    Dropped: all angles under 8 degrees or one over 160; a share within 0.1 of 0.35; names that depend on whether the
        angles are made one after another or all at once; pans and rolls that the frames in between show to have gone
        the other way round.
    Options: see `camera_moves.with_options`.
    Source: VST, appendix C, camera motion.
    """
    headed = [(move, found) for move in moves(scene, rng) if (found := rotation_heading(move.motion))]
    for move, found, options in with_options(headed, (-1, 1, -1), rng):
        yield move.fact(
            move.turn_words(),
            rule="camera.rotation",
            answer_type="multiple_choice",
            answer=spoken(found.signs, ROTATIONS, move.way),
            options=tuple(spoken(signs, ROTATIONS, move.way) for signs in options),
            open_ended=True,
            measured=move.turned(),
            margins={"share": tidy(found.spare)},
        )


def generate_translation(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the main direction in which the camera moves, one name or several combined.

    Needs: frames, metric (how far a camera must move to have a direction is a length).
    Rule: the straight way from one camera's centre to the other's in the axes of the earlier camera; the parts with at
        least 0.35 of the largest are named (SpatialEvo's share, VST's names).
    Dropped: under 5/3 of the scale's margin (0.25 m indoors, as SpatialEvo); a share within 0.1 of 0.35.
    Options: see `camera_moves.with_options`.
    Source: VST, appendix C, camera motion.
    """
    least = least_travel(scene.scale)
    long = [move for move in moves(scene, rng) if np.linalg.norm(move.motion.travel) >= least]
    headed = [(move, found) for move in long if (found := heading(move.motion.travel))]
    for move, found, options in with_options(headed, (-1, 1, 1), rng):
        yield move.fact(
            move.travel_words(length_measure(scene.scale)),
            rule="camera.translation",
            answer_type="multiple_choice",
            answer=spoken(found.signs, TRANSLATIONS, move.way),
            options=tuple(spoken(signs, TRANSLATIONS, move.way) for signs in options),
            open_ended=True,
            measured=move.travelled(),
            margins={
                "share": tidy(found.spare),
                "length_m": tidy(float(np.linalg.norm(move.motion.travel)) - least),
            },
        )


TASK = "view_change_inference"
RULES = (
    Rule("camera.rotation", TASK, frozenset({"frames"}), ALL_SCALES, generate_rotation),
    Rule("camera.translation", TASK, frozenset({"frames", "metric"}), ALL_SCALES, generate_translation),
)
