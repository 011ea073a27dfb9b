"""Scenes → dataset folder: workers load and ask, the parent writes in one fixed order."""

import io
import json
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dataset_builders.ask import Asked, ask
from dataset_builders.card import write_card
from dataset_builders.errors import InputError
from dataset_builders.record import LetterBalance, to_record
from dataset_builders.report import BuildReport
from dataset_builders.scene import Frame, Scene
from dataset_builders.sources import SceneRef, Source
from dataset_builders.splits import assign_splits
from dataset_builders.staging import staged_folder
from dataset_builders.tasks import RULES, TASKS
from dataset_builders.writer import DatasetWriter

JPEG_QUALITY = 90
SCENES_AHEAD = 2  # per worker; bounds what waits for the parent

_function: Callable  # what a worker process does with a scene; set once when it starts


@dataclass(frozen=True)
class BuildSettings:
    """What to build from a source.

    Attributes:
        tasks: Names of tasks that have rules.
        num_scenes: Only the first so many scenes of the source; None for all.
        max_per_scene: Most questions per scene (VSI-Bench has at most 6 per scene and task; 42 is that for 7 tasks).
        num_proc: Worker processes; does not change the result.
        seed: Of questions, options and splits.
        strict: Refuse a source with a broken scene, where otherwise that scene is quarantined.
        source_options: How the source was opened, kept in the report.
    """

    tasks: tuple[str, ...] = TASKS
    num_scenes: int | None = None
    max_per_scene: int = 42
    num_proc: int = 1
    seed: int = 0
    strict: bool = False
    source_options: dict = field(default_factory=dict)

    def __post_init__(self):
        """Refuse what cannot be built.

        Raises:
            InputError: if a task is unknown or a number below its least.
        """
        for task in self.tasks:
            if task not in TASKS:
                raise InputError("--tasks", task, "is not a task with rules", f"use some of {', '.join(TASKS)}")
        for name, least in (("num_scenes", 1), ("max_per_scene", 1), ("num_proc", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError("settings", name, f"is {value}", f"use at least {least}")

    def recorded(self, source: str) -> dict:
        """Return what decides the content of the dataset, as JSON."""
        return {
            "source": source,
            **self.source_options,
            "tasks": list(self.tasks),
            "num_scenes": self.num_scenes,
            "max_per_scene": self.max_per_scene,
            "seed": self.seed,
            "strict": self.strict,
        }


@dataclass(frozen=True)
class BuiltScene:
    """What a worker hands to the parent: no pixels but the encoded ones.

    Attributes:
        scene: Its frames without pixels.
        row: Of the config `scenes`.
        asked: The questions.
    """

    scene: Scene
    row: dict
    asked: Asked


def build_dataset(source: Source, output: Path | str, settings: BuildSettings | None = None) -> BuildReport:
    """Build a dataset folder that `datasets.load_dataset` reads; it appears complete or not at all.

    Args:
        source: Of the scenes.
        output: New folder.
        settings: What to ask; the defaults of `BuildSettings` if None.

    Returns:
        The counts that also are in build_report.json.

    Raises:
        InputError: if `output` is taken, no scene is usable, nothing can be asked, or a scene is broken and
            `settings.strict` is set.
    """
    settings = settings or BuildSettings()
    with staged_folder(output) as folder:
        refs = _distinct_refs(source)[: settings.num_scenes]
        report = BuildReport(source.name, settings.recorded(source.name))
        broken = _write_scenes(source, refs, folder, settings, report)
        _write_quarantine(folder, broken, len(refs))
        if not report.questions:
            reasons = ", ".join(f"{task} ({reason})" for task, reason in sorted(report.skipped))
            raise InputError(source.name, "questions", f"none: {reasons}", "add tasks, or what the scenes lack")
        content = report.to_json()
        (folder / "build_report.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        write_card(folder, content)
    return report


def _distinct_refs(source: Source) -> list[SceneRef]:
    refs = source.refs()
    if len({ref.scene_id for ref in refs}) != len(refs):
        raise InputError(source.name, "scene_id", "is not unique", "give every scene its own name")
    return refs


def _write_scenes(
    source: Source, refs: list[SceneRef], folder: Path, settings: BuildSettings, report: BuildReport
) -> list[tuple[SceneRef, InputError]]:
    """Write all good scenes in the order of `refs`, count them in `report`, and return the broken ones."""
    splits, letters, broken = assign_splits(refs, settings.seed), LetterBalance(), []
    with (
        _ordered_map(partial(build_scene, source, settings), refs, settings.num_proc) as built,
        tqdm(total=len(refs), desc="building", unit="scene", delay=1) as progress,
        DatasetWriter(folder) as writer,
    ):
        for ref, result in zip(refs, built, strict=True):
            progress.update()
            if not isinstance(result, InputError):
                _write_scene(result, splits[ref.scene_id], letters, writer, report)
            elif settings.strict:
                raise result
            else:
                broken.append((ref, result))
    report.quarantined = len(broken)
    return broken


def _write_scene(
    built: BuiltScene, split: str, letters: LetterBalance, writer: DatasetWriter, report: BuildReport
) -> None:
    writer.write("scenes", split, built.row)
    report.add_scene(split, built.scene.license, built.asked.skipped)
    for question in built.asked.questions:
        record = to_record(question, built.scene, letters)
        writer.write("questions", split, record)
        report.add_question(split, record)


def build_scene(source: Source, settings: BuildSettings, ref: SceneRef) -> BuiltScene | InputError:
    """Load a scene, ask about it and encode it; a scene that is broken becomes the error that says why."""
    try:
        scene = source.load(ref)
    except InputError as error:
        return error
    rules = [rule for rule in RULES if rule.task in settings.tasks]
    asked = ask(scene, rules, settings.seed, settings.max_per_scene)
    return BuiltScene(_without_pixels(scene), scene_row(scene), asked)


def scene_row(scene: Scene) -> dict:
    """Turn a scene into a row of the config `scenes`; frames become JPEG."""
    return {
        "scene_id": scene.scene_id,
        "source": scene.source,
        "license": scene.license,
        "scale": scene.scale,
        "room_size": scene.room_size,
        "frames": [{"bytes": _jpeg(frame.color), "path": None} for frame in scene.frames],
        "intrinsics": [frame.camera.intrinsics.tolist() for frame in scene.frames],
        "camera_to_world": [frame.camera.camera_to_world.tolist() for frame in scene.frames],
        "objects": [
            {
                "instance_id": item.instance_id,
                "category": item.category,
                "center": item.center.tolist(),
                "size": item.size.tolist(),
                "rotation": item.rotation.tolist(),
            }
            for item in scene.objects
        ],
    }


def _jpeg(color: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(color).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _without_pixels(scene: Scene) -> Scene:
    """Keep the cameras only: 16 frames with depth and instances are 26 MB that the parent does not need."""
    empty = np.empty((0, 0, 3), np.uint8)
    return replace(scene, frames=tuple(Frame(frame.camera, empty) for frame in scene.frames))


def _write_quarantine(folder: Path, broken: list[tuple[SceneRef, InputError]], total: int) -> None:
    if not broken:
        return
    if len(broken) == total:
        error = broken[0][1]
        problem = error.problem if total == 1 else f"{error.problem} (and none of the {total} scenes is usable)"
        raise InputError(error.place, error.field, problem, error.fix)
    with open(folder / "quarantine.jsonl", "w", encoding="utf-8") as file:
        for ref, error in broken:
            row = {"scene_id": ref.scene_id, "place": error.place, "field": error.field}
            file.write(json.dumps(row | {"problem": error.problem, "fix": error.fix}) + "\n")


@contextmanager
def _ordered_map(function: Callable, items: Iterable, num_proc: int) -> Iterator[Iterator]:
    """Map in order with a bounded number of results waiting (`ProcessPoolExecutor.map` runs ahead without end)."""
    if num_proc == 1:
        yield map(function, items)
        return
    # Fresh interpreters: forking a process that has started threads (progress bar, Arrow) can deadlock.
    pool = ProcessPoolExecutor(num_proc, get_context("spawn"), _start_worker, (function,))
    try:
        yield _windowed(pool, items, SCENES_AHEAD * num_proc)
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


def _work(item: SceneRef) -> BuiltScene | InputError:
    return _function(item)
