"""Each mistake is one line on stderr and exit code 2, before anything is written."""

import json
import shutil
from pathlib import Path

import pytest
from datasets import Value, load_dataset
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from trl_recipes import experts, grpo, router, sft

CONFIGS = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def _refused(stage, capsys, *argv):
    config = CONFIGS / f"{stage.__name__.split('.')[-1]}_tiny.yaml"
    assert stage.main(["--config", str(config), *map(str, argv)]) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(err) == 1
    return err[0]


def test_no_dataset(capsys, output):
    assert "dataset is missing; give --dataset DIR" in _refused(sft, capsys, "--output_dir", output)
    assert not output.exists()


@pytest.mark.parametrize("stage", [sft, grpo])
def test_a_dataset_that_does_not_exist(stage, capsys, tmp_path, output):
    line = _refused(stage, capsys, "--dataset", tmp_path / "nowhere", "--output_dir", output)
    assert "nowhere" in line and "python -m dataset_builders build" in line
    assert not output.exists()


def test_no_train_split(capsys, data_dir, tmp_path, output):
    folder = tmp_path / "test_only"
    shutil.copytree(data_dir, folder)
    for path in folder.glob("*/train-*"):
        path.rename(path.with_name(path.name.replace("train", "test")))
    card = (folder / "README.md").read_text()
    (folder / "README.md").write_text(card.replace("train", "test"))
    line = _refused(sft, capsys, "--dataset", folder, "--output_dir", output)
    assert "split train" in line
    assert not output.exists()


def test_missing_columns(capsys, data_dir, tmp_path, output):
    folder = tmp_path / "columns"
    shutil.copytree(data_dir, folder)
    path, *others = sorted(folder.glob("questions/train-*"))
    for other in others:
        other.unlink()
    load_dataset(str(data_dir), "all", split="train").remove_columns(["answer", "unit"]).to_parquet(path)
    line = _refused(sft, capsys, "--dataset", folder, "--output_dir", output)
    assert "columns: lacks answer, unit;" in line
    assert not output.exists()


def test_output_in_use(capsys, data_dir, output):
    output.mkdir()
    (output / "notes.txt").write_text("mine")
    line = _refused(sft, capsys, "--dataset", data_dir, "--output_dir", output)
    assert f"{output}: output_dir: is not empty; give an empty --output_dir" in line
    assert [path.name for path in output.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("checkpoint", ["true", "nowhere/checkpoint-3"])
def test_nothing_to_resume(checkpoint, capsys, data_dir, output):
    argv = ["--dataset", data_dir, "--output_dir", output, "--resume_from_checkpoint", checkpoint]
    assert "resume_from_checkpoint: holds no checkpoint" in _refused(sft, capsys, *argv)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--num_generations", "1"], "GRPO requires at least 2 generations"),
        (["--per_device_train_batch_size", "15"], "must be divisible by num_generations"),
        (["--num_frames", "0"], "num_frames must be at least 1, got 0"),
        (
            ["--anchor_weights", "0.2", "0.3", "0.5"],
            "do not increase, the last positive, got (0.2, 0.3, 0.5)",
        ),
        (["--anchor_combination", "mean"], "progressive, sum, product, got 'mean'"),
        (["--reward_weights", "1", "1"], "reward_weights: has 2 values; give one each"),
        (["--beta", "0.1"], "beta: is 0.1 for a model from scratch; give --model_name_or_path"),
        (["--use_vllm", "true"], "use_vllm: vLLM is not installed; pip install 'trl[vllm]'"),
        (["--per_device_train_batch_size", "4000"], "questions; a step takes 1000"),
        (["--semantic_encoder", "no_such_weights:path"], "pip install no-such-weights"),
        # So few scenes all go to the train split.
        (["--eval_strategy", "epoch"], "dataset, split validation: "),
        (["--eval_strategy", "epoch", "--per_device_eval_batch_size", "3"], "must be divisible by"),
        (["--model_name_or_path", "no/such/model"], "no/such/model: model_name_or_path:"),
        (["--train_modules", "fussion"], "train_modules: 'fussion' names no parameter"),
        (["--no_such_flag", "3"], "--no_such_flag"),
        (["--num_frames", "four"], "invalid int value: 'four'"),
    ],
)
def test_a_wrong_setting(argv, message, capsys, data_dir, output, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    line = _refused(grpo, capsys, "--dataset", data_dir, "--output_dir", output, *argv)
    assert message in line
    assert not output.exists()


def test_a_config_file_with_an_unknown_name(capsys, data_dir, tmp_path, output):
    config = tmp_path / "config.yaml"
    config.write_text("use_cpu: true\nbf16: false\nlearning_rat: 0.1\n")
    assert sft.main(["--config", str(config), "--dataset", str(data_dir), "--output_dir", str(output)]) == 2
    assert "learning_rat" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--scale_experts", "{}"], "scale: is 'drone' in 12 of 60 questions (first"),
        (
            ["--scale_experts", '{"drone": "space"}'],
            "scale_experts: sends drone to 'space', which is no expert; choose of",
        ),
        (["--scale_experts", '{"space": "outdoor"}'], "scale_experts must name tiny_tabletop, "),
        (["--scales", "space"], "scales must be of tiny_tabletop, tabletop, indoor, outdoor, drone, got 'space'"),
        (["--train_modules", "router"], "train_modules: router leaves nothing to train"),
        (["--learning_rates", '{"experts": "high"}'], "learning_rates of experts must be a number, got 'high'"),
        (
            ["--report_to", "nowhere"],
            "report_to: 'nowhere' is not installed or not known; give one of none, ",
        ),
        (["--router_aux_loss_coef", "0.1"], "router_aux_loss_coef: is for TRL's mixture-of-experts models"),
    ],
)
def test_a_wrong_setting_of_the_expert_stage(argv, message, capsys, data_dir, model_dir, output):
    places = ["--dataset", data_dir, "--model_name_or_path", model_dir, "--output_dir", output, "--num_frames", "4"]
    assert message in _refused(experts, capsys, *places, *argv)
    assert not output.exists()


