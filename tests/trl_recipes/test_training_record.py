import json
from types import SimpleNamespace

import pytest
from datasets import Dataset
from trl import SFTConfig

from trl_recipes.arguments import RecipeArguments
from trl_recipes.training_record import MAX_HISTORY, record_stage


@pytest.fixture
def trainer(tmp_path):
    """What `record_stage` reads of a trainer, after 1,000 logged steps."""
    log = [{"step": step, "loss": 1 / step, "grad_norm": 1.0, "rewards/x/std": 0.1} for step in range(1, 1001)]
    out = tmp_path / "out"
    out.mkdir()
    args = SFTConfig(str(out), use_cpu=True, bf16=False, learning_rate=0.5, report_to="none")
    state = SimpleNamespace(log_history=[*log, {"step": 1000, "train_runtime": 3.0}], global_step=1000)
    return SimpleNamespace(args=args, state=state, train_dataset=Dataset.from_dict({"id": list("abcdefg")}))


def _record(trainer, **recipe):
    record_stage("sft", RecipeArguments(dataset="someone/data", **recipe), trainer, seconds=1.23)
    with open(f"{trainer.args.output_dir}/training.json") as file:
        return json.load(file)["stages"]


def test_history_is_thinned_and_ends_with_the_last_step(trainer):
    [stage] = _record(trainer)
    steps = [entry["step"] for entry in stage["history"]]
    assert len(steps) <= MAX_HISTORY and steps == sorted(steps) and steps[-1] == 1000
    assert set(stage["history"][0]) == {"step", "loss"}
    assert stage["final"] == {"loss": 0.001}
    assert (stage["num_samples"], stage["steps"], stage["seconds"]) == (7, 1000, 1.2)


def test_curves_of_evaluation_and_gates_are_kept(trainer):
    trainer.state.log_history = [
        {"step": 1, "loss": 2.0, "gates/entropy": 1.3, "gates/indoor/outdoor": 0.1, "learning_rate": 1.0},
        {"step": 1, "eval_loss": 3.0, "eval_runtime": 4.0},
    ]
    [stage] = _record(trainer)
    assert stage["history"] == [{"step": 1, "loss": 2.0, "gates/entropy": 1.3}, {"step": 1, "eval_loss": 3.0}]
    assert stage["final"] == {"loss": 2.0, "gates/entropy": 1.3, "eval_loss": 3.0}


def test_arguments_are_the_recipes_and_what_differs_from_the_defaults(trainer):
    [stage] = _record(trainer, num_frames=4)
    assert (stage["arguments"]["num_frames"], stage["arguments"]["learning_rate"]) == (4, 0.5)
    assert not {"output_dir", "adam_beta1", "max_steps"} & set(stage["arguments"])


def test_stages_of_the_base_model_come_first_and_no_path_is_told(trainer, tmp_path):
    base = tmp_path / "cold"
    base.mkdir()
    (base / "training.json").write_text(json.dumps({"stages": [{"stage": "earlier"}]}))
    first, second = _record(trainer, model_name_or_path=str(base))
    assert first == {"stage": "earlier"} and second["base_model"] == "cold"
    assert str(tmp_path) not in json.dumps(second)
