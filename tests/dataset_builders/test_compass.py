import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.compass import (
    BAND,
    POINTS,
    SIDES,
    bearing,
    called,
    facing,
    from_camera,
    from_objects,
    from_place,
    side,
)

ANGLES = st.floats(0, 360, exclude_max=True)
TURNS = st.floats(-np.pi, np.pi)
LEVELS = st.floats(-1, 1)


def way(angle: float, length: float = 1.0) -> np.ndarray:
    """A direction clockwise from world Y by degrees."""
    return length * np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle)), 0])


def camera(heading: float, position=(0, 0, 0), pitch: float = 0.0) -> np.ndarray:
    """A camera that looks along `way(heading)`, up by `pitch` degrees."""
    pose = np.eye(4)
    ahead = np.cos(np.radians(pitch)) * way(heading) + [0, 0, np.sin(np.radians(pitch))]
    right = way(heading + 90)
    pose[:3, :3], pose[:3, 3] = np.column_stack([right, np.cross(ahead, right), ahead]), position
    return pose


def turned_world(turn: float, shift) -> np.ndarray:
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = Rotation.from_euler("z", turn).as_matrix(), shift
    return world


@pytest.mark.parametrize(("index", "point"), enumerate(POINTS))
def test_each_point_holds_45_degrees_round_it(index, point):
    for off in (-22.4, -11, 0, 11, 22.4):
        found = bearing(way(0), way(45 * index + off, 3.0))
        assert found.point == point and found.margin == pytest.approx(22.5 - abs(off), abs=1e-9)


@pytest.mark.parametrize(
    ("north", "to", "point"), [((0, 1), (1, 0), "east"), ((1, 0), (0, 1), "west"), ((1, 0), (-1, 0), "south")]
)
def test_east_is_to_the_right_of_north_on_a_map(north, to, point):
    assert bearing(np.array(north, float), np.array(to, float)).point == point


@given(ANGLES, ANGLES, TURNS, st.tuples(*[st.floats(-9, 9)] * 3), LEVELS)
def test_a_turned_and_shifted_world_changes_no_answer(north, east, turn, shift, pitch):
    """Nor does the scale; answers that are dropped stay dropped unless they lie on the border of being dropped."""
    a, b, c = way(north, 2.0), np.zeros(3), way(east, 1.5)
    poses = camera(north, pitch=30 * pitch), camera(east, position=c, pitch=-30 * pitch)
    world = turned_world(turn, shift)
    moved = [world[:3, :3] @ point + world[:3, 3] for point in (a, b, c)]
    for before, after in (
        (from_objects(a, b, c, 0.1), from_objects(*moved, 0.1)),
        (from_camera(poses[0], c, 0.1), from_camera(world @ poses[0], moved[2], 0.1)),
        (facing(*poses), facing(*(world @ pose for pose in poses))),
    ):
        exact = (east - north) % 45
        if abs(abs(exact - 22.5) - BAND) > 1e-6 and abs((east - north + 180) % 360 - 180) > 5:
            assert (before is None) == (after is None)
            if before is not None:
                assert before.point == after.point and before.margin == pytest.approx(after.margin, abs=1e-6)


@given(ANGLES, ANGLES, st.sampled_from(POINTS))
def test_margins_drop_what_is_near_the_border_of_a_sector(north, east, known):
    turned = (east - north) % 360
    near_border = abs(turned % 45 - 22.5)
    found = facing(camera(north), camera(east), known)
    if near_border < BAND - 1e-6:
        assert found is None
    elif near_border > BAND + 1e-6:
        assert found.point == POINTS[round(turned / 45 + POINTS.index(known)) % 8]


@given(ANGLES, ANGLES)
def test_a_reference_turned_by_a_sector_turns_the_answer_by_one(north, east):
    first, second = bearing(way(north), way(east)), bearing(way(north - 45), way(east))
    if first.margin > 1e-6:
        assert POINTS.index(second.point) == (POINTS.index(first.point) + 1) % 8


def test_the_example_of_the_paper():
    """ "If the first picture was taken with the camera facing west, what is the direction for the second picture?"

    A camera that then turns to its right by an eighth of a circle faces northwest.
    """
    assert facing(camera(10), camera(55), "west").point == "northwest"


def test_what_has_no_clear_direction_is_dropped():
    a, b, c = way(0, 3), np.zeros(3), way(90, 3)
    assert from_objects(a, b, c, 1).point == "east"
    assert from_objects(a, b, c, 3.1) is None  # too close
    assert from_objects(a, b, way(1, 3.2), 1) is None  # A and C are
    assert from_objects(a, b, c + [0, 0, 1.01], 1) is None  # VST: less than a metre between the heights
    assert from_camera(camera(0), c, 1).point == "east"
    assert from_camera(camera(0, pitch=61), c, 1) is None and from_camera(camera(0), c, 3.1) is None
    assert facing(camera(0), camera(90, pitch=-61)) is None
    assert bearing(np.array([0.0, 0, 1]), c) is None and bearing(a, np.zeros(3)) is None
    with pytest.raises(ValueError, match="known must be one of north, .* got 'up'"):
        facing(camera(0), camera(90), "up")


@pytest.mark.parametrize("known", POINTS)
def test_calling_a_point_by_another_reference_is_facing_with_it(known):
    for turn in range(0, 360, 45):
        found = facing(camera(10), camera(10 + turn))
        assert called(found.point, known) == facing(camera(10), camera(10 + turn), known).point
        assert side(found.point) == SIDES[turn // 45]


def test_how_high_a_place_is_does_not_matter():
    a, c = way(0, 3), way(90, 3)
    for height in (0, 1.01, -40):
        assert from_place(a, np.array([0, 0, height]), c, 1).point == "east"
    assert from_place(a, np.zeros(3), c + [0, 0, 1.01], 1) is None and from_place(a, np.zeros(3), c, 3.1) is None
