"""Which model a stage starts from, and which of its parameters train."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from datasets import Dataset
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    PretrainedConfig,
    PreTrainedModel,
    ProcessorMixin,
    TrainingArguments,
)

from dataset_builders.conversation import completion_text, prompt_text
from dataset_builders.errors import InputError
from dataset_builders.turns import turns_of
from modeling_spacevista import build_tiny_model
from trl_recipes.arguments import RecipeArguments, one_line
from trl_recipes.module_groups import EXPERTS, MERGER, ROUTER, VISUAL, group_of

KINDS = ("spacevista", "qwen2_5_vl")
SIZES = ("hidden_size", "num_hidden_layers", "depth", "intermediate_size", "vocab_size")
CHOICES = ("num_experts", "expert_rank", "router_level", "router_hidden_size", "dense_encoder", "fusion")
CHOICES += ("fusion_hidden_size", "fusion_num_layers", "geometry_hidden_size")
# The paper keeps the vision tower and its projector as pretrained (C.1).
FROZEN_BY_DEFAULT = (VISUAL, MERGER)


def load_model(
    recipe: RecipeArguments,
    questions: Dataset,
    training: TrainingArguments,
    default_modules: Sequence[str] = (),
    gate_mode: str | None = None,
) -> tuple[PreTrainedModel, ProcessorMixin]:
    """Load `model_name_or_path`, or build a tiny model whose tokenizer is trained on the questions; freeze the rest.

    Args:
        recipe: Names the model and what trains.
        questions: What a tiny model's tokenizer is trained on.
        training: Seed, precision and launcher decide on the weights and their dtype.
        default_modules: What trains where the recipe says nothing.
        gate_mode: Of the experts; left out, as the model was saved.

    Raises:
        InputError: if the model cannot be loaded, has no experts to gate, or `train_modules` names nothing.
    """
    pretrained = recipe.model_name_or_path is not None
    if pretrained:
        model, processor = _load_pretrained(recipe.model_name_or_path, training.trust_remote_code)
    else:
        model, processor = build_tiny_model(_texts(questions), training.seed)
    if gate_mode is not None:
        set_gate_mode(model, gate_mode, recipe.model_name_or_path)
    select_trainable(model, recipe.train_modules or default_modules or ([] if pretrained else ["all"]))
    settle_dtypes(model, training)
    if training.resume_from_checkpoint:
        check_checkpoint(training.resume_from_checkpoint, model.config)
    return model, processor


def set_gate_mode(model: PreTrainedModel, gate_mode: str, place: str | None) -> None:
    """Gate the experts of a model; where they are off, they do not train either.

    Raises:
        InputError: if the model has no experts.
    """
    if not getattr(model.config, "num_experts", 0):
        fix = "give a SpaceVista with experts: `python -m modeling_spacevista assemble --num-experts 4 …`"
        raise InputError(place or "arguments", "model_name_or_path", "is a model without experts", fix)
    model.config.gate_mode = gate_mode


def select_trainable(model: PreTrainedModel, wanted: Sequence[str]) -> None:
    """Freeze what is not to train.

    Parameters that take no part stay frozen: those that the model froze itself (the dense encoder), and the experts
    and routers that the gates do not use.

    Args:
        model: The model, changed in place.
        wanted: Module groups, prefixes of parameter names, or `all`; empty for all but vision tower and merger.

    Raises:
        InputError: if one names no parameter, or nothing is left to train.
    """
    names = {name: group_of(name) for name, _ in model.named_parameters()}
    for name in wanted:
        if name != "all" and name not in names.values() and not any(known.startswith(name) for known in names):
            known = ", ".join([*dict.fromkeys(names.values()), *sorted({".".join(n.split(".")[:2]) for n in names})])
            raise InputError("arguments", "train_modules", f"{name!r} names no parameter", f"use all, {known}")
    unused = unused_groups(model.config)
    for name, parameter in model.named_parameters():
        chosen = names[name] in wanted or name.startswith(tuple(wanted)) or "all" in wanted
        if not wanted:
            chosen = names[name] not in FROZEN_BY_DEFAULT
        parameter.requires_grad_(parameter.requires_grad and chosen and names[name] not in unused)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        fix = "name others; the gates decide whether experts and router take part"
        raise InputError("arguments", "train_modules", f"{', '.join(wanted)} leaves nothing to train", fix)


def unused_groups(config: PretrainedConfig) -> set[str]:
    """Return the groups that take no part under the gates of a model: no gradient would reach them."""
    if not getattr(config, "num_experts", 0):
        return set()
    return {"off": {EXPERTS, ROUTER}, "router": set()}.get(config.gate_mode, {ROUTER})


def settle_dtypes(model: PreTrainedModel, training: TrainingArguments) -> None:
    """Keep in float32 what trains: a step of 5e-7 is lost in bfloat16, which tells 0.02 from 0.0200 ± 0.0001.

    DeepSpeed keeps such copies itself. Frozen weights stay as saved where autocast joins them with the others; where
    it does not, or FSDP needs one dtype, all become float32.
    """
    if _launched_with("deepspeed", training):
        return
    if _launched_with("fsdp", training) or not (training.bf16 or training.fp16):
        model.float()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def restore_dtype(model: PreTrainedModel, recipe: RecipeArguments, training: TrainingArguments) -> None:
    """Turn the weights of a trained model back into the dtype in which they came; a model from scratch stays."""
    if recipe.model_name_or_path is None or any(_launched_with(way, training) for way in ("deepspeed", "fsdp")):
        return
    # Not that of `model.config`, which every saved checkpoint sets to what it holds.
    config = AutoConfig.from_pretrained(recipe.model_name_or_path, trust_remote_code=training.trust_remote_code)
    if config.dtype is not None:
        model.to(getattr(torch, str(config.dtype).removeprefix("torch.")))


def check_checkpoint(folder: str, config: PretrainedConfig) -> None:
    """Refuse to go on from a checkpoint of another architecture.

    Raises:
        InputError: names the first difference.
    """
    path = Path(folder) / "config.json"
    if not path.is_file():
        return
    try:
        saved = _architecture(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, AttributeError) as error:
        fix = "give another checkpoint"
        raise InputError(path, "resume_from_checkpoint", f"cannot be read: {one_line(error)}", fix) from error
    ours = _architecture(config.to_dict())
    for name in sorted(saved.keys() | ours.keys()):
        if saved.get(name) != ours.get(name):
            problem = f"is of another architecture: {name} is {saved.get(name)}, the model's is {ours.get(name)}"
            raise InputError(folder, "resume_from_checkpoint", problem, "give a checkpoint of the same run")


def trainable_table(model: PreTrainedModel, rates: Mapping[str, float], default_rate: float) -> str:
    """Write the trainable and all parameters of every module group, and the group's learning rate, as a table."""
    counts: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        count = counts.setdefault(group_of(name), [0, 0])
        # Under ZeRO-3 a parameter is empty here, and tells its size apart.
        size = getattr(parameter, "ds_numel", parameter.numel())
        count[0] += size * parameter.requires_grad
        count[1] += size
    lines = [f"{'parameters':<16}{'trainable':>16}{'all':>16}{'learning rate':>16}"]
    for group, (trainable, total) in counts.items():
        rate = f"{rates.get(group, default_rate):g}" if trainable else "frozen"
        lines.append(f"{group:<16}{trainable:>16,}{total:>16,}{rate:>16}")
    trainable, total = (sum(column) for column in zip(*counts.values(), strict=True))
    return "\n".join([*lines, f"{'total':<16}{trainable:>16,}{total:>16,}", ""])


