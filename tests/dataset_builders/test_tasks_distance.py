"""Absolute distances, to other objects and to the camera, and comparisons of distances."""

import re
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from dataset_builders.language import say
from dataset_builders.question import Fact
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import distance, nearness
from dataset_builders.tasks.distance import category_distances, closest_category, surface_distances
from dataset_builders.tasks.nearness import ambiguity_margin, room_to_spare
from dataset_builders.taxonomy import METRES, SCALE_NAMES, SCALES

RULES = {rule.name: rule for rule in (*distance.RULES, *nearness.RULES)}
NAMES = ("bed", "chair", "door", "lamp", "sofa", "stool", "table")
seeds = st.integers(0, 2**32 - 1)


def cube(number: int, category: str, center, size=0.2, points=None) -> SceneObject:
    return SceneObject(number, category, np.array(center, float), np.full(3, size), np.eye(3), points)


def scene_of(*objects: SceneObject, scale: str = "indoor", **fields) -> Scene:
    return validate_scene(Scene("test", "vsi-meta", "none", scale, objects, **fields), "test")


def random_scene(seed: int, scale: str = "indoor", factor: float = 1.0) -> Scene:
    """Seven objects of one category each and two cups, in a space that fits the scale."""
    rng, unit = np.random.default_rng(seed), factor * SCALES[scale].margin / 0.15
    objects = []
    for number, category in enumerate((*NAMES, "cup", "cup"), start=1):
        turn = Rotation.from_euler("z", rng.uniform(0, 360), degrees=True).as_matrix()
        center = rng.uniform([-2, -2, 0.3], [2, 2, 0.8]) * unit
        objects.append(SceneObject(number, category, center, rng.uniform(0.2, 0.6, 3) * unit, turn))
    return scene_of(*objects, scale=scale)


def facts(name: str, scene: Scene, seed: int = 0, most: int | None = None) -> list[Fact]:
    return list(islice(RULES[name].generate(scene, np.random.default_rng(seed)), most))


def surface(item: SceneObject, rng: np.random.Generator, count: int = 400) -> np.ndarray:
    """Draw points in a box."""
    return item.center + (rng.uniform(-0.5, 0.5, (count, 3)) * item.size) @ item.rotation


@pytest.mark.parametrize("name", RULES)
def test_every_rule_on_lengths_needs_them_to_be_metres(name):
    assert {"boxes", "metric"} <= RULES[name].needs


@pytest.mark.parametrize(
    ("gap", "answer"), [(0.19, None), (0.21, "21 cm"), (0.49, "49 cm"), (1.26, "1.3 m"), (3.0, "3.0 m")]
)
def test_absolute_distance_is_the_gap_and_not_asked_below_the_minimum(gap, answer):
    found = facts("vsi.absolute_distance", scene_of(cube(1, "cup", [0, 0, 0]), cube(2, "box", [gap + 0.2, 0, 0])))
    assert [f"{fact.answer} {fact.unit}" for fact in found] == ([] if answer is None else [answer])


def test_long_distances_are_given_in_kilometres():
    scene = scene_of(cube(1, "silo", [0, 0, 0], 10), cube(2, "tower", [1520, 0, 0], 10), scale="drone")
    (fact,) = facts("vsi.absolute_distance", scene)
    assert (fact.answer, fact.unit) == ("1.51", "km")


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_absolute_distance_rationale_adds_up(scale):
    rng = np.random.default_rng(0)
    for fact in facts("vsi.absolute_distance", random_scene(3, scale)):
        rationale = say(fact, rng).rationale
        centers, inside, rest = (float(value) for value in re.findall(rf"([\d.]+) {fact.unit}\b", rationale))
        assert round(centers - inside, 6) == rest == float(fact.answer)


def test_points_take_the_place_of_boxes_where_both_objects_have_them():
    rng = np.random.default_rng(5)
    a, b, c = (cube(n, name, [1.5 * n, 0, 0], 0.8) for n, name in enumerate(("cup", "box", "fork"), 1))
    a, b = (replace(item, points=surface(item, rng)) for item in (a, b))
    assert surface_distances(a, [b, c]) == pytest.approx([cdist(a.points, b.points).min(), 2.2])
    found = {frozenset(fact.semantics): fact for fact in facts("vsi.absolute_distance", scene_of(a, b, c))}
    expected = cdist(a.points, b.points).min()
    assert expected > 0.7
    assert found[frozenset({"cup", "box"})].measured["distance_m"] == pytest.approx(expected, abs=1e-6)
    assert found[frozenset({"box", "fork"})].measured["distance_m"] == pytest.approx(0.7, abs=1e-6)


