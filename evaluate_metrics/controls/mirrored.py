"""Mirrored video: left and right change places, so answers that say one must say the other."""

import re
from dataclasses import replace

import numpy as np
from PIL import ImageOps

from dataset_builders.record import LETTERS
from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.base import Condition

_OTHER = {"left": "right", "clockwise": "counterclockwise", "counterclockwise": "clockwise", "right": "left"}
_SIDE = re.compile(r"(?<![a-z])(counter-?clockwise|anti-?clockwise|clockwise|left|right)(?![a-z])", re.IGNORECASE)


def swap_sides(text: str) -> str:
    """Write the other side for every left, right, clockwise and counterclockwise.

    >>> swap_sides("front-left, then turn clockwise")
    'front-right, then turn counterclockwise'
    """
    return _SIDE.sub(lambda match: _OTHER[re.sub("anti", "counter", match[0].lower().replace("-", ""))], text)


def flips(record: dict) -> bool:
    """Apply to answers that name a side.

    The question must not be about one side, or its meaning would flip as well; it may offer both ("to my left or to
    my right?").
    """
    stem = record["question"]
    for option in record["options"] if record.get("options_in_question") else ():
        stem = stem.replace(option, "")
    named = [swap_sides(match[0]) for match in _SIDE.finditer(stem)]
    offers_both = all(named.count(side) == named.count(other) for side, other in _OTHER.items())
    return record["shown_as"] is not None and offers_both and _mirrored_answer(record) is not None


def mirror(record: dict, shown: Shown, rng: np.random.Generator) -> tuple[dict, Shown]:
    """Mirror every frame; the right answer is that of the other side."""
    images = tuple(ImageOps.mirror(image) for image in shown.images)
    return record | {"answer": _mirrored_answer(record)}, replace(shown, images=images)


def _mirrored_answer(record: dict) -> str | None:
    """Return the answer of the other side; None where it does not exist or is the same."""
    if record["answer_type"] == "free_form":
        swapped = swap_sides(record["answer"])
        return None if swapped == record["answer"] else swapped
    if record["answer_type"] != "multiple_choice" or record["answer"] not in LETTERS[: len(record["options"])]:
        return None
    texts = [option.lower() for option in record["options"]]
    right = texts[LETTERS.index(record["answer"])]
    swapped = swap_sides(right)
    return LETTERS[texts.index(swapped)] if swapped != right and swapped in texts else None


CONDITIONS = (Condition("mirrored", mirror, flips),)
