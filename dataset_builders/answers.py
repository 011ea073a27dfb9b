"""The forms in which a fact can be asked: as computed, with numeric options, or open-ended."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.tasks.draw import pick, shuffled

SHARE = {"numeric_options": 0.4, "open_ended": 0.2}
"""How often a regression is asked with options, where there are any, and a choice that allows it without them."""
STEP = 1.2
"""Least ratio of two options: 20 % apart."""
MOST = 1.75
"""Largest ratio of two options (VSI-Bench: none above 175 % of the truth)."""
NUM_OPTIONS = 4
BLOCK = 24
"""Facts of one rule that are looked at together, so that their numbers can be options of each other."""


def in_forms(facts: Iterable[Fact], rng: np.random.Generator) -> Iterator[tuple[Fact, Fact]]:
    """Yield every fact once, with the form in which it is asked, drawn at random among those that make sense for it.

    The options of a number are other numbers that the same rule has found in the scene: first the options are drawn,
    then the one that is asked about. So whoever knows which numbers are usual, but not the scene, can only guess. A
    number that the words tell about, and one beside which no other can stand, has no options. A conversation is asked
    as it was computed.

    Args:
        facts: Of one rule about one scene; from the first number on they are taken `BLOCK` at a time.
        rng: Draws the forms, the options and the right ones.
    """
    waiting = iter(facts)
    for fact in waiting:
        if _can_have_options(fact):
            yield from _block([fact, *islice(waiting, BLOCK - 1)], rng)
        else:
            yield fact, _choice(fact, rng)


def _can_have_options(fact: Fact) -> bool:
    return fact.answer_type == "regression" and not fact.told_by_words and not fact.then


def _choice(fact: Fact, rng: np.random.Generator) -> Fact:
    may_be_open = fact.answer_type == "multiple_choice" and fact.open_ended and not fact.then
    if may_be_open and rng.random() < SHARE["open_ended"]:
        return replace(fact, answer_type="free_form", options=())
    return fact


def _block(left: list[Fact], rng: np.random.Generator) -> Iterator[tuple[Fact, Fact]]:
    while left:
        fact, form = left[0], _choice(left[0], rng)
        if _can_have_options(fact) and rng.random() < SHARE["numeric_options"]:
            together = side_by_side(list(filter(_can_have_options, left)), rng)
            if together:
                fact = pick(rng, together)
                form = with_options(fact, together)
        left = [other for other in left if other is not fact]
        yield fact, form


def side_by_side(facts: Sequence[Fact], rng: np.random.Generator) -> tuple[Fact, ...]:
    """Draw two to four facts that are asked alike and whose numbers can be options of each other; none if none can.

    The numbers are in one unit, 20 % apart or more, and none is above 1.75 times another.
    """
    chosen: list[Fact] = []
    for fact in shuffled(rng, facts):
        if len(chosen) < NUM_OPTIONS and all(_can_stand_beside(fact, other) for other in chosen):
            chosen.append(fact)
    return tuple(chosen) if len(chosen) > 1 else ()


def _can_stand_beside(fact: Fact, other: Fact) -> bool:
    low, high = sorted((float(fact.answer), float(other.answer)))
    alike = all(getattr(fact, name) == getattr(other, name) for name in ("rule", "wording", "prompt_type", "unit"))
    return alike and low > 0 and STEP * low - 1e-9 <= high <= MOST * low + 1e-9


def with_options(fact: Fact, together: Sequence[Fact]) -> Fact:
    """Return a number as a choice among those of several facts, itself among them, in ascending order."""
    ascending = sorted(together, key=lambda one: float(one.answer))
    texts = {one.answer: f"{one.answer} {one.unit}".strip() for one in ascending}
    return replace(
        fact, answer_type="multiple_choice", answer=texts[fact.answer], options=tuple(texts.values()), unit=""
    )
