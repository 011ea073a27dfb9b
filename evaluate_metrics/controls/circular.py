"""Circular options: the same choice with its options moved on by one, two, …; a letter that is liked must not win."""

from functools import partial

import numpy as np

from dataset_builders.record import LETTERS
from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.base import Condition, replace_options


def can_shift(record: dict, shift: int) -> bool:
    """Apply to choices that have more options than the shift and name each of them."""
    is_choice = record["answer_type"] == "multiple_choice"
    return is_choice and len(record["options"]) > shift and _shifted(record, shift) is not None


def rotate(record: dict, shown: Shown | None, rng: np.random.Generator, shift: int) -> tuple[dict, Shown | None]:
    """Move every option `shift` letters on, the last ones to the front; the right letter moves with its option."""
    letter = LETTERS[(LETTERS.index(record["answer"]) + shift) % len(record["options"])]
    return _shifted(record, shift) | {"answer": letter}, shown


def _shifted(record: dict, shift: int) -> dict | None:
    options = list(record["options"])
    return replace_options(record, options[-shift:] + options[:-shift])


CONDITIONS = tuple(
    Condition(f"circular-{shift}", partial(rotate, shift=shift), partial(can_shift, shift=shift), level=shift)
    for shift in range(1, len(LETTERS))
)
