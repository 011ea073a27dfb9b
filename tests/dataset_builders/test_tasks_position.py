"""Directions from objects and from cameras, recomputed by trigonometry, moved, mirrored and counted."""

import re
from collections import Counter
from dataclasses import replace
from itertools import combinations, islice
from math import atan2, cos, degrees, hypot, radians, sin

import numpy as np
import pytest

from dataset_builders.scene import Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import across_frames, depth_change, from_camera, image_position, position
from dataset_builders.tasks.position import SECTORS, relative_direction
from dataset_builders.taxonomy import SCALES

RULES = {
    rule.name: rule
    for module in (position, from_camera, image_position, across_frames, depth_change)
    for rule in module.RULES
}
SOURCE = SyntheticSource(num_scenes=5, seed=4, num_frames=4, frame_size=(160, 120))

SOURCE_OF_ROOMS = SyntheticSource(num_scenes=25, seed=3, num_frames=4, frame_size=(112, 84))
ROOMS = [ref for number, ref in enumerate(SOURCE_OF_ROOMS.refs()) if number % 5 == 2]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """A scene of every scale, and rooms, in which a camera leaves most of the objects behind it."""
    return [SOURCE.load(ref) for ref in SOURCE.refs()] + [SOURCE_OF_ROOMS.load(ref) for ref in ROOMS]


def facts(name: str, scene: Scene, limit: int = 400, seed: int = 0) -> list:
    return list(islice(RULES[name].generate(scene, np.random.default_rng(seed)), limit))


def moved(scene: Scene, turn: float = 40.0, shift=(3.0, -7.0, 2.0)) -> Scene:
    """Turn the world about the vertical and shift it."""
    c, s = cos(radians(turn)), sin(radians(turn))
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = [[c, -s, 0], [s, c, 0], [0, 0, 1]], shift
    objects = tuple(
        replace(item, center=motion[:3, :3] @ item.center + motion[:3, 3], rotation=item.rotation @ motion[:3, :3].T)
        for item in scene.objects
    )
    frames = tuple(
        replace(frame, camera=replace(frame.camera, camera_to_world=motion @ frame.camera.camera_to_world))
        for frame in scene.frames
    )
    return replace(scene, objects=objects, frames=frames)


def mirrored(scene: Scene) -> Scene:
    """Reflect the world in the plane x = 0, and the cameras' pictures with it."""
    flip = np.diag([-1.0, 1, 1])
    objects = tuple(replace(item, center=flip @ item.center, rotation=item.rotation @ flip) for item in scene.objects)
    frames = []
    for frame in scene.frames:
        pose, intrinsics = frame.camera.camera_to_world.copy(), frame.camera.intrinsics.copy()
        pose[:3, :3], pose[:3, 3] = flip @ pose[:3, :3] @ flip, flip @ pose[:3, 3]
        intrinsics[0, 2] = frame.camera.width - 1 - intrinsics[0, 2]
        pictures = {name: getattr(frame, name)[:, ::-1].copy() for name in ("color", "depth", "instances")}
        camera = replace(frame.camera, intrinsics=intrinsics, camera_to_world=pose)
        frames.append(replace(frame, camera=camera, **pictures))
    return replace(scene, objects=objects, frames=tuple(frames))


def named(scene: Scene) -> dict[str, SceneObject]:
    return {item.category: item for item in scene.unique_objects()}


def bearing(position, ahead, target) -> float:
    """Degrees to the left of straight ahead, seen from above."""
    to, at = np.asarray(target)[:2] - np.asarray(position)[:2], np.asarray(ahead)[:2]
    return (degrees(atan2(to[1], to[0]) - atan2(at[1], at[0])) + 180) % 360 - 180


def sector(angle: float, level: str) -> str:
    if level == "easy":
        return "left" if angle > 0 else "right"
    if level == "medium":
        return "back" if abs(angle) > 135 else sector(angle, "easy")
    return f"{'front' if abs(angle) < 90 else 'back'}-{sector(angle, 'easy')}"


@pytest.mark.parametrize("name", ["vsi.relative_direction", "camera.direction", "camera.compare"])
def test_answers_do_not_depend_on_where_the_world_is(scenes, name):
    asked = 0
    for scene in scenes:
        original, elsewhere = facts(name, scene), facts(name, moved(scene))
        assert [(fact.answer, fact.words) for fact in original] == [(fact.answer, fact.words) for fact in elsewhere]
        asked += len(original)
    assert asked >= 20


def test_directions_from_objects_are_those_of_trigonometry_and_each_is_right_equally_often(scenes):
    asked = 0
    for scene in scenes:
        found = facts("vsi.relative_direction", scene, limit=9999)
        asked += len(found)
        objects, counts = named(scene), {level: Counter() for level in SECTORS}
        for fact in found:
            a, b, c = (objects[name] for name in fact.semantics)
            angle = bearing(a.center, b.center - a.center, c.center)
            level = fact.measured["level"]
            assert fact.measured["angle_deg"] == pytest.approx(angle, abs=1e-5)
            assert fact.answer == sector(angle, level) and set(fact.options) == set(SECTORS[level].values())
            assert relative_direction(a, b, c, level).label == fact.answer
            counts[level][fact.answer] += 1
        for level, counted in counts.items():
            assert not counted or set(counted.values()) == {counted[next(iter(SECTORS[level].values()))]}
        assert len({(fact.semantics, fact.measured["level"]) for fact in found}) == len(found)
    assert asked >= 1000


