"""Boxes in words: what the detection reward reads back is the scene, whatever the pose of camera and boxes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.ask import ask
from dataset_builders.record import LetterBalance, to_record
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.sources.sunrgbd import SunRgbdSource
from dataset_builders.tasks import lacking
from dataset_builders.vst import CONFIGS
from dataset_builders.vst.camera_boxes import box_numbers, camera_boxes, left_out
from dataset_builders.vst.detection import RULES, generate
from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from trl_recipes.rewards.detection import detection_score, read_boxes

LEVEL = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
"""Of a camera that looks along the world's y axis; its columns are right, down and ahead."""
INTRINSICS = np.array([[200.0, 0, 159.5], [0, 200, 119.5], [0, 0, 1]])


def same_points(first: np.ndarray, second: np.ndarray, tolerance: float) -> bool:
    gaps = np.linalg.norm(first[:, None] - second[None], axis=-1)
    return bool(gaps.min(0).max() < tolerance and gaps.min(1).max() < tolerance)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_nine_numbers_are_the_same_box_for_the_reward(by_hand, seed):
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(random_state=seed).as_matrix() * rng.choice([-1, 1], (3, 1))
    item = SceneObject(1, "cup", rng.uniform(-3, 3, 3), rng.uniform(0.1, 3, 3), rotation)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = Rotation.random(random_state=seed + 1).as_matrix(), rng.uniform(-3, 3, 3)
    numbers = box_numbers(item, Camera(INTRINSICS, pose, 320, 240))
    assert (np.abs(numbers[6:]) <= 1).all()
    labels, boxes = read_boxes(json.dumps([{"bbox_3d": numbers.tolist(), "label": "cup"}]))
    assert labels == ["cup"] and boxes.valid().all()
    assert same_points(boxes.corners()[0], by_hand.in_camera(by_hand.corners(item), pose), 1e-6)


def test_the_vertical_extent_is_the_second_size_and_a_level_box_turns_by_45_degrees_at_most():
    for degrees in range(0, 360, 15):
        rotation = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
        item = SceneObject(1, "shelf", np.array([0.0, 4, 0]), np.array([0.3, 0.9, 1.8]), rotation)
        numbers = box_numbers(item, Camera(INTRINSICS, LEVEL, 320, 240))
        assert numbers[4] == 1.8 and abs(numbers[7]) <= 0.25 + 1e-9
        assert numbers[6] == pytest.approx(0) and numbers[8] == pytest.approx(0)


def test_answers_round_trip_and_lie_where_the_scene_has_them(by_hand):
    asked = 0
    for scene in by_hand.rendered():
        for fact in generate(scene, np.random.default_rng(0)):
            pose = scene.frames[fact.key_frames[0]].camera.camera_to_world
            labels, boxes = read_boxes(fact.answer)
            objects = {item.instance_id: item for item in scene.objects}
            true = [objects[number] for number in fact.measured["instance_ids"]]
            assert labels == [item.category for item in true] and set(labels) == set(fact.semantics)
            assert (np.diff(boxes.centers[:, 2]) >= 0).all()  # the nearest first
            assert detection_score(fact.answer, fact.answer) == pytest.approx(1)
            for item, corners in zip(true, boxes.corners(), strict=True):
                reach = np.linalg.norm(item.size) / 2
                # 5 mm for each of center and half size, and a hundredth of a half turn, 0.9 degrees, for each angle.
                assert same_points(corners, by_hand.in_camera(by_hand.corners(item), pose), 0.02 + 0.05 * reach)
            asked += 1
    assert asked > 10


def test_every_whole_visible_object_of_the_category_is_in_the_answer(by_hand):
    for scene in by_hand.rendered():
        for fact in generate(scene, np.random.default_rng(1)):
            frame = scene.frames[fact.key_frames[0]]
            found = set(fact.measured["instance_ids"])
            for item in scene.objects:
                corners = by_hand.in_camera(by_hand.corners(item), frame.camera.camera_to_world)
                inside = (corners[:, 2] > 0).all()
                if inside:
                    pixels = (corners / corners[:, 2:]) @ frame.camera.intrinsics.T
                    size = [frame.camera.width, frame.camera.height]
                    inside = bool(((pixels[:, :2] >= -0.5) & (pixels[:, :2] < np.array(size) - 0.5)).all())
                shown = np.count_nonzero(frame.instances == item.instance_id) > 0
                if item.category in fact.semantics:
                    assert (item.instance_id in found) == (inside and shown)
                else:
                    assert item.instance_id not in found


