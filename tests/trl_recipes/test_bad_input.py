"""Each mistake is one line on stderr and exit code 2, before anything is written."""

import shutil
from pathlib import Path

import pytest
from datasets import load_dataset

from trl_recipes import grpo, sft

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
            "do not increase, got (0.2, 0.3, 0.5)",
        ),
        (["--anchor_combination", "mean"], "progressive, sum, product, got 'mean'"),
        (["--reward_weights", "1", "1"], "reward_weights: has 2 values; give one each"),
        (["--beta", "0.1"], "beta: is 0.1 for a model from scratch; give --model_name_or_path"),
        (["--use_vllm", "true"], "use_vllm: TRL's vLLM rollouts take images but no video"),
        (["--per_device_train_batch_size", "4000"], "questions; a step takes 1000"),
        (["--semantic_encoder", "no_such_weights:path"], "pip install no-such-weights"),
        (["--eval_strategy", "epoch"], "eval_strategy: is epoch"),
        (["--model_name_or_path", "no/such/model"], "no/such/model: model_name_or_path:"),
        (["--train_modules", "fusion"], "train_modules: 'fusion' names no parameter"),
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
