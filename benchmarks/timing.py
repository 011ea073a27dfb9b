"""Taking turns: what is compared runs side by side, one call each, in another order every round."""

import gc
import itertools
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from statistics import median, quantiles

# For glibc. Nothing that was freed goes back to the system, so no call pays for its pages again: time without luck.
KEEP_HEAP = {"MALLOC_MMAP_THRESHOLD_": "8000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
# All that is freed goes back at once but for small blocks, so that what is resident is alive: memory without luck.
RETURN_HEAP = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def take_turns(calls: Mapping[str, Callable[[], object]], rounds: int, warmup: int = 2) -> dict[str, list[float]]:
    """Time calls in turn.

    Args:
        calls: what to time, by name.
        rounds: times per call that count.
        warmup: rounds before them.

    Returns:
        Seconds of each counted round, by name.
    """
    orders = itertools.cycle(itertools.permutations(calls) if len(calls) < 5 else (tuple(calls), tuple(calls)[::-1]))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warmup + rounds):
        for name in next(orders):
            start = time.perf_counter()
            calls[name]()
            if number >= warmup:
                times[name].append(time.perf_counter() - start)
    return times


def summarize(times: Mapping[str, list[float]], base: str, unit: float = 1e3) -> dict:
    """Return the median and quartiles of each (in milliseconds), and its ratio to `base`, round by round."""
    rows = {}
    for name, values in times.items():
        ratios = [mine / other for mine, other in zip(values, times[base], strict=True)]
        rows[name] = {
            "milliseconds": round(median(values) * unit, 2),
            "quartiles": [round(value * unit, 2) for value in quantiles(values, n=4)[::2]],
            "ratio": round(median(ratios), 3),
            "ratio_quartiles": [round(value, 3) for value in quantiles(ratios, n=4)[::2]],
        }
    return rows


def take_turns_afresh(
    prepare: Callable[..., Mapping[str, Callable[[], object]]],
    groups: Sequence[Sequence[str]],
    *arguments,
    starts: int,
    rounds: int,
    environment: Mapping[str, str] | None = None,
) -> tuple[dict[str, list[float]], dict[str, list[int]]]:
    """Time calls in turn, in new processes again and again.

    How the heap of a process happens to lie decides how much of it goes back to the system after each call, to be
    handed out again page by page at the next: the same forward pass of one model took 8,000 faults in one process and
    86,000 in another. Rounds within a process cannot tell.

    Args:
        prepare: takes the names of a group and the arguments, and returns its calls by name; of an importable module.
        groups: names of the calls, those of a group in one process.
        *arguments: of `prepare`.
        starts: how often all processes are new.
        rounds: times per call that count, at each start.
        environment: variables that the processes start with, beside those of this one.

    Returns:
        Seconds of each counted round, by name, and the page faults of one further call at each start.
    """
    times: dict[str, list[float]] = {}
    faults: dict[str, list[int]] = {}
    for _ in range(starts):
        with _served(prepare, groups, arguments, environment) as calls:
            for name, seconds in take_turns(calls, rounds).items():
                times.setdefault(name, []).extend(seconds)
                faults.setdefault(name, []).append(calls[name]())
    return times, faults


@contextmanager
def _served(prepare, groups, arguments, environment) -> Iterator[dict[str, Callable[[], int]]]:
    """Start a process for each group; what is yielded runs a call over there and returns its page faults."""
    with ExitStack() as stack:
        calls = {}
        for names in groups:
            ours, theirs = multiprocessing.get_context("spawn").Pipe()
            stack.callback(_start(_serve, theirs, prepare, (names, *arguments), environment=environment).join)
            stack.callback(ours.close)  # which ends the process that the callback above waits for
            calls |= {name: partial(_ask, ours, name) for name in names}
        yield calls


def _ask(connection, name: str) -> int:
    connection.send(name)
    return connection.recv()


def _serve(connection, prepare, arguments) -> None:
    calls = prepare(*arguments)
    with suppress(EOFError):
        while True:
            connection.send(_page_faults(calls[connection.recv()]))


def _page_faults(call) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def peak_growth(prepare: Callable[..., Callable[[], object]], *arguments) -> dict[str, float]:
    """Measure the memory of a call in a process of its own, whose heap holds what is alive and little else.

    Args:
        prepare: builds what is needed and returns the call; of a module that can be imported.
        *arguments: of `prepare`.

    Returns:
        `ready` (resident before the call), `peak` during it, and `growth` by it, in MB; Linux only.
    """
    receive, send = multiprocessing.get_context("spawn").Pipe(duplex=False)
    worker = _start(_report_peak, send, prepare, arguments, environment=RETURN_HEAP)
    try:
        return receive.recv()
    finally:
        worker.join()


def _report_peak(send, prepare, arguments) -> None:
    call = prepare(*arguments)
    gc.collect()
    ready = memory_mb("VmRSS")
    forget_peak()
    call()
    peak = memory_mb("VmHWM")
    send.send({"ready": round(ready, 1), "peak": round(peak, 1), "growth": round(peak - ready, 1)})


def _start(target, connection, *arguments, environment: Mapping[str, str] | None) -> BaseProcess:
    """Start a process that holds the only open end of `connection`, so that its death is seen at the other."""
    worker = multiprocessing.get_context("spawn").Process(target=target, args=(connection, *arguments))
    with _environment(environment or {}):
        worker.start()
    connection.close()
    return worker


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def forget_peak() -> None:
    """Let `VmHWM` count from here on; `getrusage` would also tell what the parent took before a spawn. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_mb(field: str) -> float:
    """Read a field of this process's status, `VmRSS` or `VmHWM` (the peak of it), in MB; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024
