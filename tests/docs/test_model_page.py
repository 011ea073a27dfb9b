"""The examples of docs/model.md, run in order in one folder; tiny backbones on disk stand for those on the Hub.

The one under torchrun is run by tests/modeling_spacevista/test_parallel.py.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "model.md"
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.DOTALL)
HUB = {"Qwen/Qwen2.5-VL-3B-Instruct": "qwen", "facebook/dinov3-vitl16-pretrain-lvd1689m": "dinov3"}


def _inputs(processor):
    frames = np.random.default_rng(0).integers(0, 256, (4, 168, 224, 3), dtype=np.uint8)
    parts = [{"type": "video", "video": list(map(Image.fromarray, frames))}, {"type": "text", "text": "How far?"}]
    return processor.apply_chat_template(
        [{"role": "user", "content": parts}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )


def test_every_example_runs(save_backbones, tmp_path, monkeypatch):
    inputs = _inputs(save_backbones(tmp_path))
    monkeypatch.chdir(tmp_path)
    names = {"inputs": inputs, "torch": torch}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 6
    for kind, code in blocks:
        for name, local in HUB.items():
            code = code.replace(name, local)
        if kind == "bash":
            command = shlex.split(code.replace("\\\n", " "))
            done = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
        elif "under torchrun" not in code:
            exec(compile(code, str(PAGE), "exec"), names)
    assert (tmp_path / "build" / "gates.png").stat().st_size > 1000
    assert (tmp_path / "build" / "assembled" / "model.safetensors").is_file()
    assert names["outputs"].gates.shape == (2, 1, inputs["input_ids"].shape[1], 4)
    assert type(names["quantized"].model.language_model.layers[0].mlp.up_proj).__name__ == "Linear4bit"
    kinds = {type(module).__name__ for module in names["quantized"].model.dense_branch.modules()}
    kinds |= {type(module).__name__ for module in names["quantized"].model.visual.modules()}
    assert "Linear4bit" not in kinds and "Linear" in kinds
    logits = names["quantized"](**inputs).logits
    exact = names["model"].merge_expert("indoor")(**inputs).logits
    assert torch.nn.functional.cosine_similarity(logits[0].float(), exact[0]).mean() > 0.9
