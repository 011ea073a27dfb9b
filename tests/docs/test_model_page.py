"""The examples of docs/model.md, run in order in one folder; tiny backbones on disk stand for those on the Hub."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image
from transformers import AutoModel, DINOv3ViTConfig, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from modeling_spacevista import build_tiny_model

PAGE = Path(__file__).parents[2] / "docs" / "model.md"
BLOCK = re.compile(r"```(bash|python)\n(.*?)```", re.DOTALL)
HUB = {"Qwen/Qwen2.5-VL-3B-Instruct": "qwen", "facebook/dinov3-vitl16-pretrain-lvd1689m": "dinov3"}


def _save_backbones(folder: Path):
    """Write a tiny Qwen2.5-VL with a processor, a tiny DINOv3 and a LoRA adapter; return the processor."""
    model, processor = build_tiny_model(["How far is the lamp? 12.5 cm"] * 3)
    config = model.config.to_dict()
    names = ("text_config", "vision_config", "image_token_id", "video_token_id", "tie_word_embeddings")
    qwen = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**{name: config[name] for name in names}))
    qwen.save_pretrained(folder / "qwen")
    processor.save_pretrained(folder / "qwen")
    dense = DINOv3ViTConfig(hidden_size=48, intermediate_size=96, num_hidden_layers=1, num_attention_heads=2)
    AutoModel.from_config(dense).save_pretrained(folder / "dinov3")
    lora = LoraConfig(target_modules=r".*language_model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj")
    get_peft_model(qwen, lora).save_pretrained(folder / "build" / "adapter")
    return processor


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


def test_every_example_runs(tmp_path, monkeypatch):
    inputs = _inputs(_save_backbones(tmp_path))
    monkeypatch.chdir(tmp_path)
    names = {"inputs": inputs, "torch": torch}
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 5
    for kind, code in blocks:
        for name, local in HUB.items():
            code = code.replace(name, local)
        if kind == "bash":
            command = shlex.split(code.replace("\\\n", " "))
            done = subprocess.run([sys.executable, *command[1:]], capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
        else:
            exec(compile(code, str(PAGE), "exec"), names)
    assert (tmp_path / "build" / "gates.png").stat().st_size > 1000
    assert (tmp_path / "build" / "assembled" / "model.safetensors").is_file()
    assert names["outputs"].gates.shape == (2, 1, inputs["input_ids"].shape[1], 4)
    assert type(names["quantized"].model.language_model.layers[0].mlp.up_proj).__name__ == "Linear4bit"
    logits = names["quantized"](**inputs).logits
    exact = names["model"].merge_expert("indoor")(**inputs).logits
    assert torch.nn.functional.cosine_similarity(logits[0].float(), exact[0]).mean() > 0.9
