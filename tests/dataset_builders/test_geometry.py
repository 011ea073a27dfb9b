import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import (
    Boxes,
    backproject,
    box_distances,
    cloud_distance,
    ground_areas,
    point_distances,
    polygon_area,
    project,
    to_world,
)
from dataset_builders.scene import Camera

seeds = st.integers(0, 2**32 - 1)


def some_boxes(rng: np.random.Generator, count: int, spread: float = 2.0) -> Boxes:
    """Boxes of any proportion and rotation; half of them have left-handed axes."""
    axes = Rotation.random(count, random_state=rng).as_matrix()
    axes[::2, 0] *= -1
    return Boxes(rng.normal(scale=spread, size=(count, 3)), 10 ** rng.uniform(-2, 0.3, (count, 3)), axes)


def reference_distance(a: Boxes, b: Boxes) -> float:
    """Bounded least squares over one point in each box: min |A s - B t + c| with s and t in [-half, half]."""
    bound = np.concatenate([a.halves[0], b.halves[0]])
    matrix = np.concatenate([a.axes[0], -b.axes[0]]).T
    found = lsq_linear(matrix, b.centers[0] - a.centers[0], (-bound, bound), method="bvls", tol=1e-14)
    return float(np.sqrt(2 * found.cost))


def moved(boxes: Boxes, rotation: np.ndarray, shift: np.ndarray, factor: float = 1.0) -> Boxes:
    return Boxes(factor * boxes.centers @ rotation + shift, factor * boxes.halves, boxes.axes @ rotation)


def test_distances_match_a_bounded_least_squares_solver():
    rng = np.random.default_rng(0)
    a, b = some_boxes(rng, 300, spread=0.6), some_boxes(rng, 300, spread=0.6)
    expected = [reference_distance(a[[i]], b[[i]]) for i in range(300)]
    assert 30 < np.count_nonzero(np.array(expected) < 1e-6) < 270
    np.testing.assert_allclose(box_distances(a, b), expected, atol=1e-7)


def test_distances_of_nearly_and_exactly_parallel_boxes_match_the_solver():
    rng = np.random.default_rng(1)
    a = some_boxes(rng, 120)
    tilt = Rotation.from_rotvec(rng.normal(size=(120, 3)) * 10.0 ** -rng.integers(1, 17, (120, 1))).as_matrix()
    b = Boxes(some_boxes(rng, 120).centers, some_boxes(rng, 120).halves, a.axes[:, [2, 0, 1]] @ tilt)
    expected = [reference_distance(a[[i]], b[[i]]) for i in range(120)]
    np.testing.assert_allclose(box_distances(a, b), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("center", "turn", "expected"),
    [
        ((3.0, 0, 0), 0, 2.0),  # face to face
        ((3.0, 4.0, 0), 0, np.hypot(2, 3)),  # edge to edge, parallel
        ((3.0, 4.0, 5.0), 0, np.sqrt(4 + 9 + 16)),  # corner to corner
        ((3.0, 0, 0), 45, 2.5 - np.sqrt(0.5)),  # edge to face
        ((1.0, 0, 0), 0, 0.0),  # touching
        ((0.2, 0.1, 0.3), 30, 0.0),  # one in the other, nearly
    ],
)
def test_distances_known_by_hand(center, turn, expected):
    unit = Boxes(np.zeros((1, 3)), np.full((1, 3), 0.5), np.eye(3)[None])
    other = Boxes(np.array([center]), unit.halves, Rotation.from_euler("z", turn, degrees=True).as_matrix()[None])
    assert box_distances(unit, other)[0] == pytest.approx(expected, abs=1e-12)


def test_crossed_bars_meet_though_no_corner_is_inside_the_other():
    bars = Boxes(np.zeros((2, 3)), np.array([[2, 0.1, 0.1], [0.1, 2, 0.1]]), np.tile(np.eye(3), (2, 1, 1)))
    assert box_distances(bars[[0]], bars[[1]])[0] == 0
    turned = Rotation.from_euler("z", 20, degrees=True).as_matrix()[None]
    lifted = Boxes(np.array([[0, 0, 0.5]]), bars.halves[[1]], turned)
    assert box_distances(bars[[0]], lifted)[0] == pytest.approx(0.3)


def test_no_pair_of_sampled_points_is_closer():
    rng = np.random.default_rng(2)
    a, b = some_boxes(rng, 20), some_boxes(rng, 20)
    distances = box_distances(a, b)
    for index in range(20):
        points = [
            box.centers[index] + (rng.uniform(-1, 1, (400, 3)) * box.halves[index]) @ box.axes[index] for box in (a, b)
        ]
        assert np.linalg.norm(points[0][:, None] - points[1], axis=-1).min() >= distances[index] - 1e-12


