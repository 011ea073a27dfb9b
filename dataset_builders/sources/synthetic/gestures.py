"""A camera that turns and moves along its own axes, in one or two directions at a time, and stays about its place.

The smooth paths of `paths` never roll alone, or rise, or go straight back. From one frame to the next this camera
pans, tilts or rolls, moves in one of six directions, or does some of these together, so that each of them occurs.
"""

import numpy as np
from scipy.spatial.transform import Rotation

TURN = (10.0, 18.0)
"""Degrees of one step, along each axis that it turns about."""
STEP = (0.12, 0.2)
"""Shares of the distance to what is looked at, along each axis that it moves along."""
MOST_SWING, MOST_LEAN = 25.0, 25.0
"""Degrees from the first pose: of the line of sight, and of the rest, which is roll."""
MOST_AWAY, MOST_RISE = 0.45, 0.2
"""Shares of that distance from the first place: in all, and up or down."""
TRIES = 32


def gestures(rng: np.random.Generator, first: np.ndarray, num_frames: int, distance: float) -> np.ndarray:
    """Draw the poses of such a camera.

    Args:
        rng: Source of randomness.
        first: (4, 4) camera-to-world, OpenCV axes, of the first frame.
        num_frames: How many poses.
        distance: Metres to what is looked at.

    Returns:
        (F, 4, 4) camera-to-world.

    >>> gestures(np.random.default_rng(0), np.eye(4), 5, 2.0).shape
    (5, 4, 4)
    """
    poses = [first]
    while len(poses) < num_frames:
        nexts = (poses[-1] @ _step(rng, distance) for _ in range(TRIES))
        # Where none stays near, go back by one step, which does.
        poses.append(next((pose for pose in nexts if _is_near(pose, first, distance)), poses[max(0, len(poses) - 2)]))
    return np.stack(poses)


def _step(rng: np.random.Generator, distance: float) -> np.ndarray:
    """Draw a motion in the camera's axes, (4, 4): a turn, a movement or both, about or along one or two axes each."""
    kind, motion = rng.integers(3), np.eye(4)
    if kind != 1:
        motion[:3, :3] = Rotation.from_euler("YXZ", _parts(rng, TURN), degrees=True).as_matrix()
    if kind != 0:
        motion[:3, 3] = distance * _parts(rng, STEP)
    return motion


def _parts(rng: np.random.Generator, sizes: tuple[float, float]) -> np.ndarray:
    """Draw three signed parts, of which one or two are not 0."""
    named = rng.permutation(3) < rng.choice([1, 2], p=[0.7, 0.3])
    return named * rng.choice([-1, 1], 3) * rng.uniform(*sizes, 3)


def _is_near(pose: np.ndarray, first: np.ndarray, distance: float) -> bool:
    turn, away = first[:3, :3].T @ pose[:3, :3], pose[:3, 3] - first[:3, 3]
    swing, whole = np.degrees(np.arccos(np.clip([turn[2, 2], (np.trace(turn) - 1) / 2], -1, 1)))
    is_about = np.linalg.norm(away) <= MOST_AWAY * distance and abs(away[2]) <= MOST_RISE * distance
    return bool(swing <= MOST_SWING and whole <= MOST_SWING + MOST_LEAN and is_about)
