"""Sequences of a bounded length, as the paper cuts them (C.1), without ever cutting a frame's tokens apart."""

from collections.abc import Callable, Sequence

import torch

from dataset_builders.errors import InputError
from trl_recipes.visual import TEXT

PER_TOKEN = ("input_ids", "attention_mask", "mm_token_type_ids", "labels")


class LimitedCollator:
    """Cuts the batches of another collator, padded on the right, to `max_length` tokens; replies lose their end."""

    def __init__(self, collator: Callable[[Sequence[dict]], dict[str, torch.Tensor]], max_length: int):
        """Take the collator and the most tokens of a sequence."""
        self.collator, self.max_length = collator, max_length

    def __call__(self, rows: Sequence[dict]) -> dict[str, torch.Tensor]:
        """Make a batch of (B, at most `max_length`).

        Raises:
            InputError: if visual tokens would be cut off, whose features the model would get all the same.
        """
        batch = self.collator(rows)
        lost = (batch["mm_token_type_ids"][:, self.max_length :] != TEXT).any(1)
        if lost.any():
            name = rows[int(lost.nonzero()[0])].get("id", "a row")
            problem = f"{self.max_length} is too short for the frames"
            raise InputError(name, "max_length", problem, "raise --max_length or lower --num_frames")
        return {name: value[:, : self.max_length] if name in PER_TOKEN else value for name, value in batch.items()}
