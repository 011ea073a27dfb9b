import threading
import time

import pytest

from evaluate_metrics.prefetch import AHEAD, prefetch


def test_order_is_kept_and_errors_arrive_in_their_place():
    def items():
        yield from range(5)
        raise OSError("disk is gone")

    seen = []
    with pytest.raises(OSError, match="disk is gone"):
        for item in prefetch(items()):
            seen.append(item)
    assert seen == list(range(5))


def test_items_are_made_ahead_but_not_without_bound():
    made = []

    def items():
        for index in range(20):
            made.append(index)
            yield index

    ready = prefetch(items())
    assert next(ready) == 0
    deadline = time.monotonic() + 5
    while len(made) < AHEAD + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(made) == AHEAD + 2  # the one taken, those that are ready, and one in the hand
    ready.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "prefetch"]
