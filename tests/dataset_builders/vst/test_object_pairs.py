"""Directions and distances between the images against complex numbers, sampled boxes and moved worlds."""

import json
import re
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.ask import ask
from dataset_builders.scene import Camera, Frame, Scene
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.vst.object_pairs import RULES, generate_direction, generate_distance

POINTS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")
BANNED = re.compile(
    r"\d|\b(two|three|four|five|six|seven|eight|nine|ten|meters?|metres?|degrees?|[xyz]|axis|axes|coordinates?)\b",
    re.I,
)
STEPS = np.linspace(-0.5, 0.5, 11)
GRID = np.array([[x, y, z] for x in STEPS for y in STEPS for z in STEPS])


def facts(rule, scene: Scene, most: int = 60) -> list:
    return list(islice(rule(scene, np.random.default_rng(0)), most))


def flat(place: np.ndarray) -> complex:
    """A place over the ground; multiplying by -1j turns it clockwise by a quarter."""
    return complex(place[0], place[1])


def expected(scene: Scene, fact) -> tuple[str, float]:
    """The point of the compass and degrees clockwise from the reference, by division of complex numbers."""
    objects = {item.instance_id: item for item in scene.objects}
    *_, target = (flat(objects[number].center) for number in fact.measured["instance_ids"])
    image = {"first image": 0, "second image": 1}.get(fact.words["image"])
    pose = None if image is None else scene.frames[fact.key_frames[image]].camera.camera_to_world
    first = flat(objects[fact.measured["instance_ids"][0]].center)
    if fact.wording == "vst.object_direction":
        standing = flat(objects[fact.measured["instance_ids"][1]].center)
        reference = first - standing
    elif fact.wording == "vst.object_direction_place":
        standing = flat(pose[:3, 3])
        reference = first - standing
    else:
        standing, reference = flat(pose[:3, 3]), flat(pose[:3, 2])
    clockwise = -np.degrees(np.angle((target - standing) / reference)) % 360
    known = POINTS.index(fact.measured["reference"])
    return POINTS[(round(clockwise / 45) + known) % 8], float(clockwise)


def check_direction(scene: Scene, fact) -> None:
    point, clockwise = expected(scene, fact)
    assert fact.answer == point and fact.answer in fact.options and set(fact.options) <= set(POINTS)
    assert len(set(fact.options)) == len(fact.options) > 1
    assert fact.measured["clockwise_deg"] == pytest.approx(clockwise, abs=1e-4)
    away = abs((clockwise + 22.5) % 45 - 22.5)
    assert fact.margins["sector_deg"] == pytest.approx(22.5 - away - 10, abs=1e-4) and away <= 12.5


def check_visibility(scene: Scene, fact) -> set[str]:
    """Each object in one image alone, where no other has its name; not all in one; something in both."""
    masks = [scene.frames[index].instances for index in fact.key_frames]
    objects = {item.instance_id: item for item in scene.objects}
    images = set()
    for slot, number in zip(slots(fact), fact.measured["instance_ids"], strict=True):
        present = [bool((mask == number).any()) for mask in masks]
        assert sorted(present) == [False, True]
        image = ("first image", "second image")[present.index(True)]
        assert fact.words[slot] == f"{objects[number].category} in the {image}"
        there = [objects[one].category for one in np.unique(masks[present.index(True)]) if one in objects]
        assert there.count(objects[number].category) == 1
        images.add(image)
    assert set(np.unique(masks[0])) & set(np.unique(masks[1])) - {0}
    return images


def slots(fact) -> str:
    return {"vst.object_direction_place": "ac", "vst.object_direction_heading": "c"}.get(
        fact.wording, "abc" if fact.rule == "vst.object_direction" else "ab"
    )


def test_directions_are_those_of_the_boxes_and_no_image_has_all_of_them(by_hand):
    asked, points = {}, set()
    for scene in by_hand.rendered(count=4):
        for fact in facts(generate_direction, scene):
            check_direction(scene, fact)
            images = check_visibility(scene, fact)
            if fact.words["image"]:
                assert fact.words["c"].rpartition("in the ")[2] != fact.words["image"]
            else:
                assert len(images) == 2
            objects = {item.instance_id: item for item in scene.objects}
            heights = [objects[number].center[2] for number in fact.measured["instance_ids"]]
            assert np.ptp(heights) <= 1
            asked[fact.wording] = asked.get(fact.wording, 0) + 1
            points.add(fact.answer)
    assert len(asked) == 3 and min(asked.values()) > 10 and len(points) == 8


