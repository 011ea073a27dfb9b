"""The commands of the README, run in order in one folder, on less data and with tiny backbones in place of the Hub's.

Left out: what needs the network (`git clone`, `pip install`), the two `make` commands, and `rewrite`, which needs a
language model and is run against a real server in tests/dataset_builders/test_rewriting.py.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
NEED_A_SERVER = ("python -m dataset_builders rewrite", "python -m dataset_builders reason")
LEFT_OUT = ("git clone", "pip install", "make ", *NEED_A_SERVER)
SMALLER = {
    "--num-scenes 50": "--num-scenes 50 --num-frames 4 --frame-size 112x84 --max-per-scene 3",
    "--num-scenes 2800 --max-per-scene 400": "--num-scenes 5 --max-per-scene 20",
    "sft_tiny.yaml": "sft_tiny.yaml --max_steps 2",
    "experts_tiny.yaml": "experts_tiny.yaml --max_steps 2",
    "router_tiny.yaml": "router_tiny.yaml --max_steps 2",
    "grpo_tiny.yaml": "grpo_tiny.yaml --max_steps 1",
    "--split test": "--split test --max-new-tokens 8",
    "Qwen/Qwen2.5-VL-3B-Instruct": "qwen",
    "facebook/dinov3-vitl16-pretrain-lvd1689m": "dinov3",
    "--scenes DIR": f"--scenes {DATA / 'vsi_meta_info'}",
    "eval_vsibench.json": str(DATA / "vsibench_qa" / "eval_vsibench.json"),
}
# Where the README has a repository cloned, its files lie in the test's data.
CLONED = {
    "build/thinking-in-space/data/meta_info": "vsi_meta_info",
    "build/tsdf-fusion-python/data": "sevenscenes_redkitchen",
}


def _commands() -> list[str]:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.startswith(("#", *LEFT_OUT))]


def test_the_readme_has_commands_of_every_package():
    commands = "\n".join(_commands())
    for name in ("dataset_builders", "modeling_spacevista", "trl_recipes", "evaluate_metrics", "hub_cards"):
        assert name in commands


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the real rooms and questions are not here")
def test_every_command_runs(save_backbones, tmp_path):
    save_backbones(tmp_path)
    (tmp_path / "trl_recipes").symlink_to(ROOT / "trl_recipes")
    for folder, name in CLONED.items():
        (tmp_path / folder).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / folder).symlink_to(DATA / name)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    for command in _commands():
        for long, short in SMALLER.items():
            command = command.replace(long, short)
        if "build/evaluation-before" in command:
            shutil.copytree(tmp_path / "build/evaluation", tmp_path / "build/evaluation-before")
        done = subprocess.run(
            shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    assert (tmp_path / "build" / "report.html").stat().st_size > 10_000
