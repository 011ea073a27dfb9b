"""What a step asks: the curriculum, the weakness of tasks, and the order of later epochs."""

import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from trl.trainer.utils import RepeatSampler

from trl_recipes.sampling import EpochSampler, QuestionDraws, ease_of_margins, task_names
from trl_recipes.selective_grpo import join_groups


def _questions(rows):
    """Make questions of (task, scale, margins)."""
    tasks, scales, margins = zip(*rows, strict=True)
    provenance = [json.dumps({"margins": one}) if one is not None else "{}" for one in margins]
    return Dataset.from_dict({"task": tasks, "scale": scales, "provenance": provenance})


def test_ease_ranks_a_margin_among_those_of_its_kind():
    """Metres on a table say nothing beside metres from a drone, nor a share beside metres."""
    rows = [
        ("size", "tabletop", {"to_spare_m": 0.01}),
        ("size", "tabletop", {"to_spare_m": 0.05}),
        ("size", "drone", {"to_spare_m": 5.0}),
        ("size", "drone", {"to_spare_m": 90.0}),
        ("size", "drone", {"to_spare_share": 0.2}),
        ("count", "drone", {"to_spare_m": 7.0}),
    ]
    assert ease_of_margins(_questions(rows)).tolist() == [0.25, 0.75, 0.25, 0.75, 0.5, 0.5]


def test_the_least_margin_of_a_question_counts_and_none_is_middling():
    rows = [
        ("route", "indoor", {"gap_m": 1.0, "turn_deg": 5.0}),
        ("route", "indoor", {"gap_m": 2.0, "turn_deg": 4.0}),
        ("route", "indoor", {"gap_m": 3.0, "turn_deg": 9.0}),
        ("route", "indoor", {}),
        ("route", "indoor", None),
    ]
    assert ease_of_margins(_questions(rows)).tolist() == pytest.approx([1 / 6, 1 / 6, 5 / 6, 0.5, 0.5])


def test_equal_margins_are_equally_easy():
    ease = ease_of_margins(_questions([("size", "indoor", {"frames": 2})] * 4))
    assert len(set(ease.tolist())) == 1


def test_margins_of_real_questions_are_read(questions):
    ease = ease_of_margins(questions)
    assert ease.shape == (len(questions),) and 0 < ease.min() < 0.5 < ease.max() < 1
    assert set(task_names(questions)) <= set(questions.features["task"].names)


def test_a_curriculum_begins_with_the_easiest_fifth_and_ends_with_all():
    ease = np.random.default_rng(0).permutation(100) / 100
    draws = QuestionDraws(100, seed=0, ease=ease, curriculum=0.5)
    for progress, count in ((0.0, 20), (0.25, 60), (0.5, 100), (1.0, 100)):
        asked = {row for step in range(200) for row in draws.rows(step, 0, 10, progress)}
        assert asked == set(np.argsort(-ease)[:count].tolist())


def test_a_step_asks_different_questions_while_there_are_enough():
    draws = QuestionDraws(30, seed=1, ease=np.arange(30), curriculum=1.0)
    assert len(set(draws.rows(0, 0, 6, 0.0))) == 6
    assert len(draws.rows(0, 0, 10, 0.0)) == 10 and len(set(draws.rows(0, 0, 10, 0.0))) <= 6


def test_draws_depend_on_seed_step_and_attempt_alone():
    first, second = QuestionDraws(50, seed=3), QuestionDraws(50, seed=3)
    for step in range(5):
        first.rows(step, 0, 4, 0.0)
    assert first.rows(9, 2, 4, 0.5) == second.rows(9, 2, 4, 0.5)
    others = [QuestionDraws(50, seed=4).rows(9, 2, 4, 0.5), second.rows(8, 2, 4, 0.5), second.rows(9, 1, 4, 0.5)]
    assert all(other != first.rows(9, 2, 4, 0.5) for other in others)


