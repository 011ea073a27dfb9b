"""Gestures: what each step is by scipy, how far the camera strays, and that scenes stay what they are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.errors import InputError
from dataset_builders.scene import validate_scene
from dataset_builders.sources.opening import SourceOptions, open_sources
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.synthetic.gestures import MOST_AWAY, MOST_RISE, MOST_SWING, STEP, TURN, gestures

SOURCE = SyntheticSource(num_scenes=5, seed=5, num_frames=6, frame_size=(64, 48), gestures=True)


def steps(poses: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pan, tilt and roll, degrees, and the movement, metres, in the axes of the camera that makes it."""
    found = []
    for before, after in zip(poses[:-1], poses[1:], strict=True):
        motion = np.linalg.inv(before) @ after
        found.append((Rotation.from_matrix(motion[:3, :3]).as_euler("YXZ", degrees=True), motion[:3, 3]))
    return found


def test_every_direction_comes_by_itself():
    alone = set()
    for seed in range(60):
        for turn, move in steps(gestures(np.random.default_rng(seed), np.eye(4), 8, 2.0)):
            for kind, parts in (("turn", turn), ("move", move)):
                named = np.flatnonzero(np.abs(parts) > 1e-6)
                if len(named) == 1:
                    alone.add((kind, int(named[0]), bool(parts[named[0]] > 0)))
    assert len(alone) == 12


def test_a_step_is_as_large_as_stated():
    turn, move = steps(gestures(np.random.default_rng(4), np.eye(4), 2, 3.0))[0]
    for parts, (least, most), unit in ((turn, TURN, 1.0), (move, STEP, 3.0)):
        sizes = np.abs(parts)[np.abs(parts) > 1e-6]
        assert ((sizes >= least * unit - 1e-6) & (sizes <= most * unit + 1e-6)).all() and len(sizes) <= 2
    assert np.abs(turn).max() + np.abs(move).max() > 1e-3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 20), st.floats(0.01, 500), st.tuples(*[st.floats(-180, 180)] * 3))
def test_it_stays_about_its_place(seed, num_frames, distance, angles):
    first = np.eye(4)
    first[:3, :3], first[:3, 3] = Rotation.from_euler("YXZ", angles, degrees=True).as_matrix(), (1, 2, 3)
    poses = gestures(np.random.default_rng(seed), first, num_frames, distance)
    assert poses.shape == (num_frames, 4, 4) and np.array_equal(poses[0], first)
    away = poses[:, :3, 3] - first[:3, 3]
    assert np.linalg.norm(away, axis=1).max() <= (MOST_AWAY + 1e-9) * distance
    assert np.abs(away[:, 2]).max() <= (MOST_RISE + 1e-9) * distance
    swings = np.degrees(np.arccos(np.clip(poses[:, :3, 2] @ first[:3, 2], -1, 1)))
    assert swings.max() <= MOST_SWING + 1e-5
    assert np.allclose(poses[:, :3, :3] @ poses[:, :3, :3].swapaxes(1, 2), np.eye(3), atol=1e-9)


def test_only_the_cameras_differ():
    usual = replace(SOURCE, gestures=False)
    for ref in SOURCE.refs():
        here, there = validate_scene(SOURCE.load(ref), ref.scene_id), usual.load(ref)
        assert [item.category for item in here.objects] == [item.category for item in there.objects]
        assert all(
            np.array_equal(one.center, other.center) for one, other in zip(here.objects, there.objects, strict=True)
        )
        assert here.room_size == there.room_size and len(here.frames) == len(there.frames) == 6
        poses = [np.stack([frame.camera.camera_to_world for frame in scene.frames]) for scene in (here, there)]
        assert not np.array_equal(*poses)
        rolls = [np.abs(one[:, 2, 0]).max() for one in poses]  # how far the camera's right is from level
        assert rolls[1] < 1e-6
        assert here.frames[0].color.std() > 5 and all((frame.instances > 0).any() for frame in here.frames)
        if here.scale == "indoor":
            assert all((frame.depth > 0).all() for frame in here.frames)  # below the ceiling, between the walls


def test_it_is_opt_in():
    assert not open_sources(["synthetic"], SourceOptions()).gestures
    assert open_sources(["synthetic"], SourceOptions(gestures=True)).gestures
    assert "gestures" not in SourceOptions().recorded() and SourceOptions(gestures=True).recorded()["gestures"]
    with pytest.raises(InputError, match="--gestures: has no use"):
        open_sources(["tum"], SourceOptions(inputs=["x"], gestures=True))