def test_a_place_whose_directions_are_plain(by_hand):
    """A bed in both images, a lamp in the first, a sofa and a desk in the second; the cameras look at each other."""
    things = {"bed": (2, 2), "lamp": (0, 3), "sofa": (3, 3), "desk": (-3, 0)}
    objects = [by_hand.cube(n, name, (*place, 1)) for n, (name, place) in enumerate(things.items(), start=1)]
    poses = [by_hand.level_pose((0, 0, 1), 0), by_hand.level_pose((0, 6, 1), 180)]
    scene, found = by_hand.masked(objects, poses, [(1, 2), (1, 3, 4)]), {}
    for seed in range(8):  # the last case of a scene has no options, and which it is depends on the seed
        for fact in generate_direction(scene, np.random.default_rng(seed)):
            point = POINTS[(POINTS.index(fact.answer) - POINTS.index(fact.measured["reference"])) % 8]
            found[fact.words["image"], *(fact.words[slot].split()[0] for slot in slots(fact))] = point
    assert found == {
        # From the first camera, at the origin, the lamp is straight ahead.
        ("first image", "sofa"): "northeast",
        ("first image", "desk"): "west",
        ("first image", "lamp", "sofa"): "northeast",
        ("first image", "lamp", "desk"): "west",
        # From the second one the lamp is straight ahead, too, and the sofa on its left; the desk is too near a border.
        ("second image", "lamp"): "north",
        ("second image", "sofa", "lamp"): "northeast",
        # From the lamp the sofa is due east and the desk southwest; from these two, the others are too near a border.
        ("", "sofa", "lamp", "desk"): "southeast",
        ("", "desk", "lamp", "sofa"): "southwest",
    }


@given(degrees=st.floats(0, 360), x=st.floats(-20, 20), y=st.floats(-20, 20), z=st.floats(-3, 3))
@settings(deadline=None, max_examples=8)
def test_turning_and_shifting_the_world_changes_no_answer(by_hand, degrees, x, y, z):
    scene = by_hand.rendered(count=1)[0]
    other = by_hand.moved(scene, degrees, (x, y, z))
    for rule in (generate_direction, generate_distance):
        for one, two in zip(facts(rule, scene, 15), facts(rule, other, 15), strict=True):
            assert (one.answer, one.options, one.unit, one.regions) == (two.answer, two.options, two.unit, two.regions)
            assert [one.words[slot] for slot in slots(one)] == [two.words[slot] for slot in slots(two)]


def test_two_objects_with_one_name_in_an_image_are_not_asked_about_and_counted(by_hand):
    names = ("bed", "lamp", "chair", "chair", "sofa")
    places = ((2, 2), (0, 3), (3, 3), (-3, 0), (-3, 3))
    objects = [
        by_hand.cube(n, name, (*place, 1)) for n, (name, place) in enumerate(zip(names, places, strict=True), 1)
    ]
    poses = [by_hand.level_pose((0, 0, 1), 0), by_hand.level_pose((0, 6, 1), 180)]
    alike = by_hand.masked(objects, poses, [(1, 2), (1, 3, 4, 5)])
    told = [fact for rule in (generate_direction, generate_distance) for fact in facts(rule, alike)]
    assert told and not any("chair" in fact.semantics for fact in told)
    reason = "objects that share their name with another one of the image"
    assert [rule.left_out(alike) for rule in RULES] == [{reason: 2}] * 2
    # One chair in each image: the image tells them apart.
    apart = by_hand.masked(objects, poses, [(1, 2, 3), (1, 4, 5)])
    assert [rule.left_out(apart) for rule in RULES] == [{reason: 0}] * 2
    named = {fact.words[slot] for fact in facts(generate_direction, apart) for slot in slots(fact)}
    assert {"chair in the first image", "chair in the second image"} <= named


def test_heights_that_differ_by_over_a_metre_are_not_asked_about(by_hand):
    things = {"bed": (2, 2, 1), "lamp": (0, 3, 2.2), "sofa": (3, 3, 1)}  # the lamp is too high
    objects = [by_hand.cube(n, name, place) for n, (name, place) in enumerate(things.items(), start=1)]
    poses = [by_hand.level_pose((0, 0, 1), 0), by_hand.level_pose((0, 6, 1), 180)]
    scene = by_hand.masked(objects, poses, [(1, 2), (1, 3)])
    assert not facts(generate_distance, scene)
    assert {fact.wording for fact in facts(generate_direction, scene)} <= {"vst.object_direction_heading"}