def test_distances_in_a_real_room_are_those_of_its_points(real_data):
    """The search over all points of two instances gives the same, and the boxes round them are no farther apart."""
    folder = real_data("scannet_scene0000_00")
    vertices, labels, boxes, numbers = (
        np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("vert", "ins_label", "bbox", "bbox_idx")
    )
    items = []
    for number, instance in enumerate(numbers[:12], 1):
        points = vertices[labels == instance, :3].astype(float)
        low, high = points.min(0), points.max(0)
        items.append(SceneObject(number, f"object {number}", (low + high) / 2, high - low, np.eye(3), points))
    assert np.abs([item.size for item in items] - boxes[:12, 3:6]).max() < 0.3
    distances = surface_distances(items[0], items[1:])
    for item, found in zip(items[1:], distances, strict=True):
        assert found == pytest.approx(KDTree(items[0].points).query(item.points)[0].min(), abs=1e-9)
    bare = [replace(item, points=None) for item in items]
    assert (surface_distances(bare[0], bare[1:]) <= distances + 1e-6).all()
    answers = {fact.semantics: fact for fact in facts("vsi.absolute_distance", scene_of(*items))}
    assert len(answers) > 20 and all(0.2 <= fact.measured["distance_m"] < 10.5 for fact in answers.values())


def test_what_goes_round_another_object_is_not_asked_about():
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(60)], -1)
    inner = cube(2, "cup", [0, 0, 0], 0.02, points=np.zeros((1, 3)))
    assert surface_distances(cube(1, "hoop", [0, 0, 0], 2.0, points=ring), [inner]) == pytest.approx([1.0])
    assert not facts("vsi.absolute_distance", scene_of(cube(1, "hoop", [0, 0, 0], 2.0, points=ring), inner))


def frame_at(eye, instances: np.ndarray) -> Frame:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]], eye  # looks along +Y, Z up
    height, width = instances.shape
    camera = Camera(np.array([[80.0, 0, width / 2], [0, 80, height / 2], [0, 0, 1]]), pose, width, height)
    return Frame(camera, np.zeros((height, width, 3), np.uint8), None, instances)


def test_the_camera_is_as_far_as_the_nearest_point_of_the_box_or_cloud():
    shown = np.zeros((60, 80), np.int32)
    shown[:30], shown[30:] = 1, 2
    cup, box = cube(1, "cup", [0, 3, 0], 1.0), cube(2, "box", [3, 4, 0], 0.5, points=np.array([[3.0, 4, 0]]))
    frames = (frame_at([0, 0, 0], shown), frame_at([9, 9, 9], shown * 0), frame_at([0, -1, 0], shown % 2))
    found = facts("image.distance_to_camera", scene_of(cup, box, frames=frames))
    assert {(fact.words["a"], fact.words["frame"], fact.answer, fact.unit, fact.key_frames) for fact in found} == {
        ("cup", "first", "2.5", "m", (0,)),
        ("box", "first", "5.0", "m", (0,)),
        ("cup", "last", "3.5", "m", (2,)),
    }


def test_the_camera_distance_is_never_more_than_that_of_a_visible_surface():
    """The nearest pixel of an object in a rendered depth is a point of it, so the object is no farther than that."""
    source = SyntheticSource(num_scenes=5, seed=2, num_frames=3, frame_size=(160, 120))
    for ref in source.refs():
        scene = source.load(ref)
        for fact in facts("image.distance_to_camera", scene):
            (index,) = fact.key_frames
            frame = scene.frames[index]
            (number,) = [item.instance_id for item in scene.objects if item.category == fact.words["a"]]
            rows, columns = np.nonzero((frame.instances == number) & (frame.depth > 0))
            rays = np.linalg.inv(frame.camera.intrinsics) @ np.stack([columns, rows, np.ones(len(rows))])
            nearest = (np.linalg.norm(rays, axis=0) * frame.depth[rows, columns]).min()
            assert fact.measured["distance_m"] <= nearest * (1 + 1e-4)
            assert float(fact.answer) * METRES[fact.unit] == pytest.approx(fact.measured["distance_m"], rel=0.1)


def row_of(*places: float) -> list[SceneObject]:
    return [cube(n, NAMES[n - 1], [place, 0, 0]) for n, place in enumerate(places, 1)]


