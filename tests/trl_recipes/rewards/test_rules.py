import math
import pickle

import pytest

from trl_recipes.rewards import answer_reward, format_reward, scale_reward

GOOD = "<think>2 < 3</think><semantics>cup</semantics><scale>62 cm</scale><answer>B</answer>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, 1.0),
        (GOOD.replace("><", ">\n <"), 1.0),
        ("<think></think><semantics></semantics><scale></scale><answer></answer>", 1.0),
        ("So: " + GOOD, 0.0),
        (GOOD + " I am sure.", 0.0),
        (GOOD.replace("<scale>62 cm</scale>", ""), 0.0),
        (GOOD + "<answer>A</answer>", 0.0),
        (GOOD.replace("2 < 3", "<answer>A</answer>"), 0.0),
        (GOOD.replace("</think><semantics>", "<semantics></think>"), 0.0),
        ("<answer>B</answer><scale>1</scale><semantics>cup</semantics><think>a</think>", 0.0),
        ("</think><think>" + GOOD, 0.0),
        ("", 0.0),
    ],
)
def test_format(text, expected):
    assert format_reward([text]) == [expected]


def test_completions_may_be_messages():
    assert format_reward([[{"role": "assistant", "content": GOOD}]]) == [1.0]


@pytest.mark.parametrize(
    ("reply", "answer", "options", "unit", "expected"),
    [
        ("B", "B", ["cup", "bowl"], "", 1.0),
        ("bowl", "B", ["cup", "bowl"], "", 1.0),
        ("A", "B", ["cup", "bowl"], "", 0.0),
        ("A B", "B", ["cup", "bowl"], "", 0.0),
        ("5", "5", [], "", 1.0),
        ("9", "10", [], "", 0.8),  # off by a tenth: below 8 of the thresholds .5, .45, …, .05
        ("12.4", "10", [], "cm", 0.6),  # off by 0.24
        ("15", "10", [], "cm", 0.0),
        ("0.1 m", "10", [], "cm", 1.0),
        ("nan", "10", [], "cm", 0.0),
        ("inf", "10", [], "cm", 0.0),
        ("1e999", "10", [], "cm", 0.0),
        ("", "10", [], "cm", 0.0),
    ],
)
def test_answer(reply, answer, options, unit, expected):
    [reward] = answer_reward([f"<think>x</think><answer>{reply}</answer>"], [answer], [options], [unit])
    assert reward == pytest.approx(expected)


def test_answer_counts_only_inside_its_one_tag():
    replies = ["B", "<answer>A</answer><answer>B</answer>", "<answer>B", "</answer>B<answer>"]
    assert answer_reward(replies, ["B"] * 4, [["cup", "bowl"]] * 4, [""] * 4) == [0.0] * 4


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("62 cm", 1.0),
        ("62", 1.0),
        ("0.62 m", 1.0),
        ("620 millimetres", 1.0),
        ("31 cm", 0.5),
        ("93 cm", 0.5),
        ("124 cm", 0.0),
        ("62 m", 0.0),
        ("-62 cm", 0.0),
        ("none", 0.0),
        ("1e300 km", 0.0),
    ],
)
def test_scale(reply, expected):
    [reward] = scale_reward([f"<scale>{reply}</scale>"], [{"scale_value": 62.0, "scale_unit": "cm"}])
    assert reward == pytest.approx(expected)


def test_scale_does_not_apply_without_anchor():
    assert scale_reward(["<scale>3 m</scale>"], [{"scale_value": None, "scale_unit": None}]) == [None]


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "<answer>" * 100_000,
        "<think>" + "<" * 1_000_000 + "</think>",
        "<answer>" + "9" * 1_000_000 + "</answer>",
        "<answer>" + "1e" * 500_000 + "</answer><scale>" + "9" * 1_000_000 + "</scale>",
        "<scale>\ud800</scale><answer>\x00</answer>",
        "<scale>٣ m</scale><answer>²</answer>",
    ],
    ids=["long", "open tags", "brackets", "digits", "exponents", "surrogate", "other digits"],
)
def test_hostile_replies_neither_raise_nor_leave_the_range(text):
    rewards = format_reward([text]) + scale_reward([text], [{"scale_value": 62.0, "scale_unit": "cm"}])
    for answer, options in (("10", []), ("B", ["cup", "bowl"])):
        rewards += answer_reward([text], [answer], [options], [""])
    assert all(math.isfinite(reward) and 0 <= reward <= 1 for reward in rewards)


def test_rewards_are_picklable():
    for reward in (format_reward, answer_reward, scale_reward):
        assert pickle.loads(pickle.dumps(reward)) is reward
