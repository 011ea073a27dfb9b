"""How long a step will take, from one forward pass before the first."""

import time
from collections.abc import Callable
from copy import copy

import torch
from transformers import Trainer
from trl import GRPOTrainer

from trl_recipes.dry_run import policy_inputs, zero_stage
from trl_recipes.encoding import BadRows

TOKENS = 8
"""Generated, to time one."""


def expected_step(trainer: Trainer) -> float | None:
    """Estimate the seconds of one optimizer step from rows spread over the dataset; nothing is learned or drawn.

    A backward pass takes as long as the forward pass for the gradients of activations, and for those of weights as
    much of it again as there are weights that train; gradient checkpointing computes the forward pass twice. For GRPO
    it is an upper bound: every reply is taken to be as long as it may be, and replies to be generated a batch of the
    policy's pass at a time.

    Returns:
        None where it cannot be known so: weights lie in parts on several processes, vLLM generates, or rows stream.
    """
    generates = isinstance(trainer, GRPOTrainer)
    if zero_stage(trainer) == 3 or (generates and trainer.use_vllm) or not hasattr(trainer.train_dataset, "__len__"):
        return None
    inputs = _inputs(trainer)
    parameters = list(trainer.model.parameters())
    trained = sum(part.numel() for part in parameters if part.requires_grad) / sum(part.numel() for part in parameters)
    passes = 2 + trained + bool(trainer.args.gradient_checkpointing)
    was_training = trainer.model.training
    with torch.no_grad(), torch.random.fork_rng():
        trainer.model.train()
        forward = _seconds(lambda: trainer.model(**inputs, use_cache=False))
        seconds = forward * passes
        if generates:
            rollout = _rollout_seconds(trainer, inputs) + _scoring_passes(trainer) * forward
            seconds += rollout / trainer.num_iterations
    trainer.model.train(was_training)
    return seconds * trainer.args.gradient_accumulation_steps


def _inputs(trainer: Trainer) -> dict[str, torch.Tensor]:
    dataset, number = trainer.train_dataset, trainer.args.per_device_train_batch_size
    rows = [dataset[place * len(dataset) // number] for place in range(number)]
    if isinstance(trainer, GRPOTrainer):
        return {name: value for name, value in policy_inputs(trainer, rows).items() if name != "labels"}
    collator = copy(trainer.data_collator)
    collator.encoder = copy(collator.encoder)
    collator.encoder.bad_rows = _NotYet(collator.encoder.bad_rows.policy)
    return trainer._prepare_inputs(collator(rows))


class _NotYet(BadRows):
    """Leaves out rows that cannot be read: they are named and counted when they are trained on."""

    def handle(self, error):
        if self.policy == "fail":
            super().handle(error)


def _rollout_seconds(trainer: GRPOTrainer, inputs: dict[str, torch.Tensor]) -> float:
    """Time replies of full length to the prompts of one pass, from a prefill and a few tokens."""
    length = trainer.args.max_completion_length
    aligned = {name: inputs[name][:, :-length] for name in ("input_ids", "attention_mask", "mm_token_type_ids")}
    prompts = {**inputs, **aligned}

    def generate(tokens: int) -> Callable:
        limits = {"max_new_tokens": tokens, "min_new_tokens": tokens}
        return lambda: trainer.model.generate(**prompts, generation_config=trainer.generation_config, **limits)

    trainer.model.eval()
    first = _seconds(generate(1))
    each = max(0.0, _seconds(generate(1 + TOKENS)) - first) / TOKENS
    return first + (length - 1) * each


def _scoring_passes(trainer: GRPOTrainer) -> int:
    """Count the passes without gradients over the replies, as `GRPOTrainer` decides on them."""
    served = trainer.args.steps_per_generation * trainer.num_iterations
    return (trainer.beta != 0) + (trainer.args.gradient_accumulation_steps % served != 0)


def _seconds(work: Callable) -> float:
    """Time the second of two runs: the first warms up."""
    work()
    _wait()
    started = time.perf_counter()
    work()
    _wait()
    return time.perf_counter() - started


def _wait() -> None:
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
