"""Scenes for the tests of VST's rules, and the geometry of a picture by another way than the rules'."""

from dataclasses import replace
from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource

SIGNS = np.array(list(product((-0.5, 0.5), repeat=3)))


@cache
def rendered(scale: str = "indoor", count: int = 2, seed: int = 3) -> tuple[Scene, ...]:
    """Synthetic scenes of four frames."""
    source = SyntheticSource(num_scenes=5 * count, seed=seed, num_frames=4)
    return tuple(source.load(ref) for ref in source.refs() if ref.scale == scale)[:count]


def in_camera(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """World points, (N, 3), in the frame of a camera, by homogeneous coordinates."""
    return (np.linalg.inv(pose) @ np.c_[points, np.ones(len(points))].T).T[:, :3]


def corners(item: SceneObject) -> np.ndarray:
    """The corners of a box, (8, 3), world."""
    axes = list(zip(item.size, item.rotation, strict=True))
    world = [item.center + sum(s * size * axis for s, (size, axis) in zip(sign, axes, strict=True)) for sign in SIGNS]
    return np.array(world)


def surface(frame: Frame, instance_id: int) -> float:
    """The mean of the shallowest tenth of what a frame shows of an object, metres."""
    depths = np.sort(frame.depth[frame.instances == instance_id])
    return float(depths[: max(1, round(0.1 * len(depths)))].mean())


def level_pose(position, heading: float) -> np.ndarray:
    """The pose of a camera that looks so many degrees clockwise from the world's y axis, as seen from above."""
    sine, cosine = np.sin(np.radians(heading)), np.cos(np.radians(heading))
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = (cosine, -sine, 0), (0, 0, -1), (sine, cosine, 0), position
    return pose


def cube(number: int, category: str, center, side: float = 0.2) -> SceneObject:
    return SceneObject(number, category, np.array(center, float), np.full(3, side), np.eye(3))


def masked(objects, poses, shows, scale: str = "indoor") -> Scene:
    """A scene whose frames show the objects of these ids, as stripes, wherever the poses have them."""
    intrinsics, frames = np.array([[80.0, 0, 59.5], [0, 80, 44.5], [0, 0, 1]]), []
    for pose, ids in zip(poses, shows, strict=True):
        instances = np.zeros((90, 120), np.int32)
        for place, number in enumerate(ids):
            instances[10:80, 2 + 12 * place : 12 + 12 * place] = number
        frames.append(Frame(Camera(intrinsics, pose, 120, 90), np.zeros((90, 120, 3), np.uint8), None, instances))
    return Scene("place", "test", "none", scale, tuple(objects), tuple(frames))


def moved(scene: Scene, degrees: float, shift) -> Scene:
    """The same place in a world that is turned about the vertical and shifted."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = [[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], shift
    turn = motion[:3, :3]
    objects = tuple(
        replace(item, center=turn @ item.center + motion[:3, 3], rotation=item.rotation @ turn.T, points=None)
        for item in scene.objects
    )
    frames = tuple(
        replace(frame, camera=replace(frame.camera, camera_to_world=motion @ frame.camera.camera_to_world))
        for frame in scene.frames
    )
    return replace(scene, objects=objects, frames=frames)


@pytest.fixture(scope="session")
def by_hand() -> SimpleNamespace:
    return SimpleNamespace(
        rendered=rendered,
        in_camera=in_camera,
        corners=corners,
        surface=surface,
        level_pose=level_pose,
        cube=cube,
        masked=masked,
        moved=moved,
    )
