"""Conversations of VST: every turn is right by geometry, and together they say what single questions would."""

import json
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.ask import ask
from dataset_builders.compass import POINTS
from dataset_builders.conversation import to_messages
from dataset_builders.question import Fact
from dataset_builders.record import LetterBalance, to_record
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.sources.sunrgbd import SunRgbdSource
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.vst import detection, detection_turns, measurement_turns, video_pairs
from trl_recipes.rewards.detection import read_boxes

MODULES = (detection_turns, measurement_turns, video_pairs)


def talks(module, scene: Scene, seed: int = 0) -> list[tuple[Fact, ...]]:
    return [(fact, *fact.then) for fact in module.generate(scene, np.random.default_rng(seed))]


@pytest.mark.parametrize(("module", "most"), zip(MODULES, (6, 4, 8), strict=True))
def test_a_conversation_has_several_turns_and_none_comes_twice(module, most, by_hand):
    for scene in (*by_hand.rendered(), *by_hand.rendered("outdoor")):
        found = talks(module, scene)
        assert found and all(2 <= len(talk) <= most for talk in found)
        assert {turn.rule for talk in found for turn in talk} == {module.RULES[0].name}
        assert all(not turn.then for talk in found for turn in talk[1:])
        asked = [
            json.dumps([turn.words, turn.wording, turn.key_frames, str(turn.regions)]) for t in found for turn in t
        ]
        assert max(Counter(asked).values()) == 1


def test_each_turn_of_detection_gives_all_boxes_of_the_next_category(by_hand):
    for scene in by_hand.rendered():
        single = {
            (fact.key_frames, fact.semantics): fact
            for fact in detection.generate(scene, np.random.default_rng(1))
            if len(fact.semantics) == 1
        }
        asked = set()
        for talk in talks(detection_turns, scene):
            assert {turn.key_frames for turn in talk} == {talk[0].key_frames}
            assert [turn.wording for turn in talk] == ["vst.detection"] + ["vst.detection_next"] * (len(talk) - 1)
            pose = scene.frames[talk[0].key_frames[0]].camera.camera_to_world
            for turn in talk:
                assert turn.answer == single[turn.key_frames, turn.semantics].answer
                labels, boxes = read_boxes(turn.answer)
                assert set(labels) == set(turn.semantics)
                numbers = turn.measured["instance_ids"]
                true = [next(item for item in scene.objects if item.instance_id == number) for number in numbers]
                centers = by_hand.in_camera(np.array([item.center for item in true]), pose)
                assert np.abs(boxes.centers - centers).max() <= 0.00501
                asked.add((turn.key_frames, turn.semantics))
        pictures = Counter(frames for frames, _ in single)
        left = {key for key in single if pictures[key[0]] > 1} - asked
        # At most one category a picture is left over: the one that would be alone.
        assert max(Counter(frames for frames, _ in left).values(), default=0) <= 1 and asked <= single.keys()


def test_only_the_first_turn_of_detection_gives_the_camera(by_hand):
    (scene, _) = by_hand.rendered()
    for question in ask(scene, list(detection_turns.RULES), seed=0, limit=5).questions:
        assert "hfov=" in question.text and "json" in question.text
        for turn in question.then:
            assert "hfov=" not in turn.text and turn.fact.semantics[0] in turn.text


def test_each_turn_of_measurement_is_about_an_object_in_a_colour_of_its_own(by_hand):
    kinds = set()
    for scene in (*by_hand.rendered(), *by_hand.rendered("tabletop")):
        for talk in talks(measurement_turns, scene):
            marks = [mark for turn in talk for mark in turn.regions]
            assert len(marks) == len(talk) == len({mark.colour for mark in marks})
            assert len({mark.frame_index for mark in marks}) == len({mark.kind for mark in marks}) == 1
            kinds.add(marks[0].kind)
            for turn, mark in zip(talk, marks, strict=True):
                assert f"({mark.colour} " in turn.words["thing"]
                if mark.kind == "point":
                    x, y = mark.point
                    number = int(scene.frames[mark.frame_index].instances[int(y), int(x)])
                    (item,) = (one for one in scene.objects if one.instance_id == number)
                    corners = by_hand.corners(item)
                    edges = [np.linalg.norm(corners[0] - corners[other]) for other in (1, 2, 4)]
                    true = max(edges) if turn.measured["dimension"] == "largest" else np.ptp(corners[:, 2])
                    assert abs(float(turn.answer) * {"m": 1, "cm": 0.01}[turn.unit] - true) <= 0.00501
    assert kinds == {"point", "bbox"}


def test_all_marks_of_a_conversation_are_drawn_on_the_frame_that_it_shows(by_hand):
    (scene, _) = by_hand.rendered()
    question = ask(scene, list(measurement_turns.RULES), seed=0, limit=1).questions[0]
    record = to_record(question, scene, LetterBalance(scene.scene_id))
    assert [mark["colour"] for mark in record["regions"]] == [
        turn.fact.regions[0].colour for turn in (question, *question.then)
    ]
    assert record["key_frames"] == [record["regions"][0]["frame_index"]]
    shown = [part["type"] for message in to_messages(record, ["frame"], True) for part in message["content"]]
    assert shown.count("video") == 1


def surface_points(item: SceneObject, across: int = 12) -> np.ndarray:
    grid = np.linspace(-0.5, 0.5, across)
    cube = np.array(np.meshgrid(grid, grid, grid)).reshape(3, -1).T
    cube = cube[np.abs(cube).max(1) > 0.499]
    return item.center + (cube * item.size) @ item.rotation