@given(seeds, st.floats(1e-3, 1e3))
def test_distances_do_not_depend_on_the_frame_and_scale_with_it(seed, factor):
    rng = np.random.default_rng(seed)
    a, b = some_boxes(rng, 4), some_boxes(rng, 4)
    rotation, shift = Rotation.random(random_state=rng).as_matrix(), rng.normal(scale=5, size=3)
    expected = factor * box_distances(a, b)
    got = box_distances(moved(a, rotation, shift, factor), moved(b, rotation, shift, factor))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * max(1, factor))


@given(seeds)
def test_distances_are_symmetric_and_blind_to_how_axes_are_named(seed):
    rng = np.random.default_rng(seed)
    a, b = some_boxes(rng, 4), some_boxes(rng, 4)
    order, signs = rng.permutation(3), rng.choice([-1, 1], (4, 3, 1))
    renamed = Boxes(b.centers, b.halves[:, order], b.axes[:, order] * signs)
    np.testing.assert_allclose(box_distances(renamed, a), box_distances(a, b), atol=1e-12)


def test_one_box_is_compared_with_all_whatever_the_chunks():
    rng = np.random.default_rng(3)
    one, many = some_boxes(rng, 1), some_boxes(rng, 600)
    together = box_distances(one, many)
    assert together.shape == (600,)
    alone = [box_distances(one, many[[i]])[0] for i in (0, 299, 599)]
    np.testing.assert_allclose(together[[0, 299, 599]], alone, atol=1e-12)
    assert box_distances(one, many[:0]).shape == (0,)
    with pytest.raises(ValueError):
        box_distances(many[:2], many[:3])


@given(seeds)
def test_the_distance_of_a_point_is_that_of_a_box_without_extent(seed):
    rng = np.random.default_rng(seed)
    boxes, point = some_boxes(rng, 8, spread=0.5), rng.normal(size=3)
    speck = Boxes(point[None], np.full((1, 3), 1e-12), np.eye(3)[None])
    np.testing.assert_allclose(point_distances(point, boxes), box_distances(speck, boxes), atol=1e-9)
    assert (point_distances(boxes.centers[0], boxes[[0]]) == 0).all()


@given(seeds, st.integers(1, 300), st.integers(1, 300), st.sampled_from([0.0, 0.5, 3.0]))
def test_the_distance_between_clouds_is_that_of_all_pairs(seed, many, others, apart):
    rng = np.random.default_rng(seed)
    first = rng.normal(size=(many, 3)) * 10 ** rng.uniform(-1, 1, 3)
    second = rng.normal(size=(others, 3)) * 10 ** rng.uniform(-1, 1, 3) + apart * rng.normal(size=3)
    expected = cdist(first, second).min()
    assert cloud_distance(first, second) == pytest.approx(expected, abs=1e-12)
    assert cloud_distance(second, first) == pytest.approx(expected, abs=1e-12)
    assert cloud_distance(first, first[::-1]) == 0


def test_clouds_that_fill_boxes_are_little_farther_apart_than_these():
    rng = np.random.default_rng(6)
    boxes = some_boxes(rng, 2)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 15)] * 3), -1).reshape(-1, 3)
    clouds = [boxes.centers[i] + (grid * boxes.halves[i]) @ boxes.axes[i] for i in range(2)]
    spacing = sum(float(np.linalg.norm(boxes.halves[i])) / 14 for i in range(2))
    exact = box_distances(boxes[[0]], boxes[[1]])[0]
    assert exact - 1e-9 <= cloud_distance(*clouds) <= exact + spacing


@given(seeds)
def test_the_ground_under_a_box_is_the_hull_of_its_corners_from_above(seed):
    boxes = some_boxes(np.random.default_rng(seed), 6)
    hulls = [shapely.MultiPoint(corners[:, :2]).convex_hull.area for corners in boxes.corners()]
    np.testing.assert_allclose(ground_areas(boxes), hulls, rtol=1e-9)


@given(seeds, st.integers(3, 9))
def test_the_area_of_a_polygon_is_that_of_shapely_wherever_it_lies(seed, count):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    corners = rng.uniform(0.2, 3, count)[:, None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    expected = shapely.Polygon(corners).area
    for moved_corners in (corners, corners[::-1], np.roll(corners, 2, axis=0), corners + [5e5, 6e6]):
        assert polygon_area(moved_corners) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_projection_is_undone_by_backprojection():
    rng = np.random.default_rng(4)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = Rotation.random(random_state=rng).as_matrix(), rng.normal(size=3)
    intrinsics = np.array([[500.0, 0, 320], [0, 480, 240], [0, 0, 1]])
    points = rng.normal(size=(50, 3)) * 3
    pixels, depths = project(points, Camera(intrinsics, pose, 640, 480))
    front = depths > 0
    assert 0 < front.sum() < 50 and np.isnan(pixels[~front]).all()
    local = backproject(pixels[front], depths[front], intrinsics)
    np.testing.assert_allclose(local @ pose[:3, :3].T + pose[:3, 3], points[front], atol=1e-9)
    lifted = to_world(pixels[front], depths[front], Camera(intrinsics, pose, 640, 480))
    np.testing.assert_allclose(lifted, points[front], atol=1e-9)
