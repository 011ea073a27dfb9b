"""Collision tests against sampled motions, and RRT-Connect against a flooded grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.planning import Blocks, cut, overlaps, rrt_connect, sampled_clearance, shorten

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=12, deadline=None)


def random_boxes(rng: np.random.Generator, count: int, reach: float = 1.0) -> Boxes:
    turns = Rotation.random(count, random_state=rng).as_matrix()
    return Boxes(rng.uniform(-reach, reach, (count, 3)), rng.uniform(0.05, 0.4, (count, 3)), turns)


def upright(centers, halves) -> Boxes:
    centers = np.atleast_2d(np.array(centers, float))
    return Boxes(
        centers, np.broadcast_to(np.array(halves, float), centers.shape), np.tile(np.eye(3), (len(centers), 1, 1))
    )


def distances_along(mover: Boxes, start, end, obstacles: Boxes, count: int = 160) -> np.ndarray:
    """(count, O) exact distances at samples of a straight motion."""
    stations = start + np.linspace(0, 1, count)[:, None] * (end - start)
    rows, columns = np.divmod(np.arange(count * len(obstacles)), len(obstacles))
    carried = Boxes(stations[rows], mover.halves[[0] * len(rows)], mover.axes[[0] * len(rows)])
    return box_distances(carried, obstacles[columns]).reshape(count, -1)


@few
@given(seeds)
def test_contacts_agree_with_densely_sampled_distances(seed):
    rng = np.random.default_rng(seed)
    mover, obstacles = random_boxes(rng, 1), random_boxes(rng, 3)
    start, end = rng.uniform(-1.5, 1.5, (2, 3))
    apart = distances_along(mover, start, end, obstacles)
    spacing = np.linalg.norm(end - start) / (len(apart) - 1)
    blocks = Blocks.around(obstacles, mover)
    for margin in (0.0, 0.1):
        times = blocks.contacts(start[None], end[None], margin)[0]
        free = np.isinf(times)
        assert (apart[:, free] >= margin - 1e-9).all()
        if margin == 0:
            assert (apart[:, ~free].min(0) <= spacing / 2 + 1e-9).all()
            for obstacle in np.flatnonzero(~free):
                before = np.linspace(0, 1, len(apart)) < times[obstacle] - 1e-9
                assert (apart[before, obstacle] > 0).all()


@few
@given(seeds)
def test_depth_is_the_shortest_move_that_parts_two_boxes(seed):
    rng = np.random.default_rng(seed)
    mover, obstacle = random_boxes(rng, 1), random_boxes(rng, 1, reach=0.1)
    point = obstacle.centers[0] + rng.normal(0, 0.15, 3)
    blocks = Blocks.around(obstacle, mover)
    depth = float(blocks.depths(point[None])[0, 0])
    ways = Rotation.random(60, random_state=rng).as_matrix()[:, 0]
    places = Boxes(point + abs(depth) * 0.999 * ways, mover.halves[[0] * 60], mover.axes[[0] * 60])
    apart = box_distances(places, obstacle)
    if depth > 0:
        assert (apart == 0).all()
        normals = blocks.normals[0][blocks.normals[0].any(-1)]
        out = point + 1.001 * depth * np.concatenate([normals, -normals])
        freed = Boxes(out, mover.halves[[0] * len(out)], mover.axes[[0] * len(out)])
        assert box_distances(freed, obstacle).max() > 0
    else:
        assert (apart > 0).all()
    assert overlaps(Boxes(point[None], mover.halves, mover.axes), obstacle)[0] == pytest.approx(depth)


def test_a_contact_deeper_than_asked_for_is_that_deep_and_a_shallow_one_is_none():
    wall, mover = upright([0, 0, 0], [0.5, 0.5, 0.5]), upright([0, 0, 0], [0.1, 0.1, 0.1])
    blocks = Blocks.around(wall, mover)
    start, end = np.array([[-2.0, 0.55, 0]]), np.array([[2.0, 0.55, 0]])
    # Closed form: the mover is 0.05 deep, from x = -0.55 on, that is after (2 - 0.55) / 4 of the way.
    assert blocks.contacts(start, end, 0.0)[0, 0] == pytest.approx((2 - 0.6) / 4)
    assert blocks.contacts(start, end, -0.04)[0, 0] == pytest.approx((2 - 0.56) / 4)
    assert np.isinf(blocks.contacts(start, end, -0.06)[0, 0])
    assert np.isinf(blocks.contacts(start, end, -0.7)[0, 0])
    assert blocks.first_hit(np.concatenate([start, end]), 0.0) == 0
    assert blocks.first_hit(np.concatenate([start, end]), -0.06) is None


def test_a_motion_that_stands_still_meets_what_it_is_in():
    blocks = Blocks.around(upright([[0, 0, 0], [3, 0, 0]], [0.5] * 3), upright([0, 0, 0], [0.1] * 3))
    here = np.array([[0.2, 0.1, 0.0]])
    assert blocks.contacts(here, here, 0.0).tolist() == [[0.0, np.inf]]


@few
@given(seeds)
def test_contacts_and_depths_do_not_depend_on_where_the_world_is(seed):
    rng = np.random.default_rng(seed)
    mover, obstacles = random_boxes(rng, 1), random_boxes(rng, 4)
    starts, ends = rng.uniform(-1.5, 1.5, (2, 6, 3))
    turn, shift = Rotation.random(random_state=rng).as_matrix(), rng.uniform(-5, 5, 3)

    def moved(boxes: Boxes) -> Boxes:
        return Boxes(boxes.centers @ turn.T + shift, boxes.halves, boxes.axes @ turn.T)

    here, there = Blocks.around(obstacles, mover), Blocks.around(moved(obstacles), moved(mover))
    assert np.allclose(here.depths(starts), there.depths(starts @ turn.T + shift))
    times = [blocks.contacts(a, b, 0.05) for blocks, a, b in (
        (here, starts, ends), (there, starts @ turn.T + shift, ends @ turn.T + shift),
    )]  # fmt: skip
    assert (np.isinf(times[0]) == np.isinf(times[1])).mean() > 0.95
    both = np.isfinite(times[0]) & np.isfinite(times[1])
    assert np.allclose(times[0][both], times[1][both], atol=1e-6)


def wall_with_gap(gap: float) -> Boxes:
    """A wall 0.2 thick across a cube of side 2; the gap is where y is largest."""
    return Boxes(np.array([[0, -gap / 2, 0.0]]), np.array([[0.1, 1 - gap / 2, 1.0]]), np.eye(3)[None])


@pytest.mark.parametrize(("gap", "passes"), [(0.5, True), (0.15, False)])
def test_rrt_connect_finds_a_way_exactly_where_a_flooded_grid_does(gap, passes):
    # The mover is 0.2 wide and keeps in the cube, so a gap of 0.5 lets it through and one of 0.15 does not.
    wall, mover = wall_with_gap(gap), upright([0, 0, 0], [0.1] * 3)
    start, goal = np.array([-0.6, 0.0, 0.0]), np.array([0.6, 0.0, 0.0])
    axis = np.linspace(-0.9, 0.9, 61)
    grid = np.stack(np.meshgrid(axis, axis, [0.0], indexing="ij"), axis=-1).reshape(-1, 3)
    carried = Boxes(grid, mover.halves[[0] * len(grid)], mover.axes[[0] * len(grid)])
    free = (box_distances(carried, wall) > 0).reshape(61, 61)
    islands, _ = ndimage.label(free)
    at = [tuple(np.abs(axis - value).argmin() for value in point[:2]) for point in (start, goal)]
    assert (islands[at[0]] == islands[at[1]]) == passes
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, (300, 3))
    is_free = Blocks.around(wall, mover).free(0.0)
    path = rrt_connect(start, goal, is_free, samples, step=0.3)
    assert (path is not None) == passes
    if passes:
        short = shorten(path, is_free)
        lengths = [np.linalg.norm(np.diff(way, axis=0), axis=1).sum() for way in (path, short)]
        # No shorter than the taut string round the corner of the wall, grown by the mover.
        taut = 2 * np.hypot(0.6 - 0.2, 1 - gap + 0.1) + 0.4
        assert taut - 1e-9 <= lengths[1] <= lengths[0] + 1e-9
        assert np.array_equal(short[[0, -1]], [start, goal])
        assert sampled_clearance(mover, short, wall, 0.01) >= 0
        assert is_free(short[:-1], short[1:]).all() and is_free(path[:-1], path[1:]).all()
        again = rrt_connect(start, goal, is_free, samples, step=0.3)
        assert np.array_equal(path, again)


def test_a_path_that_cannot_be_shortened_keeps_its_corners_only():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0.3], [0.2, 1.1, 0.3]])
    assert np.array_equal(shorten(corners, lambda starts, ends: np.zeros(len(starts), bool)), corners)


def test_a_free_straight_way_needs_no_search():
    path = rrt_connect(np.zeros(3), np.ones(3), lambda starts, ends: np.ones(len(starts), bool), [], 0.1)
    assert path.tolist() == [[0, 0, 0], [1, 1, 1]]


@few
@given(seeds)
def test_sampled_clearance_is_the_least_distance_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    mover, obstacles = random_boxes(rng, 1), random_boxes(rng, 5)
    path = rng.uniform(-1.5, 1.5, (3, 3))
    every = [
        distances_along(mover, station, station, obstacles, count=1).min()
        for leg in (path[:2], path[1:])
        for station in cut(leg, max(1, int(np.ceil(np.linalg.norm(leg[1] - leg[0]) / 0.2))))
    ]
    assert sampled_clearance(mover, path, obstacles, 0.2) == pytest.approx(min(every), abs=1e-9)
    assert sampled_clearance(mover, path, obstacles[[]], 0.2) == np.inf