def test_a_scale_that_the_dataset_names_and_no_expert_has(capsys, data_dir, model_dir, tmp_path, output):
    folder = tmp_path / "named"
    shutil.copytree(data_dir, folder)
    path, *others = sorted(folder.glob("questions/train-*"))
    for other in others:
        other.unlink()
    rows = load_dataset(str(data_dir), "all", split="train").cast_column("scale", Value("string"))
    rows.map(lambda row, place: {"scale": "space" if place == 5 else "indoor"}, with_indices=True).to_parquet(path)
    argv = ["--dataset", folder, "--model_name_or_path", model_dir, "--output_dir", output, "--num_frames", "4"]
    line = _refused(experts, capsys, *argv)
    assert "scale: is 'space' in 1 of 60 questions" in line and "not one of tiny_tabletop" in line
    assert not output.exists()


def test_negative_weights_of_the_router(capsys, data_dir, model_dir, output):
    argv = ["--dataset", data_dir, "--model_name_or_path", model_dir, "--output_dir", output]
    assert "z_loss_coef must be at least 0, got -1.0" in _refused(router, capsys, *argv, "--z_loss_coef", "-1")
    assert not output.exists()


@pytest.mark.parametrize("stage", [sft, experts, router, grpo])
def test_a_model_of_another_architecture(stage, capsys, data_dir, tmp_path, output):
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    argv = ["--dataset", data_dir, "--num_frames", "4", "--output_dir", output]
    line = _refused(stage, capsys, *argv, "--model_name_or_path", tmp_path / "bert")
    assert "model_name_or_path: is of another architecture, bert; give a SpaceVista or Qwen2.5-VL" in line
    assert not output.exists()


@pytest.mark.parametrize("stage", [experts, router])
def test_a_model_without_experts(stage, capsys, data_dir, tiny, tmp_path, output):
    model, processor = tiny
    parts = {name: getattr(model.config, name).to_dict() for name in ("text_config", "vision_config")}
    Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**parts)).save_pretrained(tmp_path / "qwen")
    processor.save_pretrained(tmp_path / "qwen")
    argv = ["--dataset", data_dir, "--num_frames", "4", "--output_dir", output]
    line = _refused(stage, capsys, *argv, "--model_name_or_path", tmp_path / "qwen")
    assert "model_name_or_path: is a model without experts; give a SpaceVista with experts" in line
    assert not output.exists()


def test_weights_that_do_not_belong_to_the_config(capsys, data_dir, model_dir, tmp_path, output):
    shutil.copytree(model_dir, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "fusion_hidden_size": 32}))
    argv = ["--dataset", data_dir, "--num_frames", "4", "--output_dir", output]
    line = _refused(sft, capsys, *argv, "--model_name_or_path", tmp_path / "model", "--trust_remote_code", "true")
    assert "model: model_name_or_path: " in line
    assert not output.exists()


def test_a_checkpoint_of_another_architecture(capsys, data_dir, model_dir, tmp_path, output):
    checkpoint = tmp_path / "checkpoint-3"
    shutil.copytree(model_dir, checkpoint)
    (checkpoint / "trainer_state.json").write_text("{}")
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "num_experts": 2, "expert_scales": ["a", "b"]}))
    argv = ["--dataset", data_dir, "--num_frames", "4", "--output_dir", output, "--model_name_or_path", model_dir]
    line = _refused(experts, capsys, *argv, "--resume_from_checkpoint", checkpoint)
    assert "resume_from_checkpoint: is of another architecture: num_experts is 2, the model's is 4" in line
    assert not output.exists()
