"""What the supervised stages share."""

from pathlib import Path

import pytest

from trl_recipes import sft
from trl_recipes.arguments import SftArguments, SupervisedArguments, parse_arguments
from trl_recipes.module_groups import group_of
from trl_recipes.supervised import SupervisedConfig

CONFIG = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs" / "sft_tiny.yaml"


def _trainer(data_dir, tmp_path, *more):
    argv = ["--config", str(CONFIG), "--dataset", str(data_dir), "--output_dir", str(tmp_path / "out"), *more]
    return sft.build_trainer(*parse_arguments(SftArguments, SupervisedConfig, [*argv, "--num_frames", "4"]))


def test_each_group_of_modules_has_its_rate(data_dir, tmp_path):
    trainer = _trainer(data_dir, tmp_path, "--learning_rates", '{"visual": 5e-6, "router": 1e-3}')
    trainer.create_optimizer_and_scheduler(num_training_steps=10)
    names = {id(parameter): name for name, parameter in trainer.model.named_parameters()}
    rates: dict[str, set] = {}
    for group in trainer.optimizer.param_groups:
        for parameter in group["params"]:
            rates.setdefault(group_of(names.pop(id(parameter))), set()).add(group["initial_lr"])
    assert rates == {
        "visual": {5e-6},
        "router": {1e-3},
        **{name: {0.004} for name in ("merger", "language", "experts", "fusion")},
    }
    assert {group_of(name) for name in names.values()} == {"dense"}


def test_a_config_file_may_write_rates_without_a_point():
    # YAML reads 5e-6 as text.
    assert SupervisedArguments(dataset="x", learning_rates={"visual": "5e-6"}).learning_rates == {"visual": 5e-6}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tower": 1e-3}, "learning_rates must name language, .*, got 'tower'"),
        ({"visual": "fast"}, "learning_rates of visual must be a number, got 'fast'"),
        ({"visual": 0}, "learning_rates of visual must be positive, got 0"),
        ("visual", "learning_rates must be a mapping"),
        ([1e-3], "learning_rates must be a mapping"),
    ],
)
def test_rates_that_cannot_be(given, message):
    with pytest.raises(ValueError, match=message):
        SupervisedArguments(dataset="x", learning_rates=given)


def test_gates_that_are_off_freeze_experts_and_router(data_dir, tmp_path):
    trainer = _trainer(data_dir, tmp_path, "--gate_mode", "off")
    trained = {group_of(name) for name, part in trainer.model.named_parameters() if part.requires_grad}
    assert trained == {"visual", "merger", "language", "fusion"}
    assert trainer.model.config.gate_mode == "off"
