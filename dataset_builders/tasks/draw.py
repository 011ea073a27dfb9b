"""Random orders that are lazy and end."""

from collections import deque
from collections.abc import Iterable, Iterator
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
