import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evaluate_metrics.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


def command(model_dir, dataset_dir, output, **changed):
    options = {"model": model_dir, "dataset": dataset_dir, "output": output, "batch_size": 4, "max_new_tokens": 6}
    words = [(f"--{name.replace('_', '-')}", str(value)) for name, value in (options | changed).items()]
    return ["run", *(word for pair in words for word in pair)]


def results_of(output) -> dict:
    """Read results without what depends on the clock."""
    results = json.loads((output / "results.json").read_text())
    return results | {"run": {name: results["run"][name] for name in ("tokens_in", "tokens_out")}}


def test_a_run_prints_the_table_and_repeats_itself(model_dir, dataset_dir, tmp_path, capsys):
    for name in ("one", "two"):
        assert main(command(model_dir, dataset_dir, tmp_path / name)) == 0
    printed = capsys.readouterr().out
    assert printed.rstrip().endswith(str(tmp_path / "two" / "results.json"))
    assert "object_counting         6 " in printed
    for name in ("predictions.jsonl", "settings.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert results_of(tmp_path / "one") == results_of(tmp_path / "two")
    results = json.loads((tmp_path / "one" / "results.json").read_text())
    assert results["settings"]["dtype"] == "float32"
    assert results["run"]["wall_seconds"] > 0 and 0 <= results["run"]["idle_share"] <= 1
    assert {"spacevista", "torch", "transformers"} <= results["versions"].keys()
    assert str(tmp_path) not in json.dumps(results)


def test_two_runs_are_compared(model_dir, dataset_dir, tmp_path, capsys):
    for name in ("one", "two"):
        assert main(command(model_dir, dataset_dir, tmp_path / name)) == 0
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "two")]) == 0
    assert "18 questions of 6 scenes, paired" in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "nothing")]) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "/nowhere"}, "/nowhere: --model: holds no config.json"),
        ({"dataset": "/nowhere"}, "/nowhere: --dataset: is not a folder"),
        ({"split": "nightly"}, "--split: has no questions in split 'nightly'"),
        ({"num_frames": 0}, "--num-frames: is 0"),
        ({"num_frames": "x"}, "argument --num-frames: invalid int value"),
    ],
)
def test_bad_input_is_one_line_and_code_2(dataset_dir, tmp_path, capsys, changed, message):
    try:
        code = main(command("/nowhere", dataset_dir, tmp_path / "out", **changed))
    except SystemExit as stop:  # from argparse
        code = stop.code
    assert code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (tmp_path / "out").exists()


def test_importing_the_package_imports_no_torch():
    code = "import evaluate_metrics, evaluate_metrics.__main__, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(model_dir, dataset_dir, tmp_path):
    words = command(model_dir, dataset_dir, tmp_path / "killed", batch_size=2, max_new_tokens=8)
    log = tmp_path / "killed" / "predictions.jsonl"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-m", "evaluate_metrics", *words], cwd=ROOT, env=environment) as process:
        while process.poll() is None and not (log.exists() and log.read_bytes().count(b"\n") > 5):
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -9
    assert 5 < log.read_bytes().count(b"\n") < 36
    for output in ("killed", "whole"):
        words = command(model_dir, dataset_dir, tmp_path / output, batch_size=2, max_new_tokens=8)
        subprocess.run([sys.executable, "-m", "evaluate_metrics", *words], cwd=ROOT, env=environment, check=True)
    predictions = [(tmp_path / name / "predictions.jsonl").read_bytes() for name in ("killed", "whole")]
    assert predictions[0] == predictions[1]
    assert results_of(tmp_path / "killed") == results_of(tmp_path / "whole")
