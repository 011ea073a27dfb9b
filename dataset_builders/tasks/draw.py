"""Random orders that are lazy and end."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def shuffled(rng: np.random.Generator, items: Iterable[Item]) -> Iterator[Item]:
    """Yield every item once, in random order.

    >>> sorted(shuffled(np.random.default_rng(0), "cab"))
    ['a', 'b', 'c']
    """
    items = list(items)
    for index in rng.permutation(len(items)):
        yield items[index]


def take_turns(streams: Iterable[Iterator[Item]]) -> Iterator[Item]:
    """Take one item of each stream in turn until all are used up.

    >>> "".join(take_turns([iter("AB"), iter("a"), iter("123")]))
    'Aa1B23'
    """
    waiting = deque(streams)
    while waiting:
        stream = waiting.popleft()
        for item in islice(stream, 1):
            yield item
            waiting.append(stream)


def pick(rng: np.random.Generator, items: Iterable[Item]) -> Item:
    """Return one item at random."""
    items = list(items)
    return items[rng.integers(len(items))]


def in_rounds(rng: np.random.Generator, pools: Mapping[str, Iterable[Item]]) -> Iterator[Item]:
    """Yield one item of each pool, in random order, then another of each, until the smallest pool is used up.

    So every answer is right equally often, however rare it is in the world.

    >>> drawn = list(in_rounds(np.random.default_rng(0), {"left": "abcde", "right": "XY"}))
    >>> [sum(item.isupper() for item in drawn[start : start + 2]) for start in (0, 2)], len(drawn)
    ([1, 1], 4)
    """
    for turn in zip(*(list(shuffled(rng, pool)) for pool in pools.values()), strict=False):
        yield from shuffled(rng, turn)
