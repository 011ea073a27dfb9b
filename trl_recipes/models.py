"""Which model a stage starts from, and which of its parameters train."""

from collections.abc import Iterable, Sequence

from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor, PreTrainedModel, ProcessorMixin

from dataset_builders.conversation import completion_text, prompt_text
from dataset_builders.errors import InputError
from modeling_spacevista import build_tiny_model
from trl_recipes.arguments import RecipeArguments, one_line

# The paper keeps the vision tower and its projector (both live here) as pretrained (C.1).
VISION_TOWER = "model.visual."


def load_model(
    recipe: RecipeArguments, questions: Dataset, seed: int, trust_remote_code: bool
) -> tuple[PreTrainedModel, ProcessorMixin]:
    """Load `model_name_or_path`, or build a tiny model whose tokenizer is trained on the questions; freeze the rest.

    Raises:
        InputError: if the model cannot be loaded or `train_modules` names nothing.
    """
    pretrained = recipe.model_name_or_path is not None
    if pretrained:
        model, processor = _load_pretrained(recipe.model_name_or_path, trust_remote_code)
    else:
        model, processor = build_tiny_model(_texts(questions), seed)
    select_trainable(model, recipe.train_modules or ([] if pretrained else ["all"]))
    return model, processor


def select_trainable(model: PreTrainedModel, prefixes: Sequence[str]) -> None:
    """Freeze what is not to train; parameters that the model froze itself (the dense encoder) stay frozen.

    Args:
        model: The model, changed in place.
        prefixes: Prefixes of parameter names, or `["all"]`; empty for all but the vision tower.

    Raises:
        InputError: if a prefix names no parameter.
    """
    names = [name for name, _ in model.named_parameters()]
    for prefix in prefixes:
        if prefix != "all" and not any(name.startswith(prefix) for name in names):
            parts = ", ".join(sorted({".".join(name.split(".")[:2]) for name in names}))
            raise InputError("arguments", "train_modules", f"{prefix!r} names no parameter", f"use all, {parts}")
    for name, parameter in model.named_parameters():
        chosen = name.startswith(tuple(prefixes)) if prefixes else not name.startswith(VISION_TOWER)
        parameter.requires_grad_(parameter.requires_grad and (chosen or "all" in prefixes))


def trainable_table(model: PreTrainedModel) -> str:
    """Write the trainable and all parameters of every part of the model as a table."""
    counts: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        count = counts.setdefault(".".join(name.split(".")[:2]).removesuffix(".weight"), [0, 0])
        count[0] += parameter.numel() * parameter.requires_grad
        count[1] += parameter.numel()
    counts["total"] = [sum(column) for column in zip(*counts.values(), strict=True)]
    rows = [f"{part:<24}{trainable:>15,}{total:>15,}" for part, (trainable, total) in counts.items()]
    return "\n".join([f"{'parameters':<24}{'trainable':>15}{'all':>15}", *rows, ""])


def _load_pretrained(name: str, trust_remote_code: bool) -> tuple[PreTrainedModel, ProcessorMixin]:
    try:
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=trust_remote_code)
        model = AutoModelForImageTextToText.from_pretrained(name, trust_remote_code=trust_remote_code)
    except (OSError, ValueError, KeyError) as error:
        fix = "give the folder of a saved model or a Hub id, and --trust_remote_code true for a SpaceVista"
        raise InputError(name, "model_name_or_path", one_line(error), fix) from error
    return model, processor


def _texts(questions: Dataset) -> Iterable[str]:
    return (text for row in questions for text in (prompt_text(row), completion_text(row)))