def test_what_is_left_from_one_end_of_a_line_is_right_from_the_other(scenes):
    swap = {"left": "right", "right": "left"}
    for scene in scenes:
        for a, b, c in combinations(scene.unique_objects()[:6], 3):
            here, there = relative_direction(a, b, c, "easy"), relative_direction(b, a, c, "easy")
            if here.is_clear and there.is_clear:
                assert here.label == swap[there.label]


def by_question(name: str, scene: Scene) -> dict[tuple, str]:
    found = [fact for seed in range(2) for fact in facts(name, scene, 400, seed)]
    return {
        (fact.key_frames, fact.semantics, fact.measured.get("level"), fact.measured.get("relation")): fact.answer
        for fact in found
    }


@pytest.mark.parametrize("name", ["vsi.relative_direction", "camera.direction", "camera.compare"])
def test_a_mirror_swaps_left_and_right(scenes, name):
    asked = 0
    for scene in scenes:
        original, reflected = (by_question(name, world) for world in (scene, mirrored(scene)))
        for question in original.keys() & reflected.keys():
            answer, other = original[question], reflected[question]
            if name != "camera.compare":
                assert other == re.sub("left|right", lambda side: {"left": "right"}.get(side[0], "left"), answer)
            else:
                assert (other == answer) == (question[-1] in ("nearer", "farther"))
            asked += 1
    assert asked >= 10


def test_what_lies_where_from_the_camera_is_not_in_its_picture(scenes):
    asked = 0
    for scene in scenes:
        objects = named(scene)
        for fact in facts("camera.direction", scene):
            (index,), (name,) = fact.key_frames, fact.semantics
            frame, item = scene.frames[index], objects[name]
            pose = frame.camera.camera_to_world
            angle = bearing(pose[:3, 3], pose[:3, 2], item.center)
            assert fact.answer == sector(angle, fact.measured["level"]) and abs(pose[2, 2]) <= sin(radians(45))
            assert item.instance_id not in frame.instances
            assert any((other.instances == item.instance_id).any() for other in scene.frames)
            asked += 1
    assert asked >= 10


def test_objects_compared_from_a_camera(scenes):
    relations = Counter()
    for scene in scenes:
        objects, margin = named(scene), SCALES[scene.scale].margin
        for fact in facts("camera.compare", scene):
            frame = scene.frames[fact.key_frames[0]]
            pose, relation = frame.camera.camera_to_world, fact.measured["relation"]
            items = {name: objects[name] for name in fact.options}
            if relation in ("left", "right"):
                values = {name: bearing(pose[:3, 3], pose[:3, 2], item.center) for name, item in items.items()}
                assert all(abs(value) < 90 for value in values.values())
                assert np.ptp(list(values.values())) > 10
            else:
                values = {name: distance_to_box(pose[:3, 3], item) for name, item in items.items()}
                assert np.ptp(list(values.values())) > margin
            best = max if relation in ("left", "farther") else min
            assert fact.answer == best(values, key=values.__getitem__)
            assert any(item.instance_id not in frame.instances for item in items.values())
            relations[relation] += 1
    assert len(relations) == 4


def distance_to_box(point: np.ndarray, item: SceneObject) -> float:
    """Move the point to the nearest place in the box, along its axes."""
    inside = item.center.copy()
    for axis, length in zip(item.rotation, item.size, strict=True):
        inside = inside + axis * np.clip(axis @ (point - item.center), -length / 2, length / 2)
    return hypot(*(point - inside))


@pytest.mark.parametrize("name", ["frames.compare", "frames.same_object", "frames.nearer"])
def test_neither_frames_nor_names_tell_the_answer_across_frames(scenes, name):
    frames, names = Counter(), {}
    for scene in scenes:
        for fact in facts(name, scene, 9999):
            if fact.prompt_type != "text":
                continue
            relation = fact.measured["relation"]
            opposite = relation in ("farther", "further right", "lower")
            if name == "frames.compare":
                winner = fact.answer if not opposite else next(one for one in fact.options if one != fact.answer)
                place = fact.words["frame" if winner == fact.semantics[0] else "frame_b"]
                names.setdefault((scene.scene_id, frozenset(fact.options)), Counter())[winner] += 1
            else:
                place = fact.answer if not opposite else next(one for one in fact.options if one != fact.answer)
                place = place.removesuffix(" frame")
            frames[relation if name == "frames.same_object" else "", place] += 1
    assert sum(frames.values()) >= 10
    if name != "frames.same_object":
        assert frames["", "first"] == frames["", "last"]
    assert all(len(counts) == 2 and len(set(counts.values())) == 1 for counts in names.values())


def test_a_scene_with_few_objects_gives_nothing(scenes):
    scene = scenes[0]
    few = replace(scene, objects=scene.objects[:1])
    assert not facts("vsi.relative_direction", few) and not facts("camera.compare", few)
    assert not facts("camera.direction", replace(scene, objects=()))
