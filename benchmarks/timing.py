"""Taking turns: what is compared runs in one process, one call each, in another order every round."""

import gc
import itertools
import json
import multiprocessing
import time
from collections.abc import Callable, Mapping
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


def peak_growth(prepare: Callable[..., Callable[[], object]], *arguments) -> dict[str, float]:
    """Measure the memory of a call in a process of its own.

    Args:
        prepare: builds what is needed and returns the call; of a module that can be imported.
        *arguments: of `prepare`.

    Returns:
        `ready` (resident before the call), `peak` during it, and `growth` by it, in MB; Linux only.
    """
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    worker = context.Process(target=_report_peak, args=(send, prepare, arguments))
    worker.start()
    send.close()
    try:
        return json.loads(receive.recv())
    finally:
        worker.join()


def _report_peak(send, prepare, arguments) -> None:
    call = prepare(*arguments)
    gc.collect()
    ready = memory_mb("VmRSS")
    forget_peak()
    call()
    peak = memory_mb("VmHWM")
    send.send(json.dumps({"ready": round(ready, 1), "peak": round(peak, 1), "growth": round(peak - ready, 1)}))


def forget_peak() -> None:
    """Let `VmHWM` count from here on; `getrusage` would also tell what the parent took before a spawn. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_mb(field: str) -> float:
    """Read a field of this process's status, `VmRSS` or `VmHWM` (the peak of it), in MB; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024
