"""How a camera has moved: rotation and translation in the first camera's own axes, with the names of VST.

Conventions (VST, appendix C and tables 34 and 35): the origin is the first camera; X points to the right of its
picture, Y down its picture, Z forward along its viewing direction. Nothing depends on where up is in the world, so the
names hold for worlds whose vertical is unknown too. Signs here: pan to the right, tilt up and roll clockwise (as the
photographer sees it: the camera's right side goes down) are positive; so are right, up and forward.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from dataset_builders.scene import Camera
from dataset_builders.tasks.wording import joined
from dataset_builders.taxonomy import SCALES

LEAST_TURN = 8.0
"""Degrees: a smaller rotation counts as none (SpatialEvo, camera motion)."""
LEAST_TRAVEL = 5 / 3
"""Margins of the scale: a shorter translation counts as none (SpatialEvo: 0.25 m, where the margin is 0.15 m)."""
NAMED, BAND = 0.35, 0.1
"""A further axis is named from this share of the largest on (SpatialEvo); within the band of that, it is ambiguous."""
MOST_TURN = 160.0
"""Degrees: beyond, left and right are too close to one another, behind the camera."""

ROTATIONS = (
    ("panning to the right", "panning to the left"),
    ("tilting up", "tilting down"),
    ("rolling clockwise", "rolling counter-clockwise"),
)
TURNS = ("pan", "tilt", "roll")
SIDES = (("to the right", "to the left"), ("up", "down"), ("clockwise", "counter-clockwise"))
TRANSLATIONS = (("rightward", "leftward"), ("upward", "downward"), ("forward", "backward"))
"""Name of the positive and negative direction, per axis."""

Signs = tuple[int, ...]
"""Per axis, 1 or -1, or 0 where a motion has no direction worth a name."""


@dataclass(frozen=True)
class Motion:
    """What carries the first camera to the last.

    Attributes:
        turn: (3,) degrees: pan, tilt and roll, made in this order (intrinsic Euler angles about Y, X and Z).
        spin: (3,) degrees: the same axes, all made at once (rotation vector).
        travel: (3,) metres to the right, up and forward.
        swing: Degrees between the two viewing directions.
        wound: Whether some camera in between shows that pan or roll went the other way round, past 180 degrees.
    """

    turn: np.ndarray
    spin: np.ndarray
    travel: np.ndarray
    swing: float
    wound: bool


def camera_motions(cameras: Sequence[Camera], pairs: Sequence[tuple[int, int]]) -> list[Motion]:
    """Compute the motions between pairs of cameras.

    Args:
        cameras: In the order in which the one camera was in these places.
        pairs: Early and late index of each motion; the cameras in between only tell which way round it went.
    """
    poses = np.stack([camera.camera_to_world for camera in cameras])
    rotations, centers = poses[:, :3, :3], poses[:, :3, 3]
    starts = sorted({early for early, _ in pairs})
    # (starts, cameras, 3, 3): the axes of every camera, as seen by each in which a motion starts.
    turns = rotations[starts].swapaxes(1, 2)[:, None] @ rotations
    angles = _pan_tilt_roll(turns)
    followed = np.unwrap(angles[..., ::2], axis=1, period=360)
    # A rotation vector is (x, y, z) of axes whose y points down: about x is up, about y to the right.
    spins = np.degrees(Rotation.from_matrix(turns.reshape(-1, 3, 3)).as_rotvec()).reshape(angles.shape)[..., [1, 0, 2]]
    swings = np.degrees(np.arccos(np.clip(turns[..., 2, 2], -1, 1)))
    found = []
    for early, late in pairs:
        row = starts.index(early)
        right, down, forward = rotations[early].T @ (centers[late] - centers[early])
        went = followed[row, late] - followed[row, early]
        found.append(
            Motion(
                turn=angles[row, late],
                spin=spins[row, late],
                travel=np.array([right, -down, forward]),
                swing=float(swings[row, late]),
                wound=bool(np.abs(went - angles[row, late, ::2]).max() > 1),
            )
        )
    return found


def _pan_tilt_roll(turns: np.ndarray) -> np.ndarray:
    """Split rotations, (..., 3, 3), into degrees, (..., 3), with R = Y(pan) X(tilt) Z(roll)."""
    pan = np.arctan2(turns[..., 0, 2], turns[..., 2, 2])
    tilt = np.arcsin(np.clip(-turns[..., 1, 2], -1, 1))
    roll = np.arctan2(turns[..., 1, 0], turns[..., 1, 1])
    return np.degrees(np.stack([pan, tilt, roll], axis=-1))


@dataclass(frozen=True)
class Heading:
    """Which of six directions a motion has.

    Attributes:
        signs: Per axis, which.
        spare: By how much the shares of all axes stay out of the ambiguous band.
    """

    signs: Signs
    spare: float


def heading(parts: np.ndarray) -> Heading | None:
    """Decide which axes have a direction worth a name: those with a good share of the largest part.

    Args:
        parts: (3,) `turn`, `spin` or `travel` of a motion.

    Returns:
        The heading, or None where some axis is in the ambiguous band or nothing moves.

    >>> heading(np.array([-20.0, 3.0, 12.0])).signs, heading(np.array([9.0, 3.0, 0.0]))
    ((-1, 0, 1), None)
    """
    largest = max(map(abs, parts))
    if largest == 0:
        return None
    shares = [abs(part) / largest for part in parts]
    spare = min(abs(share - NAMED) for share in shares) - BAND
    signs = tuple(int(np.sign(part)) if share >= NAMED else 0 for part, share in zip(parts, shares, strict=True))
    return Heading(signs, float(spare)) if spare > 0 else None


def rotation_heading(motion: Motion) -> Heading | None:
    """Decide how a camera has rotated; None where that is not clear.

    It is not where all angles are under `LEAST_TURN` or one is over `MOST_TURN`, where a share is ambiguous, where the
    names depend on whether the angles are made one after another or all at once, or where they went the other way
    round.
    """
    if motion.wound or not LEAST_TURN <= np.abs(motion.turn).max() <= MOST_TURN:
        return None
    one, other = heading(motion.turn), heading(motion.spin)
    if one is None or other is None or one.signs != other.signs:
        return None
    return Heading(one.signs, min(one.spare, other.spare))


def least_travel(scale: str) -> float:
    """Return how many metres a camera must move at a scale to have moved at all."""
    return LEAST_TRAVEL * SCALES[scale].margin


def spoken(signs: Signs, names: Sequence[tuple[str, str]], way: int = 1) -> str:
    """Name a heading, or its opposite if `way` is -1.

    >>> spoken((-1, 0, 1), TRANSLATIONS), spoken((0, -1, 0), ROTATIONS, way=-1)
    ('leftward and forward', 'tilting up')
    """
    return joined([pair[way * sign < 0] for sign, pair in zip(signs, names, strict=True) if sign], "and")


def degrees(angle: float) -> str:
    """Print the size of an angle in whole degrees.

    >>> degrees(-30.6), degrees(1.2)
    ('31 degrees', '1 degree')
    """
    number = f"{abs(angle):.0f}"
    return f"{number} degree{'' if number == '1' else 's'}"