def test_distances_are_those_of_points_sampled_on_the_boxes(by_hand):
    asked = 0
    for scene in by_hand.rendered(count=4):
        objects = {item.instance_id: item for item in scene.objects}
        for fact in facts(generate_distance, scene, 20):
            assert check_visibility(scene, fact) == {"first image", "second image"}
            one, other = (objects[number] for number in fact.measured["instance_ids"])
            points = [item.center + (GRID * item.size) @ item.rotation for item in (one, other)]
            upper = np.linalg.norm(points[0][:, None] - points[1][None, ::3], axis=-1).min()
            reach = 0.5 * np.linalg.norm(one.size) / 10 + np.linalg.norm(other.size) / 3
            true = fact.measured["distance_m"]
            assert -1e-6 <= upper - true <= reach
            metres = float(fact.answer) * {"m": 1, "cm": 0.01}[fact.unit]
            assert abs(metres - true) <= 0.0501
            low, high = {"shorter": (0, 0.8), "about": (0.8, 1.25), "longer": (1.25, 3), "several": (3, np.inf)}[
                fact.words["yardstick"].split()[0]
            ]
            assert low * one.size.max() - 1e-9 <= true <= high * one.size.max() + 1e-9
            asked += 1
    assert asked > 30


def test_rationales_have_four_parts_without_numbers_or_axes(by_hand):
    for scene in by_hand.rendered(count=2):
        for question in ask(scene, RULES[:1], seed=0, limit=60).questions:
            words, text = question.fact.words, question.rationale
            assert text.startswith(f"{words['views']} {words['layout']} ")
            reasoning = text.removeprefix(f"{words['views']} {words['layout']} ")
            assert words["side"] in reasoning and words["known"] in reasoning
            assert reasoning.rstrip(".").endswith(question.fact.answer) and reasoning.count(". ") >= 1
            assert not BANNED.search(text), text
        for question in ask(scene, RULES[1:], seed=0, limit=60).questions:
            answer = f"{question.fact.answer} {question.fact.unit}".strip()
            assert not BANNED.search(question.rationale.rstrip(".").removesuffix(answer)), question.rationale


def test_real_rooms_seen_by_cameras_set_up_in_them(real_data, by_hand):
    """Real boxes and no pictures: a camera shows what has its center in the picture."""
    source, asked = VsiMetaSource(real_data("vsi_meta_info")), 0
    intrinsics = np.array([[300.0, 0, 319.5], [0, 300, 239.5], [0, 0, 1]])
    rooms = sorted(map(source.load, source.refs()), key=lambda room: -len(room.unique_objects()))
    for number, room in enumerate(rooms[:12]):
        rng = np.random.default_rng(number)
        centers = np.array([item.center for item in room.objects])
        low, high = centers.min(axis=0), centers.max(axis=0)
        frames = [
            Frame(
                Camera(intrinsics, by_hand.level_pose((*rng.uniform(low, high)[:2], low[2] + 1), heading), 640, 480),
                np.zeros((480, 640, 3), np.uint8),
            )
            for heading in rng.uniform(0, 360, 8)
        ]
        scene = Scene(room.scene_id, room.source, room.license, room.scale, room.objects, tuple(frames))
        objects = {item.instance_id: item for item in scene.objects}
        for fact in facts(generate_direction, scene, 30):
            check_direction(scene, fact)
            for slot, one in zip(slots(fact), fact.measured["instance_ids"], strict=True):
                shows = []
                for index in fact.key_frames:
                    (x, y, depth), *_ = by_hand.in_camera(
                        objects[one].center[None], frames[index].camera.camera_to_world
                    )
                    inside = depth > 0 and abs(300 * x / depth) < 320 and abs(300 * y / depth) < 240
                    shows.append(bool(inside))
                assert sorted(shows) == [False, True]
                assert fact.words[slot].endswith(("first image", "second image")[shows.index(True)])
            asked += 1
    assert asked > 50


def test_the_same_seed_gives_the_same_questions(by_hand):
    (scene,) = by_hand.rendered(count=1)
    first, second = (
        [json.dumps([one.text, one.rationale, one.fact.answer, one.fact.options]) for one in asked]
        for asked in (ask(scene, RULES, seed=4, limit=40).questions for _ in range(2))
    )
    assert first == second and len(first) == 40
