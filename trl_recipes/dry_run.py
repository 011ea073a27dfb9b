"""One batch, looked at before a training: shapes, tokens, and the memory that a step will take."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PretrainedConfig, Trainer
from trl import GRPOTrainer

from trl_recipes.visual import TEXT, token_types

IGNORED = -100
ADAM_MOMENTS = 2
DEEPSPEED_BYTES = 12  # float32 copies of weight and both moments, whatever the dtype of the weight
MIB = 2**20


def describe(trainer: Trainer) -> str:
    """Draw one batch, compute its loss once without learning from it, and describe both.

    For GRPO the batch is that of the policy's pass: the prompts, and replies of `max_completion_length` in place of
    those that the rollout would write.
    """
    batch = next(iter(trainer.get_train_dataloader()))
    inputs = trainer._prepare_inputs(batch) if isinstance(batch, Mapping) else policy_inputs(trainer, batch)
    lines = [f"{name:<24}{tuple(value.shape)} {value.dtype}" for name, value in inputs.items()]
    lines.append(token_counts(inputs, trainer.model.config))
    activations = kept_bytes(trainer.model, lambda: _loss(trainer, inputs))
    return "\n".join([*lines, memory_table(trainer, activations), ""])


def token_counts(inputs: Mapping[str, torch.Tensor], config: PretrainedConfig) -> str:
    """Count the tokens of a batch: all but padding, those of frames, and those that carry a loss."""
    ids, labels = inputs["input_ids"], inputs["labels"]
    real = int(inputs["attention_mask"].sum()) if "attention_mask" in inputs else ids.numel()
    visual = int((token_types(ids, config) != TEXT).sum())
    shape = f"{ids.shape[0]} sequences of {ids.shape[1]}"
    return (
        f"tokens: {shape}, {real:,} without padding, {visual:,} visual, {int((labels != IGNORED).sum()):,} with a loss"
    )


def kept_bytes(model: nn.Module, forward) -> int:
    """Count the bytes that a forward pass keeps for the backward pass, besides the weights.

    Tensors saved by autograd, each storage once, and under gradient checkpointing the inputs of the layers.
    """
    storages: dict[int, int] = {}
    weights = {part.untyped_storage().data_ptr() for part in [*model.parameters(), *model.buffers()]}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    def keep_input(layer, arguments):
        if arguments and layer.gradient_checkpointing:
            keep(arguments[0])

    layers = [layer for layer in model.modules() if hasattr(layer, "gradient_checkpointing")]
    hooks = [layer.register_forward_pre_hook(keep_input) for layer in layers]
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            # Held until counted: freed memory would be given out, and counted, again.
            loss = forward()
        return sum(storages.values()) if loss is not None else 0
    finally:
        for hook in hooks:
            hook.remove()


def memory_table(trainer: Trainer, activations: int) -> str:
    """Write what one process will need in MiB, and how each figure comes about."""
    model, stage = trainer.model, zero_stage(trainer)
    processes = trainer.accelerator.num_processes if stage else 1
    trained = [part for part in model.parameters() if part.requires_grad]
    weights, gradients = (sum(map(_bytes, parts)) for parts in (model.parameters(), trained))
    deepspeed = trainer.is_deepspeed_enabled
    moments = DEEPSPEED_BYTES * sum(map(_size, trained)) if deepspeed else ADAM_MOMENTS * gradients
    rows = [
        ("parameters", weights / (processes if stage >= 3 else 1), "as loaded"),
        ("gradients", gradients / (processes if stage >= 2 else 1), "one for each weight that trains"),
        (
            "optimizer",
            moments / processes,
            "float32 copies and moments" if deepspeed else "two moments, as AdamW keeps",
        ),
        ("activations", activations, "counted in the forward pass on this batch"),
    ]
    total = sum(size for _, size, _ in rows)
    lines = [f"memory of one process of {trainer.accelerator.num_processes}, MiB"]
    lines += [f"{name:<16}{size / MIB:>12,.1f}  {how}" for name, size, how in rows]
    how = "and what the backward pass computes again, a layer at a time" if trainer.args.gradient_checkpointing else ""
    return "\n".join([*lines, f"{'total':<16}{total / MIB:>12,.1f}  {how}".rstrip()])


def _size(parameter: nn.Parameter) -> int:
    # Under ZeRO-3 a parameter is empty here, and tells its size apart.
    return getattr(parameter, "ds_numel", parameter.numel())


def _bytes(parameter: nn.Parameter) -> int:
    return _size(parameter) * parameter.element_size()


def zero_stage(trainer: Trainer) -> int:
    """Return what is split over the processes: 1 the optimizer, 2 gradients too, 3 (and FSDP) parameters too."""
    if trainer.is_fsdp_enabled:
        return 3
    return trainer.accelerator.state.deepspeed_plugin.zero_stage if trainer.is_deepspeed_enabled else 0


def _loss(trainer: Trainer, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    trainer.model.train()
    with trainer.compute_loss_context_manager():
        if isinstance(trainer, GRPOTrainer):
            return trainer.model(**inputs, fused_lm_head=True).loss
        return trainer.compute_loss(trainer.model, dict(inputs))


def policy_inputs(trainer: GRPOTrainer, rows: list[dict]) -> dict[str, torch.Tensor]:
    """Make the batch of the policy's pass: prompts, and replies of `max_completion_length` that end at once."""
    rows = rows[: trainer.args.per_device_train_batch_size]
    ids, _, fields = trainer.tokenize_rows(rows)
    reply = [trainer.processing_class.tokenizer.eos_token_id] * trainer.args.max_completion_length
    sequences = [torch.tensor([*prompt, *reply]) for prompt in ids]
    labels = [torch.tensor([IGNORED] * len(prompt) + reply) for prompt in ids]
    input_ids = pad_sequence(sequences, batch_first=True, padding_side="left")
    mask = pad_sequence([torch.ones_like(row) for row in sequences], batch_first=True, padding_side="left")
    inputs = {
        "input_ids": input_ids,
        "attention_mask": mask,
        "mm_token_type_ids": token_types(input_ids, trainer.model.config),
        "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORED, padding_side="left"),
        **{name: value for name, value in fields.items() if isinstance(value, torch.Tensor)},
    }
    return {name: value.to(trainer.accelerator.device) for name, value in inputs.items()}
