"""Sums over edges against the convex hull of clipped edges, where boxes are in general position and where not."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from evaluate_metrics.detection_boxes import Boxes, _clipped_edges, _hull_volume, pairwise_iou
from evaluate_metrics.detection_volumes import shared_volumes


def by_hull(boxes, others):
    """Return the shared volumes of partners, one hull at a time."""
    corners, other_corners = boxes.corners(), others.corners()
    pairs = (
        np.concatenate([_clipped_edges(corners[i], others, i), _clipped_edges(other_corners[i], boxes, i)])
        for i in range(len(corners))
    )
    return np.array([_hull_volume(points) for points in pairs])


def by_edges(boxes, others):
    return shared_volumes(*((one.centers, one.sizes, one.rotations) for one in (boxes, others)))


def upright(rng, count):
    return Rotation.from_euler("z", rng.uniform(0, 7, (count, 1))).as_matrix()


POSES = {
    "any": lambda rng, count: Rotation.random(count, random_state=rng).as_matrix(),
    "upright": upright,
    "as they are": lambda rng, count: np.tile(np.eye(3), (count, 1, 1)),
    "all the same": lambda rng, count: np.tile(Rotation.random(random_state=7).as_matrix(), (count, 1, 1)),
    "eighths of a turn": lambda rng, count: Rotation.from_euler(
        "xyz", rng.integers(-4, 5, (count, 3)) * 45, degrees=True
    ).as_matrix(),
    "two decimals": lambda rng, count: Rotation.from_euler(
        "xyz", rng.uniform(-1, 1, (count, 3)).round(2) * np.pi
    ).as_matrix(),
}


def draw(rng, count, pose, on_grid):
    centers, sizes = rng.normal(size=(count, 3)) * 0.4, rng.uniform(0.3, 2, (count, 3))
    if on_grid:  # so that faces, edges and corners meet
        centers, sizes = (centers * 4).round() / 2, sizes.round() + 1
    return Boxes(centers, sizes, POSES[pose](rng, count))


@pytest.mark.parametrize("on_grid", [False, True])
@pytest.mark.parametrize("pose", POSES)
def test_the_same_volumes_as_hulls(pose, on_grid):
    rng = np.random.default_rng([len(pose), on_grid])
    boxes, others = draw(rng, 1500, pose, on_grid), draw(rng, 1500, pose, on_grid)
    found, expected = by_edges(boxes, others), by_hull(boxes, others)
    assert not np.isnan(found).any()
    unions = boxes.sizes.prod(axis=1) + others.sizes.prod(axis=1) - expected
    assert (expected > 0).mean() > 0.3
    assert np.abs(found - expected).max() / unions.min() < 2e-9
    assert np.abs((found - expected) / unions).max() < 1e-9


@pytest.mark.parametrize("angle", [1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2])
def test_nearly_parallel_faces(angle):
    turned = Boxes(
        np.zeros((3, 3)), np.array([[1.0, 2, 3]] * 3), Rotation.from_euler("xyz", np.eye(3) * angle).as_matrix()
    )
    straight = Boxes(np.zeros((3, 3)), turned.sizes, np.tile(np.eye(3), (3, 1, 1)))
    found = pairwise_iou(turned, straight)[:, 0]
    # Of two a x b rectangles at an angle, what is not shared are four triangles on each: area (a² + b²) tan / 4.
    for value, (a, b) in zip(found, ((2, 3), (1, 3), (1, 2)), strict=True):
        shared = 1 - (a**2 + b**2) * np.tan(angle) / (4 * a * b) + angle**2 / 2
        assert value == pytest.approx(shared / (2 - shared), abs=max(1e-9, 10 * angle**2))


@pytest.mark.parametrize("size", [1e-3, 1e-2, 1.0, 100.0])
@pytest.mark.parametrize("distance", [0.0, 10.0, 1000.0])
def test_thin_and_far_boxes_overlap_themselves_entirely(size, distance):
    rng = np.random.default_rng(0)
    sizes = np.array([[size, 1, 2], [3, size, 0.5], [size, size, size]])
    boxes = Boxes(rng.normal(size=(3, 3)) * distance, sizes, Rotation.random(3, random_state=1).as_matrix())
    assert np.diag(pairwise_iou(boxes, boxes)) == pytest.approx(np.ones(3), abs=1e-9)


def test_half_a_box_moved_along_each_of_its_axes():
    turns = Rotation.random(3, random_state=2).as_matrix()
    sizes = np.array([[1.0, 2, 3]] * 3)
    boxes = Boxes(np.ones((3, 3)), sizes, turns)
    moved = Boxes(1 + turns[[0, 1, 2], [0, 1, 2]] * np.diag(sizes)[:, None] / 2, sizes, turns)
    assert by_edges(boxes, moved) == pytest.approx([3, 3, 3], abs=1e-9)


def test_rotations_of_few_digits_are_taken_for_rotations():
    """Axes that labels round, of which the faces of two boxes come to be nearly parallel."""
    rng = np.random.default_rng(3)
    for digits in (4, 5, 6):
        turn = Rotation.random(random_state=rng).as_matrix()
        boxes = Boxes(np.zeros((1, 3)), np.array([[2.0, 1, 0.5]]), turn[None])
        rounded = Boxes(boxes.centers, boxes.sizes, boxes.rotations.round(digits))
        assert pairwise_iou(boxes, rounded)[0, 0] == pytest.approx(1, abs=10 * 0.1**digits)