def test_distances_of_a_video_are_those_of_points_on_the_boxes(by_hand):
    for scene in by_hand.rendered():
        named = {item.category: item for item in scene.unique_objects()}
        for talk in talks(video_pairs, scene)[:2]:
            for turn in (turn for turn in talk if turn.answer_type == "regression"):
                first, second = (named[name] for name in turn.semantics)
                one, other = surface_points(first), surface_points(second)
                sampled = np.linalg.norm(one[:, None] - other[None], axis=-1).min()
                spacing = np.linalg.norm(first.size) / 11 + np.linalg.norm(second.size) / 11
                assert turn.measured["distance_m"] <= sampled + 1e-6 <= turn.measured["distance_m"] + spacing
                metres = float(turn.answer) * {"m": 1, "cm": 0.01}[turn.unit]
                assert abs(metres - turn.measured["distance_m"]) <= 0.0501


def on_a_map(scene: Scene, turn: Fact) -> str:
    """East is x and north is y on paper; a turn of the paper puts A where the question says it is."""
    named = {item.category: complex(*item.center[:2]) for item in scene.unique_objects()}
    a, b, c = (named[name] for name in turn.semantics)
    known = np.exp(1j * np.radians(90 - 45 * POINTS.index(turn.words["known"])))
    return POINTS[round((90 - np.degrees(np.angle((c - b) / (a - b) * known))) / 45) % 8]


def test_directions_of_a_video_are_those_of_a_map(by_hand):
    answers, references = Counter(), set()
    for scene in (*by_hand.rendered(), *by_hand.rendered("outdoor")):
        for talk in talks(video_pairs, scene):
            for turn in (turn for turn in talk if turn.answer_type == "multiple_choice"):
                assert turn.answer == on_a_map(scene, turn) in turn.options and 2 <= len(turn.options) <= 4
                answers[turn.answer] += 1
                references.add(turn.words["known"])
                assert turn.margins["sector_deg"] >= 0
    assert set(answers) == references == set(POINTS)


def test_conversations_about_real_rooms(real_data):
    source = VsiMetaSource(real_data("vsi_meta_info"))
    number = 0
    for ref in list(source.refs())[:60]:
        scene = source.load(ref)
        for talk in talks(video_pairs, scene):
            assert 2 <= len(talk) <= 8 and talk[0].task == "absolute_distance"
            for turn in (turn for turn in talk if turn.answer_type == "multiple_choice"):
                assert turn.answer == on_a_map(scene, turn)
                number += 1
    assert number > 20


def test_conversations_about_real_views(real_data, by_hand):
    source = SunRgbdSource(real_data("sunrgbd_boxes"))
    number = 0
    for ref in source.refs():
        scene = source.load(ref)
        for talk in talks(detection_turns, scene):
            for turn in talk:
                labels, boxes = read_boxes(turn.answer)
                centers = np.array([item.center for item in scene.objects if item.category == labels[0]])
                seen = by_hand.in_camera(centers, scene.frames[0].camera.camera_to_world)
                gaps = np.abs(boxes.centers[:, None] - seen[None]).max(-1).min(1)
                assert gaps.max() <= 0.00501 and len(set(labels)) == 1
                number += 1
    assert number >= 3


def test_a_direction_by_hand():
    at = {"sofa": (0, 3), "table": (0, 0), "lamp": (-3, 0)}
    objects = tuple(
        SceneObject(place, name, np.array([*xy, 0.4]), np.full(3, 0.5), np.eye(3))
        for place, (name, xy) in enumerate(at.items())
    )
    scene = Scene("room", "test", "CC0-1.0", "indoor", objects)
    expected = {"north": "west", "west": "south", "southeast": "northeast"}
    seen = set()
    for seed in range(200):
        for talk in talks(video_pairs, scene, seed):
            for turn in talk:
                known = turn.words.get("known")
                if turn.semantics == ("sofa", "table", "lamp") and known in expected:
                    assert turn.answer == expected[known] and turn.words["side"] == "to the left"
                    seen.add(known)
    assert seen == set(expected)


@settings(deadline=None, max_examples=15)
@given(degrees=st.floats(0, 360), shift=st.tuples(*[st.floats(-50, 50)] * 3), seed=st.integers(0, 99))
def test_turning_and_moving_the_world_changes_no_answer(by_hand, degrees, shift, seed):
    scene = by_hand.rendered()[0]
    turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    moved = tuple(
        replace(item, center=turn @ item.center + shift, rotation=item.rotation @ turn.T) for item in scene.objects
    )
    before, after = (
        talks(video_pairs, replace(scene, objects=objects, frames=()), seed) for objects in (scene.objects, moved)
    )
    assert [[one.answer for one in talk] for talk in before] == [[one.answer for one in talk] for talk in after]


def test_a_conversation_begins_with_a_distance_and_goes_on_with_a_direction(by_hand):
    for scene in by_hand.rendered():
        first, *_ = talks(video_pairs, scene)
        assert [turn.task for turn in first] == ["absolute_distance", "position_comparison"] * 4
        question = ask(scene, list(video_pairs.RULES), seed=0, limit=1).questions[0]
        assert all(re.search(r"\b(north|south|east|west)", turn.text) for turn in question.then[::2])
