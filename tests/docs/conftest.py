"""Tiny backbones on disk, for examples that name those on the Hub."""

from pathlib import Path

import pytest
from peft import LoraConfig, get_peft_model
from transformers import AutoModel, DINOv3ViTConfig, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from modeling_spacevista import build_tiny_model


@pytest.fixture
def save_backbones():
    """save_backbones(folder) → the processor of what it wrote there."""
    return _save


def _save(folder: Path):
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