def test_a_category_is_as_far_as_its_nearest_instance():
    cup, *others = (
        cube(1, "cup", [0, 0, 0]), cube(2, "box", [3, 0, 0]), cube(3, "fork", [5, 0, 0]), cube(4, "fork", [-1, 0, 0])
    )  # fmt: skip
    groups = {"box": others[:1], "fork": others[1:]}
    assert category_distances(cup, groups) == pytest.approx({"box": 2.8, "fork": 0.8})
    assert closest_category(category_distances(cup, groups)) == "fork"


def test_the_nearest_instance_decides_in_a_question():
    """A fork at the cup's side is nearer than the box, though the other fork is not."""
    scene = scene_of(
        cube(1, "cup", [0, 0, 0]), cube(2, "box", [3, 0, 0]), cube(3, "fork", [5, 0, 0]), cube(4, "fork", [-1, 0, 0]),
        cube(5, "pan", [3, 1, 0]),
    )  # fmt: skip
    found = {(fact.semantics[0], fact.answer) for fact in facts("vsi.relative_distance", scene)
             if {*fact.options} == {"box", "fork"} and fact.measured["relation"] == "closest"}  # fmt: skip
    assert found == {("cup", "fork"), ("pan", "box")}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_relative_distance_agrees_with_all_distances_and_keeps_the_margins(scale, seed):
    scene = random_scene(seed, scale)
    margin, groups = SCALES[scale].margin, scene.by_category()
    found = facts("vsi.relative_distance", scene)
    assert {fact.measured["relation"] for fact in found} == {"closest", "farthest"}
    for fact in found:
        primary, *options = fact.semantics
        exact = category_distances(groups[primary][0], {name: groups[name] for name in options})
        assert fact.measured["distances_m"] == pytest.approx(exact, abs=1e-6)
        pick = {"closest": min, "farthest": max}[fact.measured["relation"]]
        assert fact.answer == pick(exact, key=exact.get) and set(fact.options) == set(options)
        assert min(exact.values()) >= margin
        assert all(abs(a - b) > max(margin, 0.05 * max(a, b)) for a, b in combinations(exact.values(), 2))
        if fact.measured["relation"] == "farthest":
            assert "cup" not in options
        printed = re.findall(r"[\d.]+", fact.words["listed"])
        assert len(set(printed)) == len(printed)


@pytest.mark.parametrize("seed", range(5))
def test_in_every_set_of_candidates_each_is_right_equally_often(seed):
    right = defaultdict(Counter)
    for fact in facts("vsi.relative_distance", random_scene(seed)):
        right[fact.measured["relation"], frozenset(fact.options)][fact.answer] += 1
    assert right
    for (_, candidates), times in right.items():
        assert set(times) == candidates and len(set(times.values())) == 1


def test_what_is_asked_first_does_not_favour_a_name_either():
    """A guesser who knows how often each category was right, by relation, learns nothing from first questions."""
    right, shown = Counter(), Counter()
    for seed in range(100):
        for fact in facts("vsi.relative_distance", random_scene(seed % 5), seed, most=4):
            for name in fact.options:
                shown[name] += 1 / len(fact.options)
                right[name] += name == fact.answer
    for name in shown:
        assert right[name] == pytest.approx(shown[name], abs=4 * shown[name] ** 0.5)
    assert sum(max(right[n] - shown[n], 0) for n in shown) < 0.12 * sum(shown.values())


@pytest.mark.parametrize(
    ("room_size", "gap", "asked"),
    [
        (None, 0.14, False), (None, 0.16, True), (39.0, 0.16, True), (41.0, 0.16, False), (41.0, 0.29, False),
        (41.0, 0.31, True),
    ],
)  # fmt: skip
def test_relative_distance_uses_the_wider_margin_in_large_rooms(room_size, gap, asked):
    """From the ends of a row, either of the two in its middle is the nearer one."""
    scene = scene_of(*row_of(0, 1, 1.2 + gap - 0.2, 2.2 + gap - 0.2), room_size=room_size)
    middle = [fact for fact in facts("vsi.relative_distance", scene) if set(fact.options) == {"chair", "door"}]
    assert bool(middle) == asked
    assert ambiguity_margin(scene) == (0.3 if room_size == 41.0 else 0.15)


def test_large_distances_must_differ_by_a_twentieth():
    spare = room_to_spare(np.array([[10.0, 10.4], [10.0, 10.6], [1.0, 1.16]]), 0.15)
    assert (spare > 0).tolist() == [False, True, True]


