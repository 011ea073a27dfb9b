"""A stage, and then what its process was part of: launched_stage.py FOLDER STAGE, then the stage's flags."""

import importlib
import json
import sys
from pathlib import Path

import torch.distributed as dist
from accelerate.state import AcceleratorState


def record_state(folder):
    """Write `state-RANK.json`: what accelerate and torch say of this process after the training."""
    state = AcceleratorState()
    plugin = state.deepspeed_plugin if state.distributed_type == "DEEPSPEED" else None
    found = {
        "distributed_type": state.distributed_type.value,
        "num_processes": state.num_processes,
        "world_size": dist.get_world_size(),
        "backend": dist.get_backend(),
        "zero_stage": plugin and plugin.zero_stage,
    }
    (Path(folder) / f"state-{state.process_index}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    code = importlib.import_module(f"trl_recipes.{sys.argv[2]}").main(sys.argv[3:])
    if code == 0:
        record_state(sys.argv[1])
    sys.exit(code)
