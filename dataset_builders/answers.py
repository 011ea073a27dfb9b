"""The forms in which a fact can be asked: as computed, with numeric options, or open-ended."""

from dataclasses import replace
from math import ceil, floor

import numpy as np

from dataset_builders.question import Fact

SHARE = {"numeric_options": 0.3, "open_ended": 0.2}
"""How often a regression is asked with options, and a choice that allows it without them."""
STEP = 1.2
"""Ratio of neighbouring options: 20 % apart."""
MOST = 0.25, 1.75
"""Least and largest share of the truth that an option may be (VSI-Bench)."""
NUM_OPTIONS = 4


def in_some_form(fact: Fact, rng: np.random.Generator) -> Fact:
    """Return the fact in one of the forms that make sense for it, drawn at random."""
    if fact.answer_type == "regression" and rng.random() < SHARE["numeric_options"]:
        return with_options(fact, rng)
    if fact.answer_type == "multiple_choice" and fact.open_ended and rng.random() < SHARE["open_ended"]:
        return replace(fact, answer_type="free_form", options=())
    return fact


def with_options(fact: Fact, rng: np.random.Generator) -> Fact:
    """Return a regression as a multiple choice; as it is where its rounding leaves no options clearly apart."""
    options = numeric_options(fact.answer, rng)
    if not options:
        return fact
    texts = {option: f"{option} {fact.unit}".strip() for option in options}
    return replace(
        fact, answer_type="multiple_choice", answer=texts[fact.answer], options=tuple(texts.values()), unit=""
    )


def numeric_options(answer: str, rng: np.random.Generator) -> tuple[str, ...]:
    """Draw a ladder of numbers in which the truth is equally likely to be any rung, so that no rung looks right.

    Args:
        answer: The printed truth; its decimals are those of the options.
        rng: Draws the rung.

    Returns:
        Ascending numbers, the truth among them, neighbours at least 20 % apart; empty if there are none.

    >>> numeric_options("5.0", np.random.default_rng(0)), numeric_options("2", np.random.default_rng(1))
    (('2.8', '3.4', '4.1', '5.0'), ('2', '3'))
    """
    truth, decimals = float(answer), len(answer.partition(".")[2])
    if truth <= 0:
        return ()
    if not decimals and truth < 5 / (STEP - 1):
        return _whole_numbers(int(truth), rng)
    for count in range(NUM_OPTIONS, 1, -1):
        ladders = [_ladder(answer, decimals, rung, count) for rung in range(count)]
        # Every rung must be possible, or the others would be likelier to be right.
        if all(MOST[0] * truth <= float(ladder[0]) and float(ladder[-1]) <= MOST[1] * truth for ladder in ladders):
            return ladders[int(rng.integers(count))]
    return ()


def _ladder(answer: str, decimals: int, rung: int, count: int) -> tuple[str, ...]:
    """Climb and descend from the truth by the step, each time rounded away from it, so that neighbours stay apart."""
    unit = 10**decimals
    below, above = [round(float(answer) * unit)], [round(float(answer) * unit)]
    for _ in range(rung):
        below.insert(0, floor(below[0] / STEP + 1e-9))
    for _ in range(count - 1 - rung):
        above.append(ceil(above[-1] * STEP - 1e-9))
    return tuple(f"{value / unit:.{decimals}f}" for value in (*below, *above[1:]))


def _whole_numbers(truth: int, rng: np.random.Generator) -> tuple[str, ...]:
    step = max(1, ceil((STEP - 1) * truth))
    below = min(NUM_OPTIONS - 1, (truth - max(1, ceil(0.25 * truth))) // step)
    above = min(NUM_OPTIONS - 1, (int(1.75 * truth) - truth) // step)
    # As many options as fit wherever the truth stands among them.
    count = 1 + min(below, above)
    rung = int(rng.integers(count))
    values = [truth + step * (place - rung) for place in range(count)]
    return tuple(map(str, values)) if count > 1 else ()