def test_weak_tasks_are_asked_as_much_more_as_they_are_weaker():
    tasks = ["right"] * 50 + ["half"] * 50 + ["wrong"] * 50
    draws = QuestionDraws(150, seed=0, tasks=tasks)
    draws.observe([0, 50, 100], [1.0, 0.5, 0.0])
    asked = Counter(tasks[draws.rows(step, 0, 1, 0.0)[0]] for step in range(4000))
    # 0.1, the least, to 0.5 to 1.
    assert asked["half"] / asked["wrong"] == pytest.approx(0.5, abs=0.06)
    assert asked["right"] / asked["wrong"] == pytest.approx(0.1, abs=0.03)


def test_scores_follow_the_last_replies_and_unasked_tasks_weigh_most():
    draws = QuestionDraws(3, seed=0, tasks=["a", "a", "b"])
    draws.observe([0, 1], [1.0, 0.5])
    assert draws.scores == {"a": pytest.approx(0.75)}
    draws.observe([0], [0.25])
    assert draws.scores == {"a": pytest.approx(0.25 + 0.8 * 0.5)}
    assert draws.weights(0.0).tolist() == pytest.approx([0.35, 0.35, 1.0])
    draws.observe([2], [7.0])
    assert draws.scores["b"] == 1.0


def test_scores_come_back_from_the_state_of_a_checkpoint():
    draws = QuestionDraws(2, seed=0, tasks=["a", "b"])
    draws.observe([0], [0.5])
    saved = json.loads(json.dumps(draws.state()))
    other = QuestionDraws(2, seed=0, tasks=["a", "b"])
    other.on_train_begin(None, SimpleNamespace(stateful_callbacks={"QuestionDraws": saved}), None)
    assert other.scores == {"a": 0.5}
    assert other.rows(1, 0, 2, 0.0) == draws.rows(1, 0, 2, 0.0)


def test_a_later_epoch_has_the_order_that_it_has_without_the_ones_before():
    def sampler():
        return EpochSampler(RepeatSampler(range(7), mini_repeat_count=2, batch_size=3, repeat_count=2, seed=5), 5)

    whole, resumed = sampler(), sampler()
    epochs = []
    for epoch in range(3):
        whole.set_epoch(epoch)
        epochs.append(list(whole))
    resumed.set_epoch(2)
    assert list(resumed) == epochs[2] and epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] == list(RepeatSampler(range(7), mini_repeat_count=2, batch_size=3, repeat_count=2, seed=5))
    assert len(whole) == len(epochs[0])


def test_joined_groups_are_padded_on_the_sides_that_they_had():
    pad = 9
    short = {
        "prompt_ids": torch.tensor([[1, 2]]),
        "prompt_mask": torch.tensor([[1, 1]]),
        "completion_ids": torch.tensor([[3, 4, 5]]),
        "completion_mask": torch.tensor([[1, 1, 1]]),
        "advantages": torch.tensor([0.5]),
        "old_per_token_logps": torch.tensor([[-1.0, -2.0, -3.0]]),
        "features": [{"a": 1}],
    }
    long = {
        "prompt_ids": torch.tensor([[6, 7, 8]]),
        "prompt_mask": torch.tensor([[1, 1, 1]]),
        "completion_ids": torch.tensor([[3]]),
        "completion_mask": torch.tensor([[1]]),
        "advantages": torch.tensor([-0.5]),
        "old_per_token_logps": torch.tensor([[-4.0]]),
        "features": [{}],
    }
    joined = join_groups([short, long], pad)
    assert joined["prompt_ids"].tolist() == [[9, 1, 2], [6, 7, 8]]
    assert joined["prompt_mask"].tolist() == [[0, 1, 1], [1, 1, 1]]
    assert joined["completion_ids"].tolist() == [[3, 4, 5], [3, 9, 9]]
    assert joined["completion_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert joined["old_per_token_logps"].tolist() == [[-1.0, -2.0, -3.0], [-4.0, 0.0, 0.0]]
    assert joined["advantages"].tolist() == [0.5, -0.5] and joined["features"] == [{"a": 1}, {}]
