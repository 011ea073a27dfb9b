"""Navigation outdoors: bearings, turns, ways over the ground and ways round, each recomputed another way."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.sources.synthetic.paths import look_at
from dataset_builders.tasks.navigation import (
    POINTS,
    RULES,
    generate_bearing,
    generate_distance,
    generate_turn,
    generate_way_round,
    ways_round,
)

NAMES = ("bench", "bin", "fountain", "hut", "kiosk", "tree", "van")


def thing(number: int, name: str, place, size=(2.0, 2.0, 2.0), yaw: float = 0.0) -> SceneObject:
    center = np.array([*place, size[2] / 2], float)
    turn = Rotation.from_euler("z", yaw, degrees=True).as_matrix().T
    return SceneObject(number, name, center, np.array(size, float), turn)


def square(seed: int, frames: tuple[Frame, ...] = ()) -> Scene:
    rng = np.random.default_rng(seed)
    objects = [
        thing(number, name, rng.uniform(-15, 15, 2), rng.uniform(1, 4, 3), rng.uniform(0, 360))
        for number, name in enumerate(NAMES, start=1)
    ]
    return Scene(f"square {seed}", "test", "CC0-1.0", "outdoor", tuple(objects), frames)


def view(eye, target) -> Frame:
    pose = look_at(np.array([eye], float), np.array([target], float))[0]
    camera = Camera(np.array([[60.0, 0, 48], [0, 60, 36], [0, 0, 1]]), pose, 97, 73)
    return Frame(camera, np.zeros((73, 97, 3), np.uint8))


def walk(seed: int) -> Scene:
    """Two cameras from afar that between them show the centre of everything."""
    return square(seed, (view((0, -60, 2), (0, 0, 1)), view((-60, 5, 2), (0, 0, 1))))


def run(generate, scene: Scene, seed: int = 0, most: int | None = None) -> list:
    return list(islice(generate(scene, np.random.default_rng(seed)), most))


def place(scene: Scene, name: str) -> np.ndarray:
    return next(item.center[:2] for item in scene.objects if item.category == name)


def test_a_bearing_is_where_the_target_lies_on_a_map_turned_to_north():
    for seed in range(6):
        scene = square(seed)
        for fact in run(generate_bearing, scene, most=60):
            a, b, c = (place(scene, fact.words[slot]) for slot in "abc")
            # Turn the map so that a to b points up, then read east and north off its axes.
            north = (b - a) / np.linalg.norm(b - a)
            east = np.array([north[1], -north[0]])
            x, y = (c - a) @ np.stack([east, north], axis=1) / np.linalg.norm(c - a)
            words = [word for word, share in (("north", y), ("south", -y)) if share > np.sin(np.radians(22.5))]
            words += [word for word, share in (("east", x), ("west", -x)) if share > np.sin(np.radians(22.5))]
            assert fact.answer == "-".join(words) and fact.answer in fact.options
            assert set(fact.options) <= set(POINTS) and 0 <= fact.margins["border_deg"] <= 12.5


def test_each_compass_point_is_right_as_often_as_it_is_an_option():
    right, offered = Counter(), Counter()
    for seed in range(80):
        for fact in run(generate_bearing, square(seed), seed, most=30):
            right[fact.answer] += 1
            offered.update({option: 1 / len(fact.options) for option in fact.options})
    assert sum(right.values()) > 1000
    assert all(right[point] == pytest.approx(offered[point], rel=0.25) for point in POINTS)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 360))
def test_moving_the_world_keeps_bearings_and_ways_round(seed, yaw):
    scene, turn = square(seed), Rotation.from_euler("z", yaw, degrees=True).as_matrix()
    objects = tuple(
        replace(item, center=turn @ item.center + [70.0, -3, 11], rotation=item.rotation @ turn.T)
        for item in scene.objects
    )
    for generate in (generate_bearing, generate_way_round):
        here, there = (
            {tuple(fact.words[slot] for slot in "abc"): fact.answer for fact in run(generate, one)}
            for one in (scene, replace(scene, objects=objects))
        )
        shared = here.keys() & there.keys()
        assert len(shared) >= 0.8 * len(here) - 1 and all(here[key] == there[key] for key in shared)


def test_a_turn_is_that_of_the_viewing_direction_and_the_options_are_symmetric():
    asked = 0
    for seed in range(5):
        scene = walk(seed)
        for fact in run(generate_turn, scene):
            (index,) = fact.key_frames
            assert fact.words["frame"] == {0: "first", 1: "last"}[index]
            pose = scene.frames[index].camera.camera_to_world
            # In camera coordinates x is to the right and z ahead; these cameras are level but for a slight tilt.
            local = pose[:3, :3].T @ (np.array([*place(scene, fact.words["a"]), pose[2, 3]]) - pose[:3, 3])
            angle = np.degrees(np.arctan2(local[0], local[2] / np.cos(np.arcsin(-pose[2, 2]))))
            assert fact.answer == f"{abs(angle):.0f} degrees to the {'right' if angle > 0 else 'left'}"
            sides = Counter(option.split()[-1] for option in fact.options)
            assert sides["left"] == sides["right"] and len(fact.options) in (2, 4)
            asked += 1
    assert asked > 20


def test_both_angles_of_a_pair_are_right_equally_often():
    for seed in range(5):
        pairs = Counter()
        for fact in run(generate_turn, walk(seed)):
            if len(fact.options) == 4:
                angles = frozenset(option.split()[0] for option in fact.options)
                pairs[fact.key_frames, angles, fact.answer.split()[0]] += 1
        for (frame, angles, angle), count in pairs.items():
            (other,) = angles - {angle}
            assert pairs[frame, angles, other] == count


def test_the_way_over_the_ground_is_the_least_distance_to_a_point_of_the_outline():
    for seed in range(4):
        scene = walk(seed)
        asked = run(generate_distance, scene)
        assert len(asked) == 2 * len(NAMES)
        for fact in asked:
            item = next(item for item in scene.objects if item.category == fact.words["a"])
            eye = scene.frames[fact.key_frames[0]].camera.camera_to_world[:2, 3]
            steps = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 41)] * 2), axis=-1).reshape(-1, 2)
            points = item.center[:2] + (steps * item.size[:2]) @ item.rotation[:2, :2]
            nearest = np.linalg.norm(points - eye, axis=1).min()
            assert float(fact.answer) == pytest.approx(nearest, abs=0.11) and fact.unit == "m"


def shortest_on_one_side(start, end, outline: shapely.Polygon, side: str) -> float:
    """Dijkstra over the corners of an outline, with a wall that shuts the other side."""
    ahead = (end - start) / np.linalg.norm(end - start)
    left = np.array([-ahead[1], ahead[0]])
    middle = np.array(outline.centroid.coords[0])
    shut = middle + 1e3 * (left if side == "right" else -left)
    solid = shapely.union_all([outline, shapely.LineString([middle, shut]).buffer(1e-6)]).buffer(-1e-7)
    points = [start, end, *np.array(outline.exterior.coords)[:-1]]
    graph = nx.Graph()
    for i, one in enumerate(points):
        for j, other in enumerate(points[:i]):
            if not shapely.LineString([one, other]).intersects(solid):
                graph.add_edge(i, j, weight=float(np.linalg.norm(one - other)))
    return nx.shortest_path_length(graph, 0, 1, weight="weight")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_ways_round_are_the_shortest_ones_of_a_search_over_corners(seed):
    rng = np.random.default_rng(seed)
    item = thing(1, "hut", rng.uniform(-1, 1, 2), (*rng.uniform(2, 6, 2), 3), rng.uniform(0, 360))
    bearing = rng.uniform(0, 2 * np.pi)
    start = item.center[:2] + 12 * np.array([np.cos(bearing), np.sin(bearing)])
    end = item.center[:2] - rng.uniform(8, 16) * np.array([np.cos(bearing + 0.05), np.sin(bearing + 0.05)])
    box = Boxes.of([item])
    outline = shapely.MultiPoint(box.corners()[0, :, :2]).convex_hull.buffer(0.75, join_style="mitre")
    for side, way in ways_round(start, end, box, 0.75).items():
        assert np.array_equal(way[[0, -1]], [start, end])
        length = np.linalg.norm(np.diff(way, axis=0), axis=1).sum()
        assert length == pytest.approx(shortest_on_one_side(start, end, outline, side), abs=1e-4)


def blocked(offset: float) -> Scene:
    """A long hut between a bench in the west and a kiosk in the east, most of it to the north for offset > 0."""
    objects = (thing(1, "bench", (-12, 0)), thing(2, "kiosk", (12, 0)), thing(3, "hut", (0, offset), (2, 10, 3)))
    return Scene("street", "test", "CC0-1.0", "outdoor", objects)


@pytest.mark.parametrize(("offset", "eastwards"), [(3.0, "right"), (-3.0, "left")])
def test_the_shorter_way_round_is_past_the_short_end_and_flips_with_the_direction(offset, eastwards):
    answers = {fact.words["a"]: fact.answer for fact in run(generate_way_round, blocked(offset))}
    assert answers == {"bench": eastwards, "kiosk": {"left": "right", "right": "left"}[eastwards]}


def test_ways_round_that_are_alike_or_blocked_twice_are_not_asked():
    assert not run(generate_way_round, blocked(0.0))
    scene = blocked(3.0)
    second = thing(4, "tree", (0, -4), (1, 1, 6))
    assert not run(generate_way_round, replace(scene, objects=(*scene.objects, second)))
    assert not run(generate_way_round, replace(scene, objects=scene.objects[:2]))


def test_a_camera_that_looks_down_has_no_way_ahead_and_rules_fit_the_scale():
    scene = square(1, (view((0, -1, 60), (0, 0, 0)), view((0, -60, 2), (0, 0, 1))))
    assert {fact.words["frame"] for fact in run(generate_turn, scene)} <= {"last"}
    assert all(rule.scales == {"outdoor"} and {"boxes", "metric"} <= rule.needs for rule in RULES)
    for rule in RULES:
        assert run(rule.generate, walk(2)) == run(rule.generate, walk(2))
