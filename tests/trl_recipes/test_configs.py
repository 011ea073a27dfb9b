"""Every config goes through the parser of its stage, and says what the papers say."""

from pathlib import Path

import pytest
from trl import GRPOConfig

from trl_recipes.actions.arguments import ActionArguments
from trl_recipes.arguments import (
    ExpertArguments,
    GrpoRecipeArguments,
    RouterArguments,
    SftArguments,
    parse_arguments,
)
from trl_recipes.supervised import SupervisedConfig

CONFIGS = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs"
CLASSES = {
    "sft": (SftArguments, SupervisedConfig),
    "experts": (ExpertArguments, SupervisedConfig),
    "router": (RouterArguments, SupervisedConfig),
    "grpo": (GrpoRecipeArguments, GRPOConfig),
    "actions": (ActionArguments, SupervisedConfig),
}
SIZES = ("tiny", "3b", "7b")
# Sizes of VST, and the GPUs that a config of it is for.
VST_GPUS = {"3b": 8, "7b": 8, "32b": 32}
STAGES = [path.stem for path in sorted(CONFIGS.glob("*.yaml"))]


def _parse(name, tmp_path):
    argv = [
        "--config",
        str(CONFIGS / f"{name}.yaml"),
        "--dataset",
        "someone/data",
        "--output_dir",
        str(tmp_path / "out"),
    ]
    if name.startswith("actions"):
        argv += ["--model_name_or_path", "someone/model"]
    return parse_arguments(*CLASSES[name.split("_")[0]], [*argv, "--use_cpu", "true"])


def test_every_stage_has_every_size():
    assert {f"{stage}_{size}" for stage in CLASSES for size in SIZES} <= set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_a_config_parses(name, tmp_path):
    recipe, training = _parse(name, tmp_path)
    large = not name.endswith("tiny")
    assert training.seed == 0 and training.bf16 is large and training.gradient_checkpointing is large
    assert bool(training.report_to) is large
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", ["3b", "7b"])
def test_the_cold_start_of_the_paper(size, tmp_path):
    recipe, training = _parse(f"sft_{size}", tmp_path)
    values = (training.learning_rate, training.lr_scheduler_type, training.warmup_steps, training.num_train_epochs)
    assert values == (5e-7, "cosine", 0.1, 2) and training.max_length == 32_768
    assert "visual" not in recipe.train_modules and "merger" not in recipe.train_modules


@pytest.mark.parametrize("size", VST_GPUS)
@pytest.mark.parametrize(("stage", "rate", "visual", "epochs"), [(1, 5e-5, 5e-6, 1), (2, 1e-5, 1e-6, 2)])
def test_the_supervised_stages_of_vst(stage, rate, visual, epochs, size, tmp_path):
    recipe, training = _parse(f"sft_vst_stage{stage}_{size}", tmp_path)
    assert (training.learning_rate, recipe.learning_rates, training.num_train_epochs) == (
        rate,
        {"visual": visual},
        epochs,
    )
    assert training.packing and training.max_length == 16_384 and training.warmup_steps == 0.03
    assert VST_GPUS[size] * training.per_device_train_batch_size * training.gradient_accumulation_steps == 128


@pytest.mark.parametrize("size", ["3b", "7b"])
def test_the_actions_of_vst(size, tmp_path):
    recipe, training = _parse(f"actions_{size}", tmp_path)
    assert training.learning_rate == 5e-5 and recipe.learning_rates == {"visual": 5e-6}
    assert recipe.image_size == 256 and training.max_steps == 2500
    assert training.packing and training.max_length == 1024 and training.per_device_train_batch_size == 1
    assert 8 * training.gradient_accumulation_steps == 128


@pytest.mark.parametrize("size", ["3b", "7b"])
def test_grpo_of_the_paper(size, tmp_path):
    _, training = _parse(f"grpo_{size}", tmp_path)
    assert (training.num_generations, training.temperature, training.max_completion_length) == (8, 1.0, 1024)
    assert (training.learning_rate, training.lr_scheduler_type, training.weight_decay) == (1e-6, "cosine", 0.01)
    assert (training.eval_strategy, training.eval_steps, training.max_steps) == ("steps", 200, 2500)


@pytest.mark.parametrize("size", VST_GPUS)
def test_grpo_of_vst(size, tmp_path):
    _, training = _parse(f"grpo_vst_stage3_{size}", tmp_path)
    assert (training.loss_type, training.epsilon, training.epsilon_high, training.beta) == ("dapo", 0.2, 0.28, 0.0)
    assert (training.num_generations, training.learning_rate) == (5, 1e-6)
    replies = VST_GPUS[size] * training.per_device_train_batch_size * training.gradient_accumulation_steps
    assert replies == 128 * training.num_generations
