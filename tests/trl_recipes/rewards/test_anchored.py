import itertools
import pickle
from functools import partial

import pytest

from trl_recipes.rewards import AnchoredReward, answer_reward
from trl_recipes.rewards.anchored import COMBINATIONS

REPLY = "<think>x</think><semantics>{}</semantics><scale>{}</scale><answer>{}</answer>"


class SameText:
    """Stands in for the sentence encoder where only equality matters."""

    def similarity(self, pairs):
        return [float(first == second) for first, second in pairs]


def _columns(semantics=("cup",), scale=62.0, answer="B"):
    anchor = {"semantics": list(semantics), "scale_value": scale, "scale_unit": scale and "cm"}
    return {
        "answer": [answer],
        "answer_type": ["multiple_choice"],
        "options": [["cup", "bowl"]],
        "unit": [""],
        "anchors": [anchor],
        "prompts": [None],
    }


@pytest.mark.parametrize(
    ("combination", "rewards", "expected"),
    [
        ("progressive", (1.0, 1.0, 1.0), 1.0),
        ("progressive", (1.0, 1.0, 0.0), 0.7),
        ("progressive", (1.0, 0.0, 1.0), 0.4),
        ("progressive", (0.0, 1.0, 1.0), 0.0),
        ("progressive", (0.5, 0.5, 1.0), 0.4 * 0.5 + 0.3 * 0.25 + 0.3 * 0.25),
        ("progressive", (None, 0.5, 1.0), 0.5 * 0.5 + 0.5 * 0.5),
        ("progressive", (0.5, None, 1.0), (0.4 * 0.5 + 0.3 * 0.5) / 0.7),
        ("sum", (0.5, 0.0, 1.0), 0.4 * 0.5 + 0.3),
        ("sum", (None, 0.0, 1.0), 0.5),
        ("product", (0.5, 0.5, 1.0), 0.25),
        ("product", (None, 0.5, 1.0), 0.5),
    ],
)
def test_combination(combination, rewards, expected):
    assert AnchoredReward(SameText(), combination=combination).combine(rewards) == pytest.approx(expected)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_bounded_by_zero_and_one_and_never_better_for_a_worse_anchor(combination):
    reward = AnchoredReward(SameText(), combination=combination)
    for row in itertools.product((None, 0.0, 0.3, 1.0), (None, 0.0, 0.3, 1.0), (0.0, 0.3, 1.0)):
        total = reward.combine(row)
        assert 0.0 <= total <= 1.0
        for place, value in enumerate(row):
            if value is not None:
                assert reward.combine([*row[:place], 0.0, *row[place + 1 :]]) <= total + 1e-12


def test_earlier_anchors_are_stricter():
    """The same mistake costs more the earlier it is made (paper, below Eq. 3)."""
    reward = AnchoredReward(SameText())
    losses = [1 - reward.combine([0.5 if place == wrong else 1.0 for place in range(3)]) for wrong in range(3)]
    assert losses[0] > losses[1] > losses[2] > 0


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_equals_the_answer_reward_without_anchors(combination):
    """Of a choice, of a number between two thresholds, and of words; with and without an `anchors` struct."""
    said, right = ["B", "A", "9.3", "turn left at the red sofa"], ["B", "B", "10", "turn right at the red sofa"]
    columns = {
        "answer": right,
        "answer_type": ["multiple_choice", "multiple_choice", "regression", "free_form"],
        "options": [["cup", "bowl"], ["cup", "bowl"], [], []],
        "unit": ["", "", "cm", ""],
        "anchors": [_columns((), None)["anchors"][0]] * 3 + [None],
    }
    replies = [REPLY.format("none", "none", text) for text in said]
    for answer in (answer_reward, partial(answer_reward, smooth=True)):
        rewards = AnchoredReward(SameText(), combination=combination, answer=answer)(replies, **columns)
        assert rewards == pytest.approx(answer(replies, **columns))
        assert rewards[:2] == [1.0, 0.0] and 0 < rewards[2] < 1 and 0 < rewards[3] < 1


def test_whole_replies():
    reward = AnchoredReward(SameText())
    assert reward([REPLY.format("cup", "0.62 m", "B")], **_columns()) == pytest.approx([1.0])
    assert reward([REPLY.format("cup", "31 cm", "B")], **_columns()) == pytest.approx([0.4 + 0.15 + 0.15])
    assert reward([REPLY.format("bowl", "62 cm", "B")], **_columns()) == [0.0]


@pytest.mark.parametrize("weights", [(0.3, 0.4, 0.3), (1, 1), (1, 1, 0), (float("nan"), 1, 1), (float("inf"), 1, 1)])
def test_refuses_weights_that_increase_or_vanish(weights):
    with pytest.raises(ValueError, match="three numbers that, but for zeros, do not increase"):
        AnchoredReward(SameText(), weights)


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_a_weight_of_zero_leaves_an_anchor_out(combination):
    answer = AnchoredReward(SameText(), (0, 0, 1), combination)
    assert answer.combine((0.0, 0.0, 0.7)) == pytest.approx(0.7)
    scale = AnchoredReward(SameText(), (0, 0.5, 0.5), combination)
    assert scale.combine((0.0, 1.0, 1.0)) == 1 and scale.combine((1.0, 0.0, 1.0)) <= 0.5


def test_refuses_an_unknown_combination():
    with pytest.raises(ValueError, match="progressive, sum, product, got 'mean'"):
        AnchoredReward(SameText(), combination="mean")


def test_picklable():
    reward = pickle.loads(pickle.dumps(AnchoredReward(SameText())))
    assert reward.combine((1.0, 1.0, 0.0)) == pytest.approx(0.7)
