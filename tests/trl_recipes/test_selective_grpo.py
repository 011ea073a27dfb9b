"""Groups that teach nothing are asked anew; what a step asks follows from its number, the seed and the scores."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from video_prompts import VIDEOS, curves, load_videos, make_trainer, training_logps

from trl_recipes.sampling import QuestionDraws
from trl_recipes.selective_grpo import SelectiveGRPOTrainer

SOLVED = 2  # and above: the prompts whose replies all earn the same


def mixed_reward(scale, **_):
    """Reward one of the two replies to the prompts below SOLVED, and both to the others."""
    return [float(place % 2) if number < SOLVED else 1.0 for place, number in enumerate(scale)]


def parity_reward(completion_ids, **_):
    return [float(sum(ids) % 2) for ids in completion_ids]


@pytest.fixture(scope="module")
def videos(questions, frames):
    return load_videos(questions, frames)


@pytest.fixture
def make(model_dir, videos, tmp_path):
    return partial(make_trainer, SelectiveGRPOTrainer, model_dir, videos, tmp_path)


def _rollout(trainer, places):
    """Let a trainer answer prompts, as the first step of a training."""
    trainer.model.train()
    trainer.state.max_steps, trainer.current_gradient_accumulation_steps = 1, 1
    return trainer._generate_and_score_completions([trainer.train_dataset[place] for place in places for _ in "ab"])


def _asked(trainer, batch):
    texts = trainer.processing_class.tokenizer.batch_decode(batch["prompt_ids"])
    return [next(place for place in range(len(VIDEOS)) if f"{place}: what" in text) for text in texts]


def test_groups_without_a_lesson_are_replaced(make):
    draws = QuestionDraws(len(VIDEOS), seed=0)
    settings = {"steps_per_generation": 2, "per_device_train_batch_size": 4, "beta": 0.1}
    trainer = make(settings=settings, draws=draws, resample_rounds=20, reward_funcs=[mixed_reward])
    batch = _rollout(trainer, [2, 0, 3, 2])
    asked = _asked(trainer, batch)
    assert len(asked) == 8 and set(asked) <= {0, 1} and asked[0] == 0
    assert asked[::2] == asked[1::2]
    assert (batch["advantages"].view(-1, 2) * torch.tensor([-1, 1]) > 0.5).all()
    assert [len(row.get("video_grid_thw", ())) for row in batch["features"]] == [len(VIDEOS[place]) for place in asked]
    # Joined from rollouts of different lengths, a batch still computes what each of them did.
    mask = batch["completion_mask"].bool()
    assert batch["num_items_in_batch"] == mask.sum()
    now = training_logps(trainer, batch)
    torch.testing.assert_close(now[mask], batch["old_per_token_logps"][mask], atol=1e-4, rtol=0)
    torch.testing.assert_close(now[mask], batch["ref_per_token_logps"][mask], atol=1e-4, rtol=0)
    assert trainer._metrics["train"]["sampling/teaching_groups"] == [1.0]
    assert trainer._metrics["train"]["sampling/rounds"][0] >= 2


def test_a_batch_that_teaches_is_left_alone(make):
    trainer = make(draws=QuestionDraws(4, seed=0), resample_rounds=3, reward_funcs=[mixed_reward])
    assert _asked(trainer, _rollout(trainer, [1, 0])) == [1, 1, 0, 0]
    assert trainer._metrics["train"]["sampling/rounds"] == [1.0]


def test_where_nothing_teaches_the_first_replies_stay(make):
    def always(completions, **_):
        return [0.5] * len(completions)

    trainer = make(draws=QuestionDraws(4, seed=0), resample_rounds=2, reward_funcs=[always])
    batch = _rollout(trainer, [3, 2])
    assert _asked(trainer, batch) == [3, 3, 2, 2]
    assert batch["advantages"].abs().max() < 1e-3
    assert trainer._metrics["train"]["sampling/rounds"] == [3.0]
    assert trainer._metrics["train"]["sampling/teaching_groups"] == [0.0]


def test_weakness_and_curriculum_choose_the_questions_of_a_step(make):
    draws = QuestionDraws(4, seed=0, tasks=["a", "a", "b", "b"], ease=[0.1, 0.2, 0.3, 0.9], curriculum=1.0)
    trainer = make(draws=draws, reward_funcs=[mixed_reward])
    batch = _rollout(trainer, [0, 1])
    assert _asked(trainer, batch) == [3] * 4  # the easiest fifth of four is one
    assert draws.scores == {"b": 1.0}


def test_an_evaluation_asks_what_it_is_given(make):
    trainer = make(draws=QuestionDraws(4, seed=0, tasks=list("abcd")), resample_rounds=2, reward_funcs=[mixed_reward])
    trainer.model.eval()
    rows = [trainer.train_dataset[place] for place in (3, 3, 2, 2)]
    assert _asked(trainer, trainer._generate_and_score_completions(rows)) == [3, 3, 2, 2]


def test_a_resumed_run_asks_what_it_would_have_asked(make, tmp_path):
    settings = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2, "learning_rate": 1e-3, "beta": 0.1}

    def build():
        draws = QuestionDraws(4, seed=0, tasks=list("abca"), ease=[0.1, 0.2, 0.3, 0.4], curriculum=0.5)
        return make(settings=settings, draws=draws, resample_rounds=2, reward_funcs=[parity_reward]), draws

    whole, first = build()
    whole.train()
    resumed, second = build()
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    expected = curves(whole, 2)
    assert {step for step, _ in expected} == {3, 4} and (3, "sampling/rounds") in expected
    for key, value in curves(resumed, 2).items():
        assert value == pytest.approx(expected[key], abs=1e-5), key
    assert second.scores == pytest.approx(first.scores) and len(first.scores) > 1


def test_groups_that_processes_share_cannot_be_exchanged(make):
    draws = QuestionDraws(4, seed=0)
    trainer = make(settings={"num_generations": 4}, draws=draws, reward_funcs=[parity_reward])
    trainer.args.per_device_train_batch_size = 2  # the part of each of two processes
    with pytest.raises(ValueError, match="got 2 replies for num_generations 4"):
        SelectiveGRPOTrainer(trainer.model, args=trainer.args, draws=draws, resample_rounds=1, load_video=None)


@pytest.mark.slow
def test_two_processes_exchange_groups_and_agree_on_the_scores(data_dir, model_dir, tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    script = str(Path(__file__).with_name("selective_processes.py"))
    environment = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    argv = [script, str(data_dir), str(model_dir), str(tmp_path)]
    done = subprocess.run([*launch, *argv], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert first["processes"] == second["processes"] == 2
    # All of what is learned from is the one question that teaches, on both; they asked as often and saw the same.
    assert first["asked"] == second["asked"] == [0] * 4
    assert all(abs(value) > 0.5 for one in (first, second) for value in one["advantages"])
    for name in ("rounds", "teaching", "scores", "tokens_of_all"):
        assert first[name] == second[name]
    assert first["tokens_of_all"] == first["tokens"] + second["tokens"]
    assert first["rounds"][0] > 1 and first["teaching"] == [1.0]
