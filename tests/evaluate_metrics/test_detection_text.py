"""Boxes in free text: what a careful reader takes from a reply, and what no text may do."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from evaluate_metrics.detection_text import are_boxes, f1, format_boxes, parse_boxes, read_boxes
from evaluate_metrics.scoring import score

CUP = '{"bbox_3d": [0.1, 0, 2, 1, 1, 1, 0, 0.5, 0], "label": "cup"}'
BED = '{"bbox_3d": [-1, 1, 3.5, 2, 0.5, 1.5, 0.1, 0.25, 0], "label": "bed"}'
TABLE_23 = """```
[
  {"bbox_3d": [-0.16, 0.12, 1.56, 0.44, 0.51, 0.41, 0.11, 0.28, 0.05], "label": "printer"},
  {"bbox_3d": [0.40, -0.02, 1.96, 0.45, 0.51, 0.36, 0.11, 0.27, 0.05], "label": "printer"}
]
```"""


def labels(text):
    found = parse_boxes(text)
    return None if found is None else found.labels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TABLE_23, ["printer", "printer"]),
        (f"[{CUP}, {BED}]", ["cup", "bed"]),
        (f"```json\n[{CUP},\n {BED}]\n```", ["cup", "bed"]),
        (f"There is a cup: [{CUP}]. I hope this helps.", ["cup"]),
        (f"Here they are:\n```\n[{CUP}]\n```\nThe box is in metres.", ["cup"]),
        (f"<think>Maybe [{BED}]</think><answer>[{CUP}]</answer>", ["cup"]),
        (f"<think>unclear</think>[{CUP}]", ["cup"]),
        (f'{{"objects": [{CUP}, {BED}]}}', ["cup", "bed"]),
        (CUP, ["cup"]),
        (f"1. {CUP}\n2. {BED}", ["cup", "bed"]),
        (f"[{CUP}, {BED},]", ["cup", "bed"]),
        (f"[{CUP}\n{BED}]", ["cup", "bed"]),
        (f"[{CUP}]".replace("'", '"').replace('"', "'"), ["cup"]),
        # The same list twice is one claim; two that differ are none.
        (f"[{CUP}] As said: [{CUP}]", ["cup"]),
        (f"[{CUP}] or rather [{BED}]", None),
        (f"[{CUP}] and {BED}", None),
        # Cut off: whole boxes count, the last one if only brackets are missing.
        (f"[{CUP}, {BED}", ["cup", "bed"]),
        (f"[{CUP}, {BED[:-1]}", ["cup", "bed"]),
        (f"```json\n[{CUP}, {BED[:-1]}\n```", ["cup", "bed"]),
        (f"[{CUP}, {BED[:-2]}", ["cup"]),
        (f"[{CUP}, {BED[:30]}", ["cup"]),
        (f"[{CUP}, ", ["cup"]),
        ('[{"label": "cup", "bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0.25, 0]', ["cup"]),
        ('[{"label": "cup", "bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0.25, 0', None),  # may go on as 0.1
        ("[", None),
        # Nothing found is an answer; no answer is none.
        ("[]", []),
        ("```json\n[]\n```", []),
        ("I see no cup.", None),
        ("", None),
        ("[1, 2, 3]", None),
        ('{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0]}', None),
        ('[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0], "label": "a {red} cup"}]', ["{red} cup"]),
        # Names as words: no article, no case.
        (CUP.replace("cup", "The Cup."), ["cup"]),
    ],
)
def test_what_a_careful_reader_takes(text, expected):
    assert labels(text) == expected


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e7", "9" * 5000, "null", "[1]"])
def test_what_is_no_measure_is_no_box_but_counts_as_found(number):
    for text in (f"[{CUP}, {BED.replace('3.5', number)}]", f"They are [{CUP}, {BED.replace('3.5', number)}]."):
        found = parse_boxes(text)
        assert found.labels == ["cup", "bed"]
        assert found.boxes.valid().tolist() == [True, False]


@pytest.mark.parametrize("numbers", [[], [1] * 8, [1] * 10])
def test_a_box_has_nine_numbers(numbers):
    found = parse_boxes(f"[{CUP}, {json.dumps({'bbox_3d': numbers, 'label': 'bed'})}]")
    assert found.boxes.valid().tolist() == [True, False]


def test_the_strict_reader_takes_the_format_and_nothing_else():
    assert read_boxes(TABLE_23).labels == ["printer", "printer"]
    for text in (f"A cup: [{CUP}]", f"[{CUP},]", f"[{CUP}, {BED[:-1]}", CUP.replace('"', "'"), ""):
        assert read_boxes(text) is None
    assert are_boxes(f" [{CUP}]") and not are_boxes("B") and not are_boxes("[1, 2]")


def test_angles_are_half_turns_about_fixed_axes_x_first():
    found = parse_boxes('[{"bbox_3d": [1, 2, 3, 2, 1, 0.5, 0.5, 0.25, -0.1], "label": "cup"}]')
    turn = np.eye(3)
    for axis, angle in zip("xyz", (90, 45, -18), strict=True):
        turn = Rotation.from_euler(axis, angle, degrees=True).as_matrix() @ turn
    corners = {tuple(row) for row in found.boxes.corners()[0].round(9)}
    signs = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    expected = signs * [1, 0.5, 0.25] @ turn.T + [1, 2, 3]
    assert corners == {tuple(row) for row in expected.round(9)}


def random_boxes(seed, count=5):
    rng = np.random.default_rng(seed)
    turns = Rotation.random(count, random_state=rng).as_matrix()
    return Boxes(rng.normal(size=(count, 3)), rng.uniform(0.2, 2, (count, 3)), turns)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_boxes_written_are_the_boxes_read(seed):
    boxes = random_boxes(seed)
    text = format_boxes(list("bcdef"), boxes, decimals=12)
    for found in (read_boxes(text), parse_boxes(f"Well: {text}")):
        assert found.labels == ["b", "c", "d", "e", "f"]
        assert np.diag(pairwise_iou(found.boxes, boxes)) == pytest.approx(np.ones(5), abs=1e-9)


def test_boxes_that_point_straight_up_are_written_without_a_warning(recwarn):
    turn = Rotation.from_euler("xyz", [30, 90, 0], degrees=True).as_matrix().T
    boxes = Boxes(np.zeros((1, 3)), np.array([[1.0, 2, 3]]), turn[None])
    assert pairwise_iou(read_boxes(format_boxes(["a"], boxes, 12)).boxes, boxes)[0, 0] == pytest.approx(1, abs=1e-9)
    assert not recwarn.list


_PIECES = ["[", "]", "{", "}", ",", ":", '"', "'", "```", "```json\n", "<answer>", "</answer>", "<think>", "\n", " "]
_PIECES += ['"bbox_3d"', '"label"', "[0, 0, 2, 1, 1, 1, 0, 0, 0]", "NaN", "1e999", "-", "\\", "\u2028", "\x00", CUP]
_PIECES += [BED, '"cup"', "__import__('os')", "\ud800", "١"]


@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=40).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(text):
    found = parse_boxes(text)
    if found is not None:
        assert len(found.labels) == len(found.boxes.centers) == len(found.boxes.valid())
        if found.labels:
            assert "bbox_3d" in text
    strict = read_boxes(text)
    if strict is not None and text.startswith("["):
        assert found.labels == strict.labels


@given(st.integers(0, 4), st.data())
@settings(max_examples=200, deadline=None)
def test_a_cut_never_invents_a_box(count, data):
    text = format_boxes(list("vwxyz")[:count], random_boxes(count, count))
    found = parse_boxes(text[: data.draw(st.integers(0, len(text)))])
    whole = read_boxes(text)
    if found is not None:
        kept = len(found.labels)
        assert found.labels == whole.labels[:kept]
        assert np.array_equal(found.boxes.centers, whole.boxes.centers[:kept])
        assert np.array_equal(found.boxes.rotations, whole.boxes.rotations[:kept])


HOSTILE = {
    "braces": "{",
    "brackets": "[",
    "boxes": CUP,
    "separate boxes": CUP + " x ",
    "openings": '{"bbox_3d": [',
    "lists": f"[{CUP}]",
    "far brackets": "[" + " " * 1000 + CUP,
    "commas": '{"bbox_3d": 1, "label"' + "," * 1000,
    "answers": "<answer>",
    "fences": "```json",
    "spaces": " ",
    "digits": "1",
    "empty lists": "[ ",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("frame", ["{}", '[{{"bbox_3d": [{}], "label": "cup"}}]'])
def test_a_megabyte_takes_linear_time(name, frame):
    def seconds(size):
        text = frame.format(HOSTILE[name] * (size // len(HOSTILE[name])))
        start = time.process_time()
        parse_boxes(text)
        return time.process_time() - start

    assert seconds(1_000_000) < 5
    # Linear time is 16 times as long, quadratic time 256 times; short times say nothing.
    assert seconds(1_000_000) < 64 * max(seconds(62_500), 0.01)


def test_the_score_is_f1_by_label():
    right = read_boxes(f"[{CUP}, {BED}]")
    assert f1(right, right) == 1
    assert f1(read_boxes(f"[{CUP}]"), right) == pytest.approx(2 / 3)
    assert f1(read_boxes(f"[{CUP}, {CUP}, {BED}]"), right) == pytest.approx(4 / 5)
    assert f1(read_boxes(f"[{CUP.replace('cup', 'bed')}]"), right) == 0
    assert f1(read_boxes("[]"), right) == 0
    assert f1(read_boxes("[]"), read_boxes("[]")) == 1


def test_a_question_whose_answer_is_boxes_is_scored_by_their_overlap():
    record = {"answer_type": "free_form", "answer": f"[{CUP}, {BED}]", "unit": "", "options": []}
    assert score(record, f"I see <answer>[{BED},\n{CUP}]</answer>").value == 1
    cut = score(record, f"[{CUP}, {BED[:20]}")
    assert cut.value == pytest.approx(2 / 3)
    assert json.loads(cut.parsed)[0]["label"] == "cup"
    assert score(record, "no idea") == (None, 0.0, None)
    assert score(record, f"[{CUP.replace('0.1', 'NaN')}]").value == 0
    words = {"answer_type": "free_form", "answer": "red box", "unit": "", "options": []}
    assert score(words, "The red box.").value == 1
