"""Asks a model every question of a benchmark, as it is, blind and under controls; writes predictions and results."""

import importlib.metadata
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from dataset_builders.errors import InputError
from evaluate_metrics.asking import SEED, answer, history, load, plan, rounds
from evaluate_metrics.backends import BACKENDS, Backend, BackendOptions, open_backend
from evaluate_metrics.backends.base import MEDIA
from evaluate_metrics.benchmarks import BENCHMARKS, Benchmark, open_benchmark
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.bootstrap import SEED as BOOTSTRAP_SEED
from evaluate_metrics.controls import CONDITIONS, CONTROLS, VIDEO, Condition, choose_controls
from evaluate_metrics.controls.summary import summarize_controls
from evaluate_metrics.predictions import Key, PredictionLog, write_json
from evaluate_metrics.prefetch import prefetch
from evaluate_metrics.summary import summarize
from evaluate_metrics.timing import Timing

BASELINES = ("video", "blind")
NAMED_FAILURES = 20
PACKAGES = ("spacevista", "torch", "transformers", "accelerate", "vllm", "datasets", "numpy", "pillow", "av")


@dataclass(frozen=True)
class RunArguments:
    """What an evaluation is asked to do.

    Attributes:
        model: Folder or Hub id of a model and its processor; for `openai` its name on the server.
        output: Folder for predictions and results.
        dataset: Folder or Hub id; None for the published repository of the benchmark.
        benchmark: A key of `BENCHMARKS`.
        split: Of the dataset.
        backend: One of `BACKENDS`.
        controls: Keys of `CONTROLS`, or `all`; `blind` is always among them.
        num_frames: Frames shown per question.
        batch_size: Questions per batch.
        max_new_tokens: Where a completion without end is cut.
        media: See `BackendOptions`, as the rest.
        base_url: Of the server.
        concurrency: Requests at once.
        requests_per_minute: At most.
    """

    model: str
    output: Path
    dataset: str | None = None
    benchmark: str = "spacevista"
    split: str = "test"
    backend: str = "transformers"
    controls: tuple[str, ...] = ()
    num_frames: int = 4
    batch_size: int = 32
    max_new_tokens: int = 128
    media: str = "video"
    base_url: str | None = None
    concurrency: int = 16
    requests_per_minute: int | None = None

    def __post_init__(self):
        """Refuse counts below 1 and names of nothing."""
        for name in ("num_frames", "batch_size", "max_new_tokens", "concurrency", "requests_per_minute"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError("run", f"--{name.replace('_', '-')}", f"is {value}", "give 1 or more")
        for name, known in (("benchmark", BENCHMARKS), ("backend", BACKENDS), ("media", MEDIA)):
            if getattr(self, name) not in known:
                problem = f"has no {getattr(self, name)!r}"
                raise InputError("run", f"--{name}", problem, f"choose of {', '.join(known)}")
        choose_controls(self.controls)


def run(arguments: RunArguments) -> dict:
    """Evaluate a model; what an earlier run with the same settings answered is not asked again, unless it failed.

    Returns:
        The content of `results.json`.

    Raises:
        InputError: for a model, benchmark, server or output folder that cannot be used.
    """
    definition = BENCHMARKS[arguments.benchmark]
    benchmark = open_benchmark(definition, arguments.dataset, arguments.split, arguments.num_frames)
    benchmark.scores({})  # a question that cannot be scored is told before any is asked
    controls = choose_controls(arguments.controls)
    conditions = [VIDEO, *(condition for name in controls for condition in CONTROLS[name])]
    with closing(open_backend(_backend_options(arguments))) as backend:
        settings = _settings(arguments, benchmark, backend)
        log = PredictionLog(arguments.output, settings, keys(benchmark.records, list(CONDITIONS.values())))
        timing = Timing(arguments.output)
        _ask(arguments, conditions, benchmark, backend, log, timing)
    results = build_results(arguments, settings, benchmark, controls, log, timing)
    write_json(arguments.output / "results.json", results)
    return results


def keys(records: Sequence[dict], conditions: Sequence[Condition]) -> dict[Key, list[Key]]:
    """Return all (id, condition) that can be asked, each with those that it follows in a conversation."""
    return {
        (record["id"], condition.name): [(turn["id"], under.name) for turn, under in history(record, condition)]
        for condition in conditions
        for record in records
        if condition.applies(record)
    }


def build_results(
    arguments: RunArguments,
    settings: dict,
    benchmark: Benchmark,
    controls: Sequence[str],
    log: PredictionLog,
    timing: Timing,
) -> dict:
    """Put together `results.json` from a complete log."""
    records = benchmark.records
    names = [VIDEO.name, *(condition.name for name in controls for condition in CONTROLS[name])]
    rows = {
        name: [log.rows[record["id"], name] for record in records if (record["id"], name) in log.rows]
        for name in names
    }
    answered = [row for name in names for row in rows[name]]
    failed = [row for row in answered if row["error"] is not None]
    return {
        "model": settings["settings"]["model"],
        "dataset": benchmark.folder.resolve().name,
        "benchmark": arguments.benchmark,
        "split": arguments.split,
        **settings,
        "num_questions": len(records),
        "num_scenes": len({record["scene_id"] for record in records}),
        **_conversations(records),
        **summarize(records, {name: [row["score"] for row in rows[name]] for name in BASELINES}),
        "columns": benchmark.scores({row["id"]: row["completion"] for row in rows["video"] if row["error"] is None}),
        "unparsed": {name: sum(row["parsed"] is None for row in rows[name]) for name in BASELINES},
        "coverage": {name: coverage(rows[name]) for name in names if rows[name]},
        "failures": [{key: row[key] for key in ("id", "condition", "error")} for row in failed[:NAMED_FAILURES]],
        "controls": summarize_controls(controls, records, log.rows),
        "run": {
            **timing.summary(),
            "tokens_in": sum(row["tokens_in"] for row in answered),
            "tokens_out": sum(row["tokens_out"] for row in answered),
        },
    }


def _conversations(records: Sequence[dict]) -> dict[str, int]:
    """Count conversations, where there are any; each of their turns is a question."""
    number = sum(record.get("earlier") == [] for record in records)
    return {"num_conversations": number} if number else {}


def coverage(rows: Sequence[Mapping]) -> dict[str, int]:
    """Count over how many questions a score stands, and what became of them.

    Returns:
        `questions`, and of these `answered` (an answer could be read), `empty` (the model wrote nothing), `unreadable`
        (it wrote no answer) and `failed` (there is no completion). All but the answered ones score 0.
    """
    kinds = Counter(map(_outcome, rows))
    return {"questions": len(rows), **{kind: kinds[kind] for kind in ("answered", "empty", "unreadable", "failed")}}


def format_coverage(results: Mapping) -> str:
    """Say in lines over how many questions the scores stand, and what failed."""
    lines = []
    for name in BASELINES:
        counts = results["coverage"][name]
        kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ("empty", "unreadable", "failed"))
        lines.append(f"{name}: {counts['answered']} of {counts['questions']} questions answered; {kinds} (score 0)")
    total = sum(counts["failed"] for counts in results["coverage"].values())
    if total:
        first = results["failures"][0]
        lines.append(
            f"{total} failed, the first is {first['id']} ({first['condition']}): {first['error']}; "
            "repeat the command to ask them again"
        )
    return "\n".join(lines)


