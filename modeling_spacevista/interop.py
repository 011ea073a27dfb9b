"""Experts ↔ ordinary PEFT LoRA adapters: one adapter is one expert, whoever trained it.

peft keeps the scaling α/r beside the weights; here it is folded into B on the way in, and is 1 on the way out.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .experts import EXPERT_LINEARS, ExpertLinear

WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"
_KEY = re.compile(
    r"^base_model\.model\.(?P<linear>.+\.layers\.\d+\.(?:self_attn|mlp)\.\w+)\.lora_(?P<part>[AB])\.weight$"
)
# Adapters trained on the text model alone, or on older releases, name the layers with another beginning.
_LAYERS = re.compile(r"^.*?(?=layers\.\d+\.)")


@torch.no_grad()
def load_adapters(model, adapters: Mapping[str | int, str | Path]) -> None:
    """Put PEFT LoRA adapters of the language model in the place of experts.

    Forced to such an expert, the model's logits are those of its backbone with the adapter.

    Args:
        model: a `SpaceVistaForConditionalGeneration` with experts; changed in place, once all adapters are read.
        adapters: folder of an adapter (`save_pretrained` of a `PeftModel`) by scale or place of the expert.

    Raises:
        ValueError: if an adapter is no plain LoRA, changes another part of the model, has another shape or a larger
            rank than the experts, or names an expert that is not there.
    """
    linears = _expert_linears(model)
    read = {model.config.expert_index(scale): _read(Path(folder), linears) for scale, folder in adapters.items()}
    for index, weights in read.items():
        for name, linear in linears.items():
            a, b = linear.expert(index)
            b.zero_()
            if name in weights:
                down, up = weights[name]
                a.zero_()
                a[: len(down)].copy_(down)
                b[:, : len(down)].copy_(up)


@torch.no_grad()
def save_adapter(model, scale: str | int, folder: str | Path, base_model: str | None = None) -> None:
    """Write one expert as a PEFT LoRA adapter for the Qwen2.5-VL backbone, or for the model itself with gates off.

    Args:
        model: a `SpaceVistaForConditionalGeneration` with experts.
        scale: scale or place of the expert.
        folder: where `adapter_model.safetensors` and `adapter_config.json` go.
        base_model: name of the backbone that the adapter's settings should say.

    Raises:
        ValueError: if there is no such expert.
        ImportError: if peft is not installed.
    """
    from peft import LoraConfig  # here, because a model needs no peft to run

    index, folder = model.config.expert_index(scale), Path(folder)
    weights = {}
    for name, linear in _expert_linears(model).items():
        for part, value in zip("AB", linear.expert(index), strict=True):
            weights[f"base_model.model.model.language_model.{name}.lora_{part}.weight"] = value.cpu().contiguous()
    rank = model.config.expert_rank
    # An expression, so that linears of the same name in the vision tower are left alone.
    targets = rf".*language_model\.layers\.\d+\.\w+\.({'|'.join(EXPERT_LINEARS)})"
    settings = LoraConfig(r=rank, lora_alpha=rank, target_modules=targets, base_model_name_or_path=base_model)
    settings.inference_mode = True
    settings.save_pretrained(folder)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def _expert_linears(model) -> dict[str, ExpertLinear]:
    """Return the linears with experts by their name from `layers.` on."""
    named = model.named_modules()
    return {_LAYERS.sub("", name): module for name, module in named if isinstance(module, ExpertLinear)}


def _read(folder: Path, linears: Mapping[str, ExpertLinear]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return (A, B times the scaling) of an adapter by the name of the linear."""
    from peft import LoraConfig

    for name in (SETTINGS, WEIGHTS):
        if not (folder / name).is_file():
            raise ValueError(f"{folder} holds no {name}: give what save_pretrained of a PEFT LoRA model wrote")
    settings = LoraConfig.from_pretrained(str(folder))
    _check_plain(settings, folder)
    parts: dict[str, dict[str, torch.Tensor]] = {}
    strange = []
    for key, value in load_file(folder / WEIGHTS).items():
        match = _KEY.match(key)
        name = match and _LAYERS.sub("", match["linear"])
        if name not in linears or "visual" in key:
            strange.append(key)
        else:
            parts.setdefault(name, {})[match["part"]] = value
    if strange or not parts:
        raise ValueError(f"{folder} changes what has no experts: {', '.join(sorted(strange)) or 'nothing'}")
    return {name: _fit(folder, name, pair, linears[name], settings) for name, pair in parts.items()}


def _check_plain(settings, folder: Path) -> None:
    unlike = {
        "peft_type": str(getattr(settings.peft_type, "value", settings.peft_type)) != "LORA",
        "use_dora": settings.use_dora,
        "bias": settings.bias != "none",
        "rank_pattern": settings.rank_pattern,
        "alpha_pattern": settings.alpha_pattern,
        "modules_to_save": settings.modules_to_save,
    }
    found = [f"{name}={getattr(settings, name)!r}" for name, value in unlike.items() if value]
    if found:
        raise ValueError(f"{folder} must be a plain LoRA adapter to become an expert, got {', '.join(found)}")


def _fit(folder, name, pair, linear, settings):
    a, b = pair.get("A"), pair.get("B")
    rank, most = settings.r, linear.expert_rank
    shapes = [None if part is None else tuple(part.shape) for part in (a, b)]
    expected = [(rank, linear.in_features), (linear.out_features, rank)]
    if shapes != expected:
        raise ValueError(f"{folder}: {name} needs A and B of shapes {expected}, got {shapes}")
    if rank > most:
        raise ValueError(f"{folder} has rank {rank}, but the experts have expert_rank={most}")
    scaling = settings.lora_alpha / (rank**0.5 if settings.use_rslora else rank)
    return a, b * scaling
