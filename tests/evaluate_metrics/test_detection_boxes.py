"""Overlaps of oriented boxes against closed forms, dense samples, and the half-space intersection of scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from evaluate_metrics.detection_boxes import Boxes, pairwise_iou


def box(center=(0, 0, 0), size=(1, 1, 1), rotation=None):
    rotation = np.eye(3) if rotation is None else rotation
    return {"center": np.array(center, dtype=float), "size": np.array(size, dtype=float), "rotation": rotation}


def iou(one, other):
    return float(pairwise_iou(Boxes.of([one]), Boxes.of([other]))[0, 0])


def yaw(degrees):
    """Return the axes of a box turned about Z."""
    return Rotation.from_euler("z", degrees, degrees=True).as_matrix().T


def random_box(rng, spread=1.0):
    return box(rng.normal(size=3) * spread, rng.uniform(0.3, 2, 3), Rotation.random(random_state=rng).as_matrix())


def by_half_spaces(one, other):
    """Return the same overlap through the dual: the intersection of twelve half-spaces."""
    planes = []
    for each in (one, other):
        for axis, length in zip(each["rotation"], each["size"], strict=True):
            for normal in (axis, -axis):
                planes.append([*normal, -(normal @ each["center"] + length / 2)])
    planes = np.array(planes)
    # The centre of the largest ball inside, if there is one.
    best = linprog(
        [0, 0, 0, -1], np.hstack([planes[:, :3], np.ones((12, 1))]), -planes[:, 3], bounds=[(None, None)] * 4
    )
    if best.status != 0 or best.x[3] <= 1e-9:
        return 0.0
    shared = ConvexHull(HalfspaceIntersection(planes, best.x[:3]).intersections).volume
    return shared / (one["size"].prod() + other["size"].prod() - shared)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (box(), box(), 1),
        (box(), box((1, 0, 0)), 0),
        (box(), box((3, 0, 0)), 0),
        (box(size=(2, 2, 2)), box((1, 0, 0), (2, 2, 2)), 1 / 3),
        (box(size=(2, 2, 2)), box((1, 1, 1), (2, 2, 2)), 1 / 15),
        (box(size=(4, 4, 4)), box(size=(2, 2, 2)), 1 / 8),
        (box(size=(4, 4, 4)), box((1, 1, 1), (2, 2, 2)), 1 / 8),
        # Two squares at 45°: a regular octagon of area 2 (√2 - 1) remains.
        (box(), box(rotation=yaw(45)), 2 * (2**0.5 - 1) / (2 - 2 * (2**0.5 - 1))),
        (box(size=(1, 2, 3)), box(size=(2, 1, 3), rotation=yaw(90)), 1),
        (box(size=(1, 2, 3)), box(size=(1, 2, 3), rotation=yaw(180)), 1),
        (box(size=(1, 1, 1e-3)), box(size=(1, 1, 1e-3)), 1),
    ],
)
def test_closed_forms(one, other, expected):
    assert iou(one, other) == pytest.approx(expected, abs=1e-9)
    assert iou(other, one) == pytest.approx(expected, abs=1e-9)


def test_a_cube_standing_on_its_corner():
    """A unit cube turned so that its diagonal is vertical, cut by the slab |z| <= 1/4, whose part of it is known."""
    tip = Rotation.align_vectors([[0, 0, 1]], [np.ones(3) / 3**0.5])[0].as_matrix().T
    half_diagonal, cut = 3**0.5 / 2, 0.25
    # Beyond the cut lies a corner of height h = √3/2 - 1/4 less three smaller ones; volume √3 h³ / 2 for three edges.
    height = half_diagonal - cut
    small = max(0, height - 1 / 3**0.5)
    beyond = 3**0.5 / 2 * (height**3 - 3 * small**3)
    shared = 1 - 2 * beyond
    slab = box(size=(10, 10, 2 * cut))
    assert iou(box(rotation=tip), slab) == pytest.approx(shared / (1 + 50 - shared), abs=1e-9)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_any_two_boxes_as_by_half_spaces(seed):
    rng = np.random.default_rng(seed)
    one, other = random_box(rng, 0.4), random_box(rng, 0.4)
    assert iou(one, other) == pytest.approx(by_half_spaces(one, other), abs=1e-7)


def test_dense_samples():
    rng = np.random.default_rng(0)
    points = qmc.Sobol(3, seed=0).random_base2(19) - 0.5
    for _ in range(6):
        one, other = random_box(rng, 0.3), random_box(rng, 0.3)
        world = (points * one["size"]) @ one["rotation"] + one["center"]
        local = (world - other["center"]) @ other["rotation"].T
        shared = np.mean((np.abs(local) <= other["size"] / 2).all(axis=1)) * one["size"].prod()
        expected = shared / (one["size"].prod() + other["size"].prod() - shared)
        assert iou(one, other) == pytest.approx(expected, abs=1e-3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_box_overlaps_itself_entirely_and_moving_both_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    one, other = random_box(rng), random_box(rng)
    assert iou(one, one) == pytest.approx(1, abs=1e-9)
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(size=3) * 100
    moved = [box(turn @ each["center"] + shift, each["size"], each["rotation"] @ turn.T) for each in (one, other)]
    assert iou(*moved) == pytest.approx(iou(one, other), abs=1e-9)


def test_nearly_parallel_faces_do_not_lose_the_overlap():
    for angle in (1e-15, 1e-12, 1e-9, 1e-6):
        assert iou(box(size=(2, 1, 1)), box(size=(2, 1, 1), rotation=yaw(angle))) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "broken",
    [
        box(size=(1, 0, 1)),
        box(size=(1, -1, 1)),
        box((np.nan, 0, 0)),
        box(size=(np.inf, 1, 1)),
        box(rotation=2 * np.eye(3)),
        box(rotation=np.diag([1.0, 1, -1])),
        box(rotation=np.zeros((3, 3))),
    ],
)
def test_what_is_no_box_overlaps_with_nothing(broken):
    assert not Boxes.of([broken]).valid()[0]
    assert iou(box(), broken) == 0
    assert iou(broken, broken) == 0


def test_no_boxes_at_all():
    assert pairwise_iou(Boxes.of([]), Boxes.of([box()])).shape == (0, 1)
    assert pairwise_iou(Boxes.of([box()]), Boxes.of([])).shape == (1, 0)