def _load_pretrained(name: str, trust_remote_code: bool) -> tuple[PreTrainedModel, ProcessorMixin]:
    fix = "give a SpaceVista or Qwen2.5-VL, its folder or Hub id, and --trust_remote_code true for a SpaceVista"
    try:
        kind = AutoConfig.from_pretrained(name, trust_remote_code=trust_remote_code).model_type
        if kind not in KINDS:
            raise InputError(name, "model_name_or_path", f"is of another architecture, {kind}", fix)
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=trust_remote_code)
        model = AutoModelForImageTextToText.from_pretrained(name, trust_remote_code=trust_remote_code)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(name, "model_name_or_path", one_line(error), fix) from error
    return model, processor


def _launched_with(way: str, training: TrainingArguments) -> bool:
    return bool(getattr(training, way)) or os.environ.get(f"ACCELERATE_USE_{way.upper()}", "").lower() == "true"


def _architecture(config: dict) -> dict:
    """Return what decides on the names and shapes of the weights."""
    nested = {name: config.get(name) or {} for name in ("text_config", "vision_config", "dense_config")}
    sizes = {f"{part}.{name}": values.get(name) for part, values in nested.items() for name in SIZES}
    return {**sizes, **{name: config.get(name) for name in ("model_type", *CHOICES)}}


def _texts(questions: Dataset) -> Iterable[str]:
    return (text for row in questions for turn in turns_of(row) for text in (prompt_text(turn), completion_text(turn)))
