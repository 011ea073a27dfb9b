"""Scenes → dataset folder: workers build shards, and the parent puts them together in one fixed order."""

import errno
import hashlib
import json
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from dataset_builders.card import write_card
from dataset_builders.errors import InputError
from dataset_builders.record import ENGINE_VERSION
from dataset_builders.report import BuildReport
from dataset_builders.settings import BuildSettings
from dataset_builders.shards import Shard, build_shard, finish_shards, plan_shards
from dataset_builders.sieve import measure_shortcuts, sieve
from dataset_builders.sources import SceneRef, Source
from dataset_builders.workspace import ResumableError, Workspace, workspace

SHARDS_AHEAD = 2  # per worker; bounds what waits for the parent
OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

_function: Callable  # what a worker process does with a shard; set once when it starts


def build_dataset(source: Source, output: Path | str, settings: BuildSettings | None = None) -> BuildReport:
    """Build a dataset folder that `datasets.load_dataset` reads; it appears complete or not at all.

    A build that was stopped goes on where it was when it is called again with the same arguments.

    Args:
        source: Of the scenes.
        output: New folder.
        settings: What to ask; the defaults of `BuildSettings` if None.

    Returns:
        The counts that also are in build_report.json.

    Raises:
        InputError: if `output` is taken, no scene is usable, nothing can be asked, a scene is broken and
            `settings.strict` is set, or the disk is full.
    """
    settings = settings or BuildSettings()
    shards = plan(source, settings)
    with workspace(output, build_identity(source, settings, shards)) as space:
        if space.is_moved:
            report = BuildReport.from_json(json.loads((space.output / "build_report.json").read_text("utf-8")))
        else:
            report = finish_build(source, settings, space, shards, _build_all(source, settings, space, shards))
        space.finish()
    return report


def plan(source: Source, settings: BuildSettings) -> list[Shard]:
    """List the shards of a build.

    Raises:
        InputError: if two scenes have the same name.
    """
    refs = source.refs()[: settings.num_scenes]
    if len({ref.scene_id for ref in refs}) != len(refs):
        raise InputError(source.name, "scene_id", "is not unique", "give every scene its own name")
    return plan_shards(refs, settings.seed, settings.excluded)


def build_identity(source: Source, settings: BuildSettings, shards: Sequence[Shard]) -> dict:
    """Return what decides the bytes of a build, as JSON."""
    refs = [(shard.name, ref.scene_id, ref.scale) for shard in shards for ref in shard.refs]
    digest = hashlib.sha256(json.dumps(refs).encode()).hexdigest()
    return {**settings.recorded(source.name), "scenes": digest, "engine": ENGINE_VERSION}


def finish_build(
    source: Source, settings: BuildSettings, space: Workspace, shards: Sequence[Shard], reports: Iterable[BuildReport]
) -> BuildReport:
    """Put finished shards together: count, name the files, write report, quarantine and card.

    Raises:
        InputError: if no scene is usable or nothing can be asked.
    """
    report = BuildReport(source.name, settings.recorded(source.name))
    for part in sieve(source, settings, space, shards, list(reports)):
        report.merge(part)
    _refuse_nothing(report, source)
    finish_shards(space, shards)
    report.shortcuts = measure_shortcuts(sorted(space.dataset.glob("questions/*.parquet")))
    if report.quarantine:
        lines = (json.dumps(row) + "\n" for row in report.quarantine)
        (space.dataset / "quarantine.jsonl").write_text("".join(lines), encoding="utf-8")
    content = report.to_json()
    (space.dataset / "build_report.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    write_card(space.dataset, content)
    return report


def _refuse_nothing(report: BuildReport, source: Source) -> None:
    if report.quarantine and not report.scenes:
        first, total = report.quarantine[0], len(report.quarantine)
        problem = first["problem"] if total == 1 else f"{first['problem']} (and none of the {total} scenes is usable)"
        raise InputError(first["place"], first["field"], problem, first["fix"])
    if not report.questions:
        reasons = ", ".join(f"{task} ({reason})" for task, reason in sorted(report.skipped))
        raise InputError(source.name, "questions", f"none: {reasons}", "add tasks, or what the scenes lack")


def _build_all(
    source: Source, settings: BuildSettings, space: Workspace, shards: Sequence[Shard]
) -> Iterator[BuildReport]:
    """Build the shards, or read what an earlier run built, and yield their counts in order."""
    work = partial(build_shard, source, settings, space)
    total = sum(len(shard.refs) for shard in shards)
    try:
        with (
            _ordered_map(work, shards, settings.num_proc) as built,
            tqdm(total=total, desc="building", unit="scene", delay=1) as progress,
        ):
            for shard, report in zip(shards, built, strict=True):
                progress.update(len(shard.refs))
                yield report
    except OSError as error:
        if error.errno not in OUT_OF_SPACE:
            raise
        fix = "make room and give the same command again, finished shards are kept"
        raise ResumableError(space.output, "disk", f"is full ({error.strerror})", fix) from None


@contextmanager
def _ordered_map(function: Callable, items: Iterable, num_proc: int) -> Iterator[Iterator]:
    """Map in order with a bounded number of results waiting (`ProcessPoolExecutor.map` runs ahead without end)."""
    if num_proc == 1:
        yield map(function, items)
        return
    # Fresh interpreters: forking a process that has started threads (progress bar, Arrow) can deadlock.
    pool = ProcessPoolExecutor(num_proc, get_context("spawn"), _start_worker, (function,))
    try:
        yield _windowed(pool, items, SHARDS_AHEAD * num_proc)
    finally:
        pool.shutdown(cancel_futures=True)


def _windowed(pool: ProcessPoolExecutor, items: Iterable, window: int) -> Iterator:
    waiting = deque()
    for item in items:
        waiting.append(pool.submit(_work, item))
        if len(waiting) == window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _start_worker(function: Callable) -> None:
    """Receive the source once, and leave Ctrl-C to the parent, which then stops all workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _function
    _function = function


def _work(item: SceneRef) -> BuildReport:
    return _function(item)
