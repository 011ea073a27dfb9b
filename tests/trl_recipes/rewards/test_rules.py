import math
import pickle

import pytest

from dataset_builders.taxonomy import ANSWER_TYPES
from evaluate_metrics import mean_relative_accuracy
from trl_recipes.rewards import answer_reward, format_reward, scale_reward

GOOD = "<think>2 < 3</think><semantics>cup</semantics><scale>62 cm</scale><answer>B</answer>"


def _answer(reply, answer, kind, options=(), unit="", **settings):
    [reward] = answer_reward([f"<answer>{reply}</answer>"], [answer], [kind], [list(options)], [unit], **settings)
    return reward


def test_format():
    assert format_reward([GOOD, "So: " + GOOD, GOOD.replace("<scale>62 cm</scale>", ""), ""]) == [1.0, 0.0, 0.0, 0.0]


def test_completions_may_be_messages():
    assert format_reward([[{"role": "assistant", "content": GOOD}]]) == [1.0]


@pytest.mark.parametrize(("reply", "expected"), [("B", 1.0), ("bowl", 1.0), ("A", 0.0), ("A B", 0.0), ("", 0.0)])
def test_choice_is_exact(reply, expected):
    assert _answer(reply, "B", "multiple_choice", ["cup", "bowl"]) == expected


@pytest.mark.parametrize(
    ("reply", "unit", "expected"),
    [
        ("10", "", 1.0),
        ("9", "", 0.8),  # off by a tenth: below 8 of the thresholds .5, .45, …, .05
        ("12.4", "cm", 0.6),  # off by 0.24
        ("15", "cm", 0.0),
        ("0.1 m", "cm", 1.0),
        ("10 m", "cm", 0.0),
        ("nan", "cm", 0.0),
        ("1e999", "cm", 0.0),
    ],
)
def test_number_is_scored_by_thresholds_after_conversion(reply, unit, expected):
    assert _answer(reply, "10", "regression", unit=unit) == pytest.approx(expected)


@pytest.mark.parametrize("said", [10, 9.99, 9.2, 7.1, 5.01, 5, 4, 14.9, 15.1, -10])
def test_smooth_variant(said):
    smooth = _answer(f"{said} cm", "10", "regression", unit="cm", smooth=True)
    assert smooth == pytest.approx(max(0, 1 - 2 * abs(said - 10) / 10))
    assert _answer(f"{said} cm", "10", "regression", unit="cm") == mean_relative_accuracy(said, 10)


@pytest.mark.parametrize(
    ("reply", "answer", "expected"),
    [
        ("the red box", "red box", 1.0),
        ("red", "red box", 0.0),
        ("Turn left, walk to the door and stop.", "turn left, walk to the door and stop", 1.0),
        ("turn right, walk to the door and stop", "turn left, walk to the door and stop", 7 / 8),
        ("7", "7", 1.0),  # what a record calls words is compared as words
        ("7.1", "7", 0.0),
        ('[{"bbox_3d": [0.5, 0, 2, 1, 1, 1, 0, 0, 0], "label": "cup"}]',) * 2 + (1.0,),
        (
            '[{"bbox_3d": [0.5, 0, 2, 1, 1, 1, 0, 0, 0], "label": "cup"}]',
            '[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0], "label": "cup"}]',
            0.5 / 3 + 0.5,
        ),
    ],
)
def test_words_and_boxes(reply, answer, expected):
    assert _answer(reply, answer, "free_form") == pytest.approx(expected)


def test_the_answer_type_decides_by_name_or_by_number():
    """ "B" is a letter, or a word; "3" a number, or a word."""
    for kind, rewards in (("regression", [0.8, 0.0]), ("free_form", [0.0, 1.0])):
        for asked in (kind, ANSWER_TYPES.index(kind)):
            assert [_answer(reply, "10", asked) for reply in ("9", "10.")] == [rewards[0], 1.0]
    with pytest.raises(ValueError, match="answer_type must be one of .*, got 'essay'"):
        _answer("B", "B", "essay")
    with pytest.raises(ValueError, match="got 3"):
        _answer("B", "B", 3)


def test_answer_counts_only_inside_its_one_tag():
    replies = ["B", "<answer>A</answer><answer>B</answer>", "<answer>B", "</answer>B<answer>"]
    columns = {"answer_type": [1] * 4, "options": [["cup", "bowl"]] * 4, "unit": [""] * 4}
    assert answer_reward(replies, ["B"] * 4, **columns) == [0.0] * 4


def test_rows_keep_their_places():
    rows = [
        ("B", "B", 1, ["cup", "bowl"]),
        ("9", "10", 0, []),
        ("", "10", 0, []),
        ("yes", "yes", 2, []),
        ("10", "10", 0, []),
    ]
    said, answer, kind, options = zip(*rows, strict=True)
    replies = [f"<answer>{text}</answer>" for text in said]
    assert answer_reward(replies, answer, kind, options, [""] * 5) == pytest.approx([1.0, 0.8, 0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("62 cm", 1.0),
        ("62", 1.0),
        ("0.62 m", 1.0),
        ("620 millimetres", 1.0),
        ("6.2 dm", 1.0),
        ("0.00062 km", 1.0),
        ("24.409448818897638 inches", 1.0),
        ("2 feet", 60.96 / 62),
        ("31 cm", 0.5),
        ("93 cm", 0.5),
        ("124 cm", 0.0),
        ("62 m", 0.0),
        ("62 cm²", 0.0),
        ("62 degrees", 0.0),
        ("-62 cm", 0.0),
        ("none", 0.0),
        ("1e300 km", 0.0),
    ],
)
def test_scale(reply, expected):
    [reward] = scale_reward([f"<scale>{reply}</scale>"], [{"scale_value": 62.0, "scale_unit": "cm"}])
    assert reward == pytest.approx(expected)


@pytest.mark.parametrize(
    "anchor",
    [
        None,
        {"scale_value": None, "scale_unit": None},
        *({"scale_value": v, "scale_unit": "m"} for v in (0.0, -1.0, math.nan, math.inf)),
    ],
)
def test_scale_does_not_apply_without_anchor(anchor):
    assert scale_reward(["<scale>3 m</scale>"], [anchor]) == [None]


def test_rewards_are_picklable():
    for reward in (format_reward, answer_reward, scale_reward):
        assert pickle.loads(pickle.dumps(reward)) is reward
