"""Boxes of two images in the frame of the first camera, as the reward reads them, against the corners of the scene."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.ask import ask
from dataset_builders.scene import Frame, Scene
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.tasks import lacking
from dataset_builders.vst import camera_pairs, captions_pairs, detection_pairs, object_pairs
from dataset_builders.vst.detection_pairs import RULES, generate
from dataset_builders.vst.image_pairs import image_pairs
from trl_recipes.rewards.detection import detection_score, read_boxes

(RULE,) = RULES


def facts(scene: Scene, most: int = 80) -> list:
    return list(islice(generate(scene, np.random.default_rng(0)), most))


def whole_in(by_hand, scene: Scene, index: int) -> set[int]:
    """Ids of what a frame shows with all corners, by homogeneous coordinates."""
    frame, found = scene.frames[index], set()
    size = np.array([frame.camera.width, frame.camera.height])
    for item in scene.objects:
        corners = by_hand.in_camera(by_hand.corners(item), frame.camera.camera_to_world)
        if (corners[:, 2] > 0).all() and (frame.instances == item.instance_id).sum() >= 400 / (
            448 * 336
        ) * size.prod():
            pixels = ((corners / corners[:, 2:]) @ frame.camera.intrinsics.T)[:, :2]
            if ((pixels >= -0.5) & (pixels < size - 0.5)).all():
                found.add(item.instance_id)
    return found


def test_all_of_a_category_that_is_whole_in_either_image_is_in_the_frame_of_the_first_camera(by_hand):
    asked, several = 0, 0
    for scene in by_hand.rendered(count=4):
        for fact in facts(scene):
            first, second = (whole_in(by_hand, scene, index) for index in fact.key_frames)
            pose = scene.frames[fact.key_frames[0]].camera.camera_to_world
            ahead = {
                item.instance_id
                for item in scene.objects
                if (by_hand.in_camera(by_hand.corners(item), pose)[:, 2] > 0).all()
            }
            wanted = {
                item.instance_id
                for item in scene.objects
                if item.category in fact.semantics and item.instance_id in (first | second) & ahead
            }
            ids = fact.measured["instance_ids"]
            assert set(ids) == wanted and set(ids) - first  # not all are whole in the first image
            labels, boxes = read_boxes(fact.answer)
            objects = {item.instance_id: item for item in scene.objects}
            assert labels == [objects[number].category for number in ids]
            assert (np.diff(boxes.centers[:, 2]) >= 0).all()
            assert detection_score(fact.answer, fact.answer) == pytest.approx(1)
            for number, corners in zip(ids, boxes.corners(), strict=True):
                true = by_hand.in_camera(by_hand.corners(objects[number]), pose)
                gaps = np.linalg.norm(corners[:, None] - true[None], axis=-1)
                reach = 0.02 + 0.05 * np.linalg.norm(objects[number].size) / 2
                assert gaps.min(0).max() < reach and gaps.min(1).max() < reach
            asked += 1
            several += len(ids) > 1
    assert asked > 30 and several > 10


def without_intrinsics(frame: Frame) -> Frame:
    return replace(frame, camera=replace(frame.camera, intrinsics=np.full((3, 3), np.nan)))


def facing_pair(by_hand, behind: bool = False) -> Scene:
    """Two cameras that look at each other along y, 6 m apart; a lamp before the first or, if asked for, behind it."""
    places = {"bed": (0.5, 3, 1), "lamp": (0, -0.5 if behind else 2.5, 1), "sofa": (-0.5, 3, 1)}
    objects = [by_hand.cube(n, name, place) for n, (name, place) in enumerate(places.items(), start=1)]
    poses = [by_hand.level_pose((0, 0, 1), 0), by_hand.level_pose((0, 6, 1), 180)]
    return by_hand.masked(objects, poses, [(1, 3), (1, 2)])


def test_a_box_that_only_the_second_image_shows(by_hand):
    (fact,) = (fact for fact in facts(facing_pair(by_hand)) if fact.semantics == ("lamp",))
    assert fact.answer == '[{"bbox_3d": [0.0, 0.0, 2.5, 0.2, 0.2, 0.2, 0.0, 0.0, 0.0], "label": "lamp"}]'
    assert "second image has horizontal fov, hfov=73.74" in fact.words["camera"]


def test_boxes_behind_the_first_camera_are_left_out_and_counted(by_hand):
    scene = facing_pair(by_hand, behind=True)
    assert not facts(scene)  # nothing else is in the second image alone
    assert RULE.left_out(scene) == {"images without intrinsics": 0, "boxes that reach behind the first camera": 1}
    # A box that only reaches behind it is left out, too.
    near = replace(scene, objects=(*scene.objects[:1], by_hand.cube(2, "lamp", (0, 0.05, 1)), scene.objects[2]))
    assert not facts(near) and RULE.left_out(near)["boxes that reach behind the first camera"] == 1
    assert RULE.left_out(facing_pair(by_hand))["boxes that reach behind the first camera"] == 0


def test_a_category_of_which_one_is_hardly_seen_is_not_asked_about(by_hand):
    scene = facing_pair(by_hand)
    other = by_hand.cube(4, "lamp", (0.8, 4, 1))
    scene = replace(scene, objects=(*scene.objects, other))
    scene.frames[1].instances[0, 0] = 4  # one pixel of another lamp
    assert "lamp" not in {name for fact in facts(scene) for name in fact.semantics}


@pytest.mark.parametrize("lost", [0, 1])
def test_without_the_intrinsics_of_an_image_its_boxes_are_not_asked_about(by_hand, lost):
    scene = facing_pair(by_hand)
    frames = list(scene.frames)
    frames[lost] = without_intrinsics(frames[lost])
    scene = replace(scene, frames=tuple(frames))
    assert not facts(scene) and RULE.left_out(scene)["images without intrinsics"] == 1


def test_without_any_intrinsics_detection_is_refused_and_the_others_go_on(by_hand):
    scene = by_hand.rendered()[0]
    lost = replace(scene, frames=tuple(map(without_intrinsics, scene.frames)))
    modules = (object_pairs, camera_pairs, detection_pairs, captions_pairs)
    asked = ask(lost, [rule for module in modules for rule in module.RULES], seed=0, limit=120)
    others = {
        "vst.object_direction",
        "vst.object_distance",
        "vst.camera_facing",
        "vst.camera_place",
        "vst.caption_pair",
    }
    assert {question.fact.rule for question in asked.questions} == others
    assert lacking(RULE, lost) == {"intrinsics"} and RULE.left_out(lost)["images without intrinsics"] == 4


@given(degrees=st.floats(0, 360), x=st.floats(-20, 20), y=st.floats(-20, 20), z=st.floats(-3, 3))
@settings(deadline=None, max_examples=6)
def test_turning_and_shifting_the_world_changes_no_answer(by_hand, degrees, x, y, z):
    """Every number has two decimals, so what was within rounding of the next one may become that."""
    scene = by_hand.rendered(count=1)[0]
    for one, two in zip(facts(scene, 20), facts(by_hand.moved(scene, degrees, (x, y, z)), 20), strict=True):
        assert one.semantics == two.semantics and one.key_frames == two.key_frames
        (labels, boxes), (same, others) = read_boxes(one.answer), read_boxes(two.answer)
        assert labels == same and np.abs(boxes.corners() - others.corners()).max() < 0.05


def test_the_question_says_what_is_left_out(by_hand):
    for question in ask(facing_pair(by_hand), RULES, seed=0, limit=30).questions:
        assert "behind the first camera" in question.text and "both images" in question.text
        assert "camera parameters for the first image" in question.text
        assert question.rationale.endswith(question.fact.answer)


def on_real_surfaces(scene: Scene, by_hand) -> Scene:
    """Real views with cubes put where their depth has a surface, in a world whose Z is up."""
    up = -np.mean([frame.camera.camera_to_world[:3, 1] for frame in scene.frames], axis=0)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.align_vectors([[0, 0, 1]], [up])[0].as_matrix()
    frames, objects = [], []
    for frame in scene.frames:
        pose = turn @ frame.camera.camera_to_world
        frames.append(replace(frame, camera=replace(frame.camera, camera_to_world=pose)))
        for row, column in ((120, 160), (240, 320), (360, 480)):
            depth = float(frame.depth[row, column])
            if 0.7 < depth < 4:
                local = depth * np.linalg.inv(frame.camera.intrinsics) @ [column, row, 1]
                number = len(objects) + 1
                objects.append(by_hand.cube(number, f"thing{number}", pose[:3, :3] @ local + pose[:3, 3], 0.15))
    return replace(scene, objects=tuple(objects), frames=tuple(frames))


def test_real_views_with_cubes_on_real_surfaces(real_data, by_hand):
    source = RgbdSource(real_data("sevenscenes_redkitchen"), 10)
    scene = on_real_surfaces(source.load(source.refs()[0]), by_hand)
    objects, asked = {item.instance_id: item for item in scene.objects}, 0
    for pair in image_pairs(scene, np.random.default_rng(0)):
        for own, index in zip(pair.own, pair.indices[::-1], strict=True):
            camera = scene.frames[index].camera
            for number in own:
                local = by_hand.in_camera(by_hand.corners(objects[number]), camera.camera_to_world)
                pixels = (local[local[:, 2] > 0] @ camera.intrinsics.T)[:, :2] / local[local[:, 2] > 0, 2:]
                assert not ((pixels >= -0.5) & (pixels < [639.5, 479.5])).all(1).any()
    for fact in facts(scene, 200):
        poses = [scene.frames[index].camera.camera_to_world for index in fact.key_frames]
        labels, boxes = read_boxes(fact.answer)
        for label, center, number in zip(labels, boxes.centers, fact.measured["instance_ids"], strict=True):
            (true,), (there,) = (by_hand.in_camera(objects[number].center[None], pose) for pose in poses)
            # Two decimals, and rotations of published poses that are orthonormal to a thousandth.
            assert label == objects[number].category and np.abs(center - true).max() <= 0.006
            # One of the images shows it: it is in the picture, and no surface that was measured there lies before it.
            assert any(
                is_seen(scene.frames[index], local)
                for index, local in zip(fact.key_frames, (true, there), strict=True)
            )
            asked += 1
    assert asked > 20


def is_seen(frame: Frame, local: np.ndarray) -> bool:
    """Whether a camera with this depth shows a cube of 15 cm whose middle is given in its frame, metres."""
    column, row = np.rint((frame.camera.intrinsics @ local)[:2] / local[2]).astype(int)
    if local[2] <= 0 or not (0 <= column < frame.camera.width and 0 <= row < frame.camera.height):
        return False
    return frame.depth[row, column] == 0 or frame.depth[row, column] > local[2] - 0.15
