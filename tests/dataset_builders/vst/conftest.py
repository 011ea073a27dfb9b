"""Scenes for the tests of VST's rules, and the geometry of a picture by another way than the rules'."""

from functools import cache
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from dataset_builders.scene import Frame, Scene, SceneObject
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


@pytest.fixture(scope="session")
def by_hand() -> SimpleNamespace:
    return SimpleNamespace(rendered=rendered, in_camera=in_camera, corners=corners, surface=surface)
