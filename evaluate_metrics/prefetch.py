"""Work ahead in another thread: the next items are made while the last one is used."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

AHEAD = 2
"""Items that are ready at most, so that memory stays bounded."""
_END = object()
T = TypeVar("T")


class _Failed:
    def __init__(self, error: BaseException):
        self.error = error


def prefetch(items: Iterable[T], ahead: int = AHEAD) -> Iterator[T]:
    """Yield the items in order, each made in a thread before it is asked for.

    What making an item raises is raised here in its place. The thread ends with the iteration, early or not.

    >>> list(prefetch(range(3)))
    [0, 1, 2]
    """
    ready: queue.Queue = queue.Queue(maxsize=ahead)
    stopped = threading.Event()

    def offer(item: object) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not offer(item):
                    return
        except BaseException as error:  # noqa: BLE001, handed over to the thread that asks
            offer(_Failed(error))
        else:
            offer(_END)

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item
    finally:
        stopped.set()
        thread.join()
