import json

import numpy as np
import pytest

from dataset_builders.audit import run_audit
from dataset_builders.errors import InputError

# What is published; all of it can be answered, once a box that is listed twice counts as one.
ANSWERED = {
    "object_counting": 389,
    "object_size_estimation": 720,
    "room_size_estimation": 238,
    "object_abs_distance": 624,
    "object_rel_distance": 426,
    "object_rel_direction_easy": 160,
    "object_rel_direction_medium": 282,
    "object_rel_direction_hard": 275,
}
CHOICES = ("object_rel_distance", *(f"object_rel_direction_{level}" for level in ("easy", "medium", "hard")))


def row(kind: str, text: str, solution: str, options=None, scene: str = "room00", number: int = 0) -> dict:
    return {
        "problem_id": number,
        "original_question_type": kind,
        "problem": text,
        "options": options,
        "solution": f"<answer>{solution}</answer>",
        "path": f"./scannet/{scene}.mp4",
    }


def count_of(category: str, solution: str, **fields) -> dict:
    return row("object_counting", f"How many {category}(s) are in this room?", solution, **fields)


@pytest.fixture
def audit(write_rooms, tmp_path):
    folder = write_rooms(1)

    def run(*rows: dict):
        path = tmp_path / "questions.json"
        path.write_text(json.dumps(rows))
        return run_audit(folder, path)

    return run


def test_each_type_is_answered_from_the_boxes(audit, make_room):
    boxes = make_room(0)["object_bbox"]
    sofa, bed, lamp = (np.array(boxes[name][0]["centroid"]) for name in ("sofa", "bed", "lamp"))
    size = 100 * max(boxes["sofa"][0]["axesLengths"])
    report = audit(
        count_of("chair", "2"),
        count_of("chair", "3"),
        row(
            "object_size_estimation",
            "What is the length of the longest dimension (length, width, or height) of the sofa, measured in "
            "centimeters?",
            f"{size:.0f}",
        ),
        row("room_size_estimation", "What is the size of this room (in square meters)? \nIf multiple", "20.5"),
        # The objects stand in a row along x: chair, chair, table, sofa, lamp, bed, door.
        row(
            "object_rel_distance",
            "Measuring from the closest point of each object, which of these objects (table, bed, chair, lamp) is the "
            "closest to the door?",
            "B",
            ["A. table", "B. bed", "C. chair", "D. lamp"],
        ),
        row(
            "object_rel_direction_easy",
            "If I am standing by the sofa and facing the bed, is the lamp to the left or the right of the bed?",
            "AB"[int(np.cross(bed - sofa, lamp - sofa)[2] < 0)],
            ["A. left", "B. right"],
        ),
    ).to_json()
    numbers = {kind: [one[key] for key in ("total", "answered", "agree", "mra")] for kind, one in report.items()}
    assert numbers == {
        "object_counting": [2, 2, 1, 0.7],
        "object_size_estimation": [1, 1, 1, 1.0],
        "room_size_estimation": [1, 1, 1, 1.0],
        "object_rel_distance": [1, 1, 1, None],
        "object_rel_direction_easy": [1, 1, 1, None],
    }


def test_rows_that_cannot_be_answered_are_listed_with_the_reason(audit):
    report = audit(
        count_of("piano", "2", number=4),
        count_of("chair", "2", scene="elsewhere", number=5),
        count_of("chair", "2", number=6) | {"problem": "How many chairs do you see?"},
        row("object_size_estimation", "longest dimension (length) of the chair, measured in centimeters?", "80"),
        row("obj_appearance_order", "What will be the order?", "A", ["A. chair, bed", "B. bed, chair"], number=7),
        row("new_type", "What?", "A", ["A. chair", "B. bed"], number=8),
    )
    reasons = {(each["id"], each["reason"]) for one in report.to_json().values() for each in one["unanswered"]}
    assert reasons == {
        (4, "the scene has no object of the category"),
        (5, "its scene is not in the folder"),
        (6, "the question is not worded as published"),
        (0, "the scene has 2 boxes of a category that must be the only one"),
        (7, "needs the frames, which this source lacks"),
        (8, "no rule of ours answers this type"),
    }
    assert all(one["answered"] == 0 and one["mra"] is None for one in report.to_json().values())
    for _, reason in reasons:
        assert reason in report.text()


def test_a_broken_scene_is_a_reason_and_not_the_end(write_rooms, make_room, tmp_path):
    broken = make_room(1)
    broken["object_bbox"]["bed"][0]["axesLengths"][1] = -0.5
    folder = write_rooms({"good": make_room(0), "bad": broken})
    (tmp_path / "questions.json").write_text(
        json.dumps([count_of("chair", "2", scene="good"), count_of("chair", "2", scene="bad")])
    )
    report = run_audit(folder, tmp_path / "questions.json").to_json()["object_counting"]
    assert (report["total"], report["answered"], report["agree"]) == (2, 1, 1)
    assert "-0.5" in report["unanswered"][0]["reason"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"problem": None}, "problem"),
        ({"problem_id": "one"}, "problem_id"),
        ({"path": 3}, "path"),
        ({"original_question_type": None}, "original_question_type"),
        ({"solution": "4"}, "solution"),
        ({"solution": "<answer>four</answer>"}, "solution"),
        ({"options": ["chair"], "solution": "<answer>A</answer>"}, "options"),
        ({"options": ["A. chair"], "solution": "<answer>B</answer>"}, "solution"),
        ({"options": "A. chair"}, "options"),
    ],
)
def test_a_wrong_row_is_named(audit, change, field):
    with pytest.raises(InputError, match=rf"questions.json row 1: {field}: .*; "):
        audit(count_of("chair", "2"), count_of("chair", "2") | change)


@pytest.mark.parametrize("content", [None, "", '[{"problem_id": 0', '{"rows": []}', "\x00"])
def test_a_file_that_is_no_list_is_refused(write_rooms, tmp_path, content):
    path = tmp_path / "questions.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match="questions.json: file: "):
        run_audit(write_rooms(1), path)


def test_published_answers_are_reproduced(real_data):
    report = run_audit(real_data("vsi_meta_info"), real_data("vsibench_qa") / "eval_vsibench.json").to_json()
    assert sum(one["total"] for one in report.values()) == 3672
    assert {kind: report[kind]["answered"] for kind in ANSWERED} == ANSWERED
    assert {kind: report[kind]["total"] for kind in ANSWERED} == ANSWERED
    for kind in (*CHOICES, "object_size_estimation", "room_size_estimation"):
        assert report[kind]["agree"] == report[kind]["answered"]
    assert report["object_counting"]["agree"] == 387
    assert report["object_abs_distance"]["mra"] >= 0.97 and report["object_abs_distance"]["agree"] >= 518
    assert report["obj_appearance_order"]["answered"] == report["route_planning"]["answered"] == 0
    assert len(report["route_planning"]["unanswered"]) == 168
