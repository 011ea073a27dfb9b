"""What is computed once for each frame or scene, however many rules ask for it."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")


def once_per_item(compute: Callable[[Item], Value]) -> Callable[[Item], Value]:
    """Remember what a function of a frame or a scene returned for as long as that frame or scene lives.

    Frames and scenes hold arrays and have no hash, so they are told apart by identity. Every caller gets the same
    value: none may change it, and it must not refer to the item itself, which would keep it alive.

    >>> class Thing: ...
    >>> drawn = iter(range(9))
    >>> number = once_per_item(lambda thing: next(drawn))
    >>> one, other = Thing(), Thing()
    >>> number(one), number(other), number(one)
    (0, 1, 0)
    """
    known: dict[int, Value] = {}

    @wraps(compute)
    def remembered(item: Item) -> Value:
        if id(item) not in known:
            known[id(item)] = compute(item)
            weakref.finalize(item, known.pop, id(item), None).atexit = False
        return known[id(item)]

    return remembered