def test_relative_distance_is_not_asked_of_an_object_that_all_but_touches():
    near = [fact for fact in facts("vsi.relative_distance", scene_of(*row_of(0, 0.34, 2, 5)))
            if fact.semantics[0] == "bed" and "chair" in fact.options]  # fmt: skip
    assert not near


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_gaps_are_compared_rightly_and_half_the_answers_are_yes(scale):
    answers = Counter()
    for seed in range(2):
        scene = random_scene(seed, scale)
        items = {item.category: item for item in scene.unique_objects()}
        seen = set()
        for fact in facts("gaps.compare", scene, seed, most=100):
            a, b, c, d = (items[name] for name in fact.semantics)
            first, second = (float(surface_distances(x, [y])[0]) for x, y in ((a, b), (c, d)))
            assert fact.measured["distances_m"] == pytest.approx([first, second], abs=1e-6)
            assert abs(first - second) > max(SCALES[scale].margin, 0.05 * max(first, second))
            larger = {"larger": first > second, "smaller": first < second}[fact.words["larger"]]
            assert fact.answer == ("yes" if larger else "no") and fact.words["ab"] != fact.words["cd"]
            pairs = frozenset({frozenset(fact.semantics[:2]), frozenset(fact.semantics[2:])})
            assert len(pairs) == 2 and pairs not in seen
            seen.add(pairs)
            answers[fact.answer] += 1
    assert sum(answers.values()) > 100
    assert answers["yes"] / sum(answers.values()) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", [name for name in RULES if "frames" not in RULES[name].needs])
def test_without_objects_nothing_is_asked(name):
    frames = (frame_at([0, 0, 0], np.zeros((6, 8), np.int32)),)
    assert facts(name, scene_of(frames=frames)) == facts(name, scene_of(cube(1, "cup", [0, 0, 0]))) == []


@given(seeds, st.sampled_from(["tabletop", "outdoor", "drone"]))
@settings(max_examples=8, deadline=None)
def test_answers_scale_with_the_world(seed, scale):
    """The same layout, as many times larger as the margins of the scale are, gives the same facts."""
    indoor, factor = random_scene(seed), SCALES[scale].margin / 0.15
    scaled = random_scene(seed, scale)
    for name in ("vsi.relative_distance", "gaps.compare", "vsi.absolute_distance"):
        before, after = facts(name, indoor, most=100), facts(name, scaled, most=100)
        assert [fact.semantics for fact in before] == [fact.semantics for fact in after]
        for small, large in zip(before, after, strict=True):
            if name == "vsi.absolute_distance":
                assert large.measured["distance_m"] == pytest.approx(factor * small.measured["distance_m"], abs=1e-4)
                assert float(large.answer) * METRES[large.unit] == pytest.approx(large.measured["distance_m"], rel=0.1)
            else:
                assert small.answer == large.answer


@given(seeds)
@settings(deadline=None)
def test_the_closest_changes_with_the_places_of_two_candidates(seed):
    groups = random_scene(seed).by_category()
    primary = groups.pop("bed")[0]
    names = list(groups)
    before = category_distances(primary, groups)
    best = closest_category(before)
    other = names[(names.index(best) + 1) % len(names)]
    groups[best], groups[other] = groups[other], groups[best]
    assert category_distances(primary, groups) == pytest.approx({**before, best: before[other], other: before[best]})


@given(seeds, st.floats(-180, 180), st.tuples(*[st.floats(-50, 50)] * 3))
@settings(max_examples=10, deadline=None)
def test_facts_from_points_do_not_change_when_the_world_is_turned_and_moved(seed, yaw, shift):
    turn, rng = Rotation.from_euler("z", yaw, degrees=True).as_matrix(), np.random.default_rng(seed)
    scene = random_scene(seed)
    scene = replace(scene, objects=tuple(replace(item, points=surface(item, rng, 60)) for item in scene.objects))
    moved = []
    for item in scene.objects:
        points = item.points @ turn.T + shift
        moved.append(replace(item, center=turn @ item.center + shift, rotation=item.rotation @ turn.T, points=points))
    for name in ("vsi.absolute_distance", "vsi.relative_distance", "gaps.compare"):
        before, after = (
            [(fact.answer, dict(fact.words)) for fact in facts(name, one, most=60)]
            for one in (scene, replace(scene, objects=tuple(moved)))
        )
        assert before == after
