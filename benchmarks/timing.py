"""Taking turns: what is compared runs in one process, one call each, in another order every round."""

import gc
import itertools
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles


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
    *arguments,
    starts: int,
    rounds: int,
    environment: Mapping[str, str] | None = None,
) -> tuple[dict[str, list[float]], dict[str, list[int]]]:
    """Time calls in turn in one new process after another.

    How the heap of a process happens to lie decides how much of it goes back to the system after each call, to be
    handed out again page by page at the next: the same forward pass of one model took 8,000 faults in one process and
    86,000 in another. Rounds within a process cannot tell.

    Args:
        prepare: builds what is needed and returns the calls by name; of a module that can be imported.
        *arguments: of `prepare`.
        starts: processes.
        rounds: times per call that count, in each process.
        environment: variables that the processes start with, beside those of this one.

    Returns:
        Seconds of each counted round, by name, and the page faults of one further call in each process.
    """
    times: dict[str, list[float]] = {}
    faults: dict[str, list[int]] = {}
    for _ in range(starts):
        found = in_new_process(_turns_and_faults, prepare, arguments, rounds, environment=environment)
        for name in found[0]:
            times.setdefault(name, []).extend(found[0][name])
            faults.setdefault(name, []).append(found[1][name])
    return times, faults


def _turns_and_faults(prepare, arguments, rounds: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    calls = prepare(*arguments)
    return take_turns(calls, rounds), {name: _page_faults(call) for name, call in calls.items()}


def _page_faults(call) -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def peak_growth(prepare: Callable[..., Callable[[], object]], *arguments) -> dict[str, float]:
    """Measure the memory of a call in a process of its own.

    Args:
        prepare: builds what is needed and returns the call; of a module that can be imported.
        *arguments: of `prepare`.

    Returns:
        `ready` (resident before the call), `peak` during it, and `growth` by it, in MB; Linux only.
    """
    return in_new_process(_peak_of_call, prepare, arguments)


def _peak_of_call(prepare, arguments) -> dict[str, float]:
    call = prepare(*arguments)
    gc.collect()
    ready = memory_mb("VmRSS")
    forget_peak()
    call()
    peak = memory_mb("VmHWM")
    return {"ready": round(ready, 1), "peak": round(peak, 1), "growth": round(peak - ready, 1)}


def in_new_process(function: Callable, *arguments, environment: Mapping[str, str] | None = None):
    """Call a function in a process of its own, and return what it returns, as JSON knows it.

    Args:
        function: of a module that can be imported.
        *arguments: of it.
        environment: variables that the process starts with, beside those of this one.
    """
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    worker = context.Process(target=_report, args=(send, function, arguments))
    with _environment(environment or {}):
        worker.start()
    send.close()
    try:
        return json.loads(receive.recv())
    finally:
        worker.join()


def _report(send, function, arguments) -> None:
    send.send(json.dumps(function(*arguments)))


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