def _outcome(row: Mapping) -> str:
    if row["error"] is not None:
        return "failed"
    if not row["completion"].strip():
        return "empty"
    return "unreadable" if row["parsed"] is None else "answered"


def _ask(
    arguments: RunArguments,
    conditions: Sequence[Condition],
    benchmark: Benchmark,
    backend: Backend,
    log: PredictionLog,
    timing: Timing,
) -> None:
    """Answer what is missing; batches are loaded in a thread while the device works on the one before."""
    wanted, done = keys(benchmark.records, conditions).keys(), frozenset(log.rows)
    lengths = {record["id"]: len(benchmark.prompt(record)) for record in benchmark.records}
    with tqdm(total=len(wanted), initial=len(wanted & done), desc="answering", unit="question") as progress:
        for records in rounds(benchmark.records):
            batches = plan(records, conditions, arguments.batch_size, done, lambda record: lengths[record["id"]])
            with closing(prefetch(load(batch, benchmark, backend, log.rows) for batch in batches)) as ready:
                begun = time.perf_counter()
                for loaded in ready:
                    arrived = time.perf_counter()
                    rows = answer(loaded, backend)
                    finished = time.perf_counter()
                    log.append(rows)
                    timing.append(len(rows), arrived - begun, finished - arrived)
                    progress.update(len(rows))
                    begun = finished


def _backend_options(arguments: RunArguments) -> BackendOptions:
    return BackendOptions(
        backend=arguments.backend,
        model=str(arguments.model),
        max_new_tokens=arguments.max_new_tokens,
        replies=arguments.output,
        media=arguments.media,
        base_url=arguments.base_url,
        concurrency=arguments.concurrency,
        requests_per_minute=arguments.requests_per_minute,
    )


def _settings(arguments: RunArguments, benchmark: Benchmark, backend: Backend) -> dict:
    """Collect everything that the predictions and their score depend on."""
    model = Path(arguments.model)
    return {
        "settings": {
            "backend": arguments.backend,
            "model": model.resolve().name if model.is_dir() else str(arguments.model),
            "benchmark": arguments.benchmark,
            "dataset_sha256": benchmark.sha256(),
            "dataset_revision": benchmark.revision,
            "split": arguments.split,
            "num_frames": arguments.num_frames,
            "frame_policy": "evenly spaced, first and last included, key frames kept",
            "prompt": benchmark.definition.wording,
            "batch_size": arguments.batch_size,
            "max_new_tokens": arguments.max_new_tokens,
            "controls_seed": SEED,
            **backend.describe(),
            "mean_relative_accuracy": "paper",
            "bootstrap": {"unit": "scene", "num_resamples": NUM_RESAMPLES, "seed": BOOTSTRAP_SEED},
        },
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    """Return the versions of what is installed of the libraries that matter."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
