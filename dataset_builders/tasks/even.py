"""Choices whose right option no text gives away: each option is right equally often."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from dataset_builders.tasks.draw import pick, shuffled

Item = TypeVar("Item")
NUM_OPTIONS = 4


def even_choices(
    rng: np.random.Generator, pools: Mapping[str, Sequence[Item]], most: int = NUM_OPTIONS
) -> Iterator[tuple[tuple[str, ...], str, Item]]:
    """Draw options among the answers that the scene can still give, then the right one of them, then a case of it.

    Whoever knows the options but not the scene cannot do better than guess, however rare an answer is elsewhere.

    Args:
        rng: Source of randomness.
        pools: Answer → the cases in which it is right.
        most: Options.

    Yields:
        Options in any order, the right one, and a case of which it is the answer; no case twice.

    >>> drawn = list(even_choices(np.random.default_rng(0), {"left": [1, 2], "right": [3], "back": []}))
    >>> sorted(drawn[0][0]), len(drawn) <= 3
    (['left', 'right'], True)
    """
    left = {answer: list(shuffled(rng, cases)) for answer, cases in pools.items() if len(cases)}
    while len(left) > 1:
        options = tuple(shuffled(rng, left))[:most]
        answer = pick(rng, options)
        yield options, answer, left[answer].pop()
        left = {name: cases for name, cases in left.items() if cases}