def box_at(number: int, center, category: str = "cup", size=(0.4, 0.4, 0.4)) -> SceneObject:
    """An object whose center and size are given in the frame of the level camera."""
    (x, y, z), (across, down, ahead) = center, size
    return SceneObject(number, category, np.array([x, z, -y], float), np.array([across, ahead, down]), np.eye(3))


def view(objects: tuple[SceneObject, ...], intrinsics: np.ndarray = INTRINSICS) -> Scene:
    frame = Frame(Camera(intrinsics, LEVEL, 320, 240), np.zeros((240, 320, 3), np.uint8))
    return Scene("view", "test", "none", "indoor", objects, (frame,))


def test_boxes_behind_the_camera_or_over_the_edge_or_without_thickness_are_left_out():
    kept = box_at(1, (0, 0, 2))
    dropped = [
        box_at(2, (0, 0, -2)),
        box_at(3, (0, 0, 0.1)),
        box_at(4, (1.6, 0, 2)),
        box_at(5, (0, 0, 3), size=(1, 1, 0.004)),
    ]
    assert [box.item.instance_id for box in camera_boxes(view((kept, *dropped)), 0)] == [1]


def test_without_intrinsics_detection_alone_is_refused(by_hand):
    scene = by_hand.rendered()[0]
    lost = replace(scene, frames=tuple(
        replace(frame, camera=replace(frame.camera, intrinsics=np.full((3, 3), np.nan))) for frame in scene.frames
    ))  # fmt: skip
    rules = [rule for rule in CONFIGS["vst-p"] if rule.name.startswith("vst.")]
    asked = ask(lost, rules, seed=0, limit=200)
    assert asked.skipped == {"position_comparison": "no intrinsics"}
    boxed = ["vst.detection", "vst.detection_turns", "vst.grounding"]
    others = {rule.name for rule in rules} - set(boxed)
    assert {question.fact.rule for question in asked.questions} == others
    assert not list(generate(lost, np.random.default_rng(0)))
    assert [rule.name for rule in rules if lacking(rule, lost)] == boxed
    assert left_out(lost) == {"images without intrinsics": 4, "boxes that reach behind the camera": 0}


def test_the_question_states_the_camera_and_its_record_carries_the_answer_of_the_table():
    scene = view((box_at(2, (0.3, 0.1, 3)), box_at(1, (0, 0, 2))))
    question = ask(scene, RULES, seed=0, limit=1).questions[0]
    row = to_record(question, scene, LetterBalance("view"))
    assert "hfov=77.32" in row["question"] and "width=320 and height=240" in row["question"]
    assert (
        json.loads(row["answer"])
        == [
            {"bbox_3d": [0.0, 0.0, 2.0, 0.4, 0.4, 0.4, 0.0, 0.0, 0.0], "label": "cup"},
            {"bbox_3d": [0.3, 0.1, 3.0, 0.4, 0.4, 0.4, 0.0, 0.0, 0.0], "label": "cup"},
        ]
        or abs(json.loads(row["answer"])[0]["bbox_3d"][6]) == 0.5
    )
    assert row["answer_type"] == "free_form" and row["rationale"].endswith(row["answer"])


def test_real_views_round_trip(real_data):
    source = SunRgbdSource(real_data("sunrgbd_boxes"))
    overlaps = []
    for ref in source.refs():
        scene = source.load(ref)
        pose = scene.frames[0].camera.camera_to_world
        for box in camera_boxes(scene, 0):
            labels, boxes = read_boxes(json.dumps([{"bbox_3d": list(box.numbers), "label": "thing"}]))
            turned = (pose[:3, :3].T @ (box.item.center - pose[:3, 3]))[None]
            rows = box.item.rotation @ pose[:3, :3]
            rows[0] *= np.sign(np.linalg.det(rows))
            overlaps.append(float(pairwise_iou(boxes, Boxes(turned, box.item.size[None], rows[None]))[0, 0]))
    assert len(overlaps) > 5 and min(overlaps) > 0.85 and np.median(overlaps) > 0.93
