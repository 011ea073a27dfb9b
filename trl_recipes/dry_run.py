"""One batch, looked at before a training: shapes, tokens, and the memory that a step will take."""

from transformers import Trainer


def describe(trainer: Trainer) -> str:
    """Draw one batch and describe it."""
    batch = next(iter(trainer.get_train_dataloader()))
    return "".join(f"{name}: {tuple(value.shape)}\n" for name, value in batch.items())
