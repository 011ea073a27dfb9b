"""Models of the shapes that the benchmarks need, with random weights, and inputs for them."""

import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, XLoraConfig, get_peft_model
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration

IMAGE, VIDEO, VISION_START, VISION_END = 2044, 2045, 2046, 2047
LINEARS = r".*language_model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj"
# Qwen2.5-VL-3B, DINOv3 ViT-L and the fusion at a quarter of their widths and depths. The vocabulary is small, because
# a large head would be the same for all and hide what the layers cost.
QUARTER = {
    "text_config": {
        "vocab_size": 2048,
        "hidden_size": 512,
        "intermediate_size": 2752,
        "num_hidden_layers": 8,
        "num_attention_heads": 4,
        "num_key_value_heads": 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
    },
    "vision_config": {
        "depth": 8,
        "hidden_size": 320,
        "intermediate_size": 856,
        "num_heads": 4,
        "out_hidden_size": 512,
        "fullatt_block_indexes": [3, 7],
    },
    "image_token_id": IMAGE,
    "video_token_id": VIDEO,
    "vision_start_token_id": VISION_START,
    "vision_end_token_id": VISION_END,
    "tie_word_embeddings": True,
}
QUARTER_OWN = {
    "dense_config": {
        "hidden_size": 256,
        "intermediate_size": 1024,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "num_register_tokens": 4,
    },
    "fusion_hidden_size": 256,
    "fusion_num_heads": 4,
    "router_hidden_size": 64,
}
# Qwen2.5-VL-7B with DINOv3 ViT-L; the vision tower's remaining values are the defaults of the library.
SEVEN_BILLION = {
    "text_config": {
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    "vision_config": {"hidden_size": 1280, "out_hidden_size": 3584},
    "image_token_id": IMAGE,
    "video_token_id": VIDEO,
    "vision_start_token_id": VISION_START,
    "vision_end_token_id": VISION_END,
}
SEVEN_BILLION_OWN = {
    "dense_config": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "num_register_tokens": 4,
    }
}


def backbone(shape: dict = QUARTER) -> Qwen2_5_VLForConditionalGeneration:
    """Build the bare Qwen2.5-VL."""
    torch.manual_seed(0)
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**shape)).eval()


def spacevista(shape: dict = QUARTER, own: dict = QUARTER_OWN, **options) -> SpaceVistaForConditionalGeneration:
    """Build SpaceVista with open experts and fusion, so that nothing is multiplied by zero."""
    torch.manual_seed(0)
    model = SpaceVistaForConditionalGeneration(SpaceVistaConfig(**{**shape, **own, **options})).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("expert_b", "fusion.gate")):
                parameter.normal_(std=0.02)
    return model


def lora(rank: int = 8) -> PeftModel:
    """Build the backbone with one PEFT LoRA adapter on the linears that carry experts."""
    settings = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=LINEARS, init_lora_weights=False)
    return get_peft_model(backbone(), settings).eval()


def xlora(num_adapters: int = 4) -> PeftModel:
    """Build the backbone with PEFT's X-LoRA over adapters of rank 8, one scaling per layer."""
    with tempfile.TemporaryDirectory() as folder:
        lora().save_pretrained(folder)
        settings = XLoraConfig(
            task_type="CAUSAL_LM",
            hidden_size=QUARTER["text_config"]["hidden_size"],
            xlora_depth=2,
            xlora_size=QUARTER_OWN["router_hidden_size"],
            layerwise_scalings=True,
            adapters={str(place): str(Path(folder)) for place in range(num_adapters)},
        )
        model = backbone()
        model.config.use_cache = False
        return get_peft_model(model, settings).eval()


def train_only(model, *marks: str):
    """Freeze all parameters but those whose name holds one of `marks`."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(any(mark in name for mark in marks))
    return model


def text_batch(batch_size: int = 2, length: int = 512) -> dict[str, torch.Tensor]:
    """Return token ids without padding."""
    ids = torch.randint(2, IMAGE, (batch_size, length), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def video_batch(num_frames: int, grid: tuple[int, int] = (12, 16), text: int = 64) -> dict[str, torch.Tensor]:
    """Return one prompt with a video of random patches, in the form of the processor.

    Args:
        num_frames: an even number.
        grid: (h, w) patches of a frame, even numbers.
        text: tokens of text behind it.
    """
    generator = torch.Generator().manual_seed(0)
    pairs, tokens = num_frames // 2, num_frames // 2 * grid[0] * grid[1] // 4
    ids = [VISION_START, *[VIDEO] * tokens, VISION_END]
    ids += torch.randint(2, IMAGE, (text,), generator=generator).tolist()
    types = [0, *[2] * tokens, *[0] * (text + 1)]
    return {
        "input_ids": torch.tensor([ids]),
        "attention_mask": torch.ones(1, len(ids), dtype=torch.long),
        "mm_token_type_ids": torch.tensor([types]),
        "pixel_values_videos": torch.randn(pairs * grid[0] * grid[1], 1176, generator=generator),
        "video_grid_thw": torch.tensor([[pairs, *grid]]),
    }
