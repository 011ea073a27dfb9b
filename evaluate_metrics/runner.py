"""Asks a model every question of a split, with the video and blind, and writes predictions and results."""

import importlib.metadata
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from dataset_builders.conversation import FrameStore, prompt_text, to_messages
from dataset_builders.errors import InputError
from evaluate_metrics.bootstrap import NUM_RESAMPLES, SEED
from evaluate_metrics.predictions import PredictionLog, write_json
from evaluate_metrics.questions import dataset_files, fingerprint, load_questions, open_frames
from evaluate_metrics.scoring import score
from evaluate_metrics.summary import summarize

CONDITIONS = ("video", "blind")
# Batches are cut from windows of this many batches, in the order of the dataset: long enough to put questions of one
# kind together, short enough for the frames of its scenes to stay decoded.
WINDOW = 16


@dataclass(frozen=True)
class RunArguments:
    """What an evaluation is asked to do.

    Attributes:
        model: Folder of a model and its processor.
        dataset: Folder that `python -m dataset_builders build` wrote.
        split: Of the dataset.
        output: Folder for predictions and results.
        num_frames: Frames shown per question.
        batch_size: Questions per batch.
        max_new_tokens: Where a completion without end is cut.
    """

    model: Path
    dataset: Path
    split: str
    output: Path
    num_frames: int = 4
    batch_size: int = 32
    max_new_tokens: int = 128

    def __post_init__(self):
        """Refuse counts below 1."""
        for name in ("num_frames", "batch_size", "max_new_tokens"):
            if getattr(self, name) < 1:
                raise InputError("run", f"--{name.replace('_', '-')}", f"is {getattr(self, name)}", "give 1 or more")


def run(arguments: RunArguments) -> dict:
    """Evaluate a model; what an earlier run with the same settings answered is not asked again.

    Returns:
        The content of `results.json`.

    Raises:
        InputError: for a model, dataset or output folder that cannot be used.
    """
    records = load_questions(arguments.dataset, arguments.split)
    frames = open_frames(arguments.dataset, arguments.split, arguments.num_frames, records)
    backend = _open_backend(arguments)
    settings = _settings(arguments, backend)
    keys = {(record["id"], condition) for record in records for condition in CONDITIONS}
    log = PredictionLog(arguments.output, settings, keys)
    with tqdm(total=len(keys), desc="answering", unit="question") as progress:
        for condition, batch in plan(records, arguments.batch_size):
            missing = [record["id"] for record in batch if (record["id"], condition) not in log.rows]
            if missing:
                # The whole batch again even if only a part is missing: its padding decides the last digits.
                completions = backend.complete(_conversations(batch, condition, frames, arguments.dataset))
                answered = zip(batch, completions, strict=True)
                log.append([_row(record, condition, text) for record, text in answered if record["id"] in missing])
            progress.update(len(batch))
    results = build_results(arguments, settings, records, log)
    write_json(arguments.output / "results.json", results)
    return results


def plan(records: Sequence[dict], batch_size: int) -> Iterator[tuple[str, list[dict]]]:
    """Cut the questions into batches whose prompts and answers are of similar length, first with video, then blind.

    The plan depends on the questions only, so that a resumed run repeats the batches of the run it continues.
    """
    for condition in CONDITIONS:
        for start in range(0, len(records), WINDOW * batch_size):
            window = records[start : start + WINDOW * batch_size]
            window = sorted(window, key=lambda record: (record["task"], len(prompt_text(record)), record["id"]))
            for place in range(0, len(window), batch_size):
                yield condition, window[place : place + batch_size]


def build_results(arguments: RunArguments, settings: dict, records: Sequence[dict], log: PredictionLog) -> dict:
    """Put together `results.json` from a complete log."""
    rows = {condition: [log.rows[record["id"], condition] for record in records] for condition in CONDITIONS}
    return {
        "model": arguments.model.resolve().name,
        "dataset": arguments.dataset.resolve().name,
        "split": arguments.split,
        **settings,
        "num_questions": len(records),
        "num_scenes": len({record["scene_id"] for record in records}),
        **summarize(records, {name: [row["score"] for row in rows[name]] for name in CONDITIONS}),
        "unparsed": {name: sum(row["parsed"] is None for row in rows[name]) for name in CONDITIONS},
    }


def _open_backend(arguments: RunArguments):
    try:
        from evaluate_metrics.backend import TransformersBackend  # here, because it needs torch
    except ModuleNotFoundError as error:
        fix = 'install it with pip install "spacevista[model]"'
        raise InputError("run", "python", f"lacks the package {error.name}", fix) from error
    return TransformersBackend(arguments.model, arguments.max_new_tokens)


def _settings(arguments: RunArguments, backend) -> dict:
    """Collect everything that the predictions and their score depend on."""
    packages = ("spacevista", "torch", "transformers", "datasets", "numpy", "pillow")
    return {
        "settings": {
            "model_sha256": fingerprint(arguments.model, backend.files()),
            "dataset_sha256": fingerprint(arguments.dataset, dataset_files(arguments.dataset, arguments.split)),
            "split": arguments.split,
            "num_frames": arguments.num_frames,
            "frame_policy": "evenly spaced, first and last included, key frames kept",
            "batch_size": arguments.batch_size,
            "max_new_tokens": arguments.max_new_tokens,
            **backend.describe(),
            "mean_relative_accuracy": "paper",
            "bootstrap": {"unit": "scene", "num_resamples": NUM_RESAMPLES, "seed": SEED},
        },
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in packages},
        },
    }


def _conversations(batch: Sequence[dict], condition: str, frames: FrameStore, dataset: Path) -> list[list[dict]]:
    if condition == "blind":
        return [to_messages(record, None) for record in batch]
    return [to_messages(record, _frames(record, frames, dataset)) for record in batch]


def _frames(record: dict, frames: FrameStore, dataset: Path):
    try:
        return frames.frames(record)
    except (KeyError, IndexError, OSError, ValueError) as error:
        place = f"question {record['id']}, scene {record['scene_id']}"
        problem = f"has no usable frames ({type(error).__name__}: {error})"
        raise InputError(dataset, place, problem, "build the dataset again or give more --num-frames") from error


def _row(record: dict, condition: str, completion: str) -> dict:
    scored = score(record, completion)
    kept = {name: record[name] for name in ("id", "scene_id", "task", "scale", "answer_type")}
    return {
        **kept,
        "condition": condition,
        "reference": record["answer"],
        "unit": record["unit"],
        "completion": completion,
        "parsed": scored.parsed,
        "score": float(scored.value),
    }
