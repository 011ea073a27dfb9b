import itertools
import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from trl_recipes.rewards import detection_reward
from trl_recipes.rewards.detection import detection_score, read_boxes

PRINTERS = [
    {"bbox_3d": [-0.16, 0.12, 1.56, 0.44, 0.51, 0.41, 0.11, 0.28, 0.05], "label": "printer"},
    {"bbox_3d": [0.40, -0.02, 1.96, 0.45, 0.51, 0.36, 0.11, 0.27, 0.05], "label": "printer"},
]
ANSWER = json.dumps(PRINTERS)  # VST, table 23


def _cube(x, size=1.0, label="cup", turn=(0, 0, 0)):
    return {"bbox_3d": [x, 0, 5, size, size, size, *turn], "label": label}


def _score(named, right, alpha=0.5):
    return detection_score(json.dumps(named), json.dumps(right), alpha)


def test_the_example_of_the_paper_is_worth_one_to_itself():
    for text in (ANSWER, f"```json\n{ANSWER}\n```", ANSWER.replace("printer", "Printer")):
        assert detection_score(text, ANSWER) == pytest.approx(1.0)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize(
    ("named", "iou", "f1"),
    [
        ([_cube(0), _cube(3)], 1.0, 1.0),
        ([_cube(0)], 1.0, 2 / 3),
        ([_cube(0), _cube(3), _cube(9)], 1.0, 4 / 5),
        ([_cube(0.5), _cube(3)], (1 / 3 + 1) / 2, 1.0),
        ([_cube(0.75), _cube(3)], (1 / 7 + 1) / 2, 1 / 2),
        ([_cube(0.75)], 1 / 7, 0.0),
        ([_cube(0), _cube(0)], 1.0, 1 / 2),  # a box twice finds one object
        ([_cube(0, label="mug"), _cube(3)], 1.0, 1 / 2),
        ([_cube(0, size=2), _cube(3)], (1 / 8 + 1) / 2, 1 / 2),
        ([_cube(9)], 0.0, 0.0),
        ([], 0.0, 0.0),
        ([_cube(0)] * 5, 0.0, 0.0),  # more than twice as many as there are
    ],
)
def test_overlap_and_f1(named, iou, f1, alpha):
    assert _score(named, [_cube(0), _cube(3)], alpha) == pytest.approx(alpha * iou + (1 - alpha) * f1)


def test_matching_is_the_best_one_and_not_greedy():
    """The first box overlaps both objects; greedily it would take the nearer one and leave the second box alone."""
    named, right = [_cube(0.4), _cube(1.0)], [_cube(0), _cube(0.6)]
    iou = [[(1 - abs(a - b)) / (1 + abs(a - b)) if abs(a - b) < 1 else 0 for b in (0, 0.6)] for a in (0.4, 1.0)]
    best = max(sum(iou[i][j] for i, j in enumerate(order)) for order in itertools.permutations(range(2)))
    assert _score(named, right, alpha=1.0) == pytest.approx(best / 2)


def test_angles_turn_about_x_then_y_then_z_in_half_turns():
    _, boxes = read_boxes(json.dumps([_cube(0, turn=(0.1, -0.3, 0.7))]))
    x, y, z = (
        Rotation.from_rotvec(np.pi * angle * axis) for angle, axis in zip((0.1, -0.3, 0.7), np.eye(3), strict=True)
    )
    assert np.allclose(boxes.rotations[0].T, (z * y * x).as_matrix())
    flat = {"bbox_3d": [0, 0, 5, 4, 1, 1, 0, 0, 0], "label": "a"}
    upright = {"bbox_3d": [0, 0, 5, 1, 4, 1, 0, 0, 0.5], "label": "a"}
    assert _score([flat], [upright]) == pytest.approx(1.0)


def test_only_for_answers_that_are_boxes():
    reply = f"<think>x</think><answer>{ANSWER}</answer>"
    assert detection_reward([reply] * 3, [ANSWER, "B", "[unclear]"]) == [pytest.approx(1.0), None, None]
    assert detection_reward(["", "<answer>none</answer>", "<answer>[]</answer>"], [ANSWER] * 3) == [0.0] * 3
    assert detection_reward(["<answer>[]</answer>", reply], ["[]"] * 2) == [1.0, 0.0]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 9_000,
        "[" * 900_000,
        '[{"bbox_3d":' * 500,
        "```[" * 2_000,
        ANSWER[:-1],
        "{}",
        "3",
        "null",
        '["bbox_3d"]',
        '[{"label": "printer"}]',
        '[{"bbox_3d": [1, 2], "label": "printer"}]',
        '[{"bbox_3d": ["a", 0, 0, 1, 1, 1, 0, 0, 0], "label": "printer"}]',
        json.dumps([{"bbox_3d": [[0] * 9] * 2, "label": "printer"}]),
        '[{"bbox_3d": [%s, 0, 0, 1, 1, 1, 0, 0, 0], "label": "printer"}]' % ("9" * 400),
        '[{"bbox_3d": [%s, 0, 0, 1, 1, 1, 0, 0, 0], "label": "printer"}]' % ("9" * 5000),
        json.dumps([{"bbox_3d": [float("nan")] * 9, "label": "printer"}]),
        json.dumps([{"bbox_3d": [float("inf")] * 9, "label": "printer"}]),
        json.dumps([{"bbox_3d": [0, 0, 2, -9, 9, 9, 0, 0, 0], "label": "printer"}]),
        json.dumps([{"bbox_3d": [0, 0, 2, 1e300, 1e300, 1e300, 1e308, 0, 0], "label": "printer"}]),
        json.dumps(PRINTERS * 100),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_list_of_boxes_earns_nothing(text):
    assert detection_score(text, ANSWER) == 0.0


def test_everything_is_a_box_does_not_pay():
    """One box round the whole scene, of every label, is worse than an honest box 0.3 m off."""
    everything = [{**PRINTERS[0], "bbox_3d": [0, 0, 2, 20, 20, 20, 0, 0, 0]}] * 4
    near = [{**box, "bbox_3d": [box["bbox_3d"][0] + 0.2, *box["bbox_3d"][1:]]} for box in PRINTERS]
    assert _score(everything, PRINTERS) < 0.01 < 0.3 < _score(near, PRINTERS)
