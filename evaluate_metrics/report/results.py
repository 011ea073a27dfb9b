"""What `python -m evaluate_metrics run` wrote, and the checks that it belongs to the model and dataset at hand."""

from dataclasses import dataclass
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES
from evaluate_metrics.benchmarks import BENCHMARKS, Benchmark, open_benchmark
from evaluate_metrics.joining import read_run
from evaluate_metrics.questions import fingerprint, model_files
from evaluate_metrics.report.files import field, read_json, require
from evaluate_metrics.report.templating import interval, score, signed, words

EVALUATE = "evaluate with `python -m evaluate_metrics run`"
PREDICTION_FIELDS = {
    "scale": (str, type(None)),
    "answer_type": str,
    "unit": str,
    "reference": str,
    "completion": str,
    "parsed": (str, float, type(None)),
    "error": (str, type(None)),
}
_NO_NUMBER = ("parsed", "regression", str)
SCORE_FIELDS = ["n", "model", "blind", "chance", "interval"]
SCORE_FIELDS += [f"over_{name}.{part}" for name in ("blind", "chance") for part in ("margin", "interval")]
RESULT_FIELDS = ["model", "dataset", "benchmark", "split", "num_questions", "num_scenes", "versions", "columns"]
RESULT_FIELDS += ["unparsed.video", "unparsed.blind", "coverage.video.questions", "failures", "controls"]
RESULT_FIELDS += ["settings.dataset_sha256", "settings.num_frames"]


@dataclass(frozen=True)
class ScoreRow:
    """One line of a results table, percent.

    Attributes:
        group: `overall`, `task`, `scale` or `turn`.
        name: `micro`, `macro`, a task, a scale, or which turn of conversations.
        values: The score as `results.json` states it, with intervals and margins.
    """

    group: str
    name: str
    values: dict


@dataclass(frozen=True)
class Results:
    """An evaluation of one model on one split.

    Attributes:
        path: `results.json`.
        data: What it says.
        rows: Its scores: overall first, then by task, by scale and, where there are conversations, by turn.
    """

    path: Path
    data: dict
    rows: tuple[ScoreRow, ...]

    def group(self, name: str) -> list[ScoreRow]:
        """Return the scores of one group."""
        return [row for row in self.rows if row.group == name]

    def predictions(self, condition: str) -> list[dict]:
        """Read the answers to single questions under a condition, which lie beside the scores.

        Raises:
            InputError: if there are none, fewer than the scores stand on, or a row lacks a field.
        """
        path = self.path.parent / "predictions.jsonl"
        rows = read_run(path.parent, condition)
        for row in rows:
            for name, kind in PREDICTION_FIELDS.items():
                value = field(row, name, path)
                if not isinstance(value, kind) or (name, row["answer_type"], type(value)) == _NO_NUMBER:
                    raise InputError(path, f"question {row['id']}", f"has {name} {value!r}", EVALUATE)
        expected = field(self.data, f"coverage.{condition}.questions", self.path)
        if len({row["id"] for row in rows}) != expected:
            problem = f"are {len(rows)} for {condition!r}, and the scores stand on {expected}"
            raise InputError(path, "rows", problem, "repeat the run, which completes its files")
        return rows


def open_results(path: Path) -> Results:
    """Read the results of an evaluation.

    Args:
        path: Its folder, or its `results.json`.

    Raises:
        InputError: if they cannot be read or lack a field.
    """
    path = Path(path)
    path = require(path if path.suffix == ".json" else path / "results.json", "evaluation", EVALUATE)
    data = read_json(path)
    for name in RESULT_FIELDS:
        field(data, name, path)
    rows = [ScoreRow("overall", name, field(data, f"overall.{name}", path)) for name in ("micro", "macro")]
    for group, order in (("task", TASK_NAMES), ("scale", SCALE_NAMES)):
        scores = field(data, f"by_{group}", path)
        names = [*(name for name in order if name in scores), *(name for name in scores if name not in order)]
        rows += [ScoreRow(group, name, scores[name]) for name in names]
    rows += [ScoreRow("turn", name, scores) for name, scores in data.get("by_turn", {}).items()]
    for row in rows:
        for name in SCORE_FIELDS:
            field(row.values, name, path)
    return Results(path=path, data=data, rows=tuple(rows))


def check_model(results: Results, model: Path) -> None:
    """Refuse a model folder other than the one that was evaluated.

    Raises:
        InputError: naming both.
    """
    if fingerprint(model, model_files(model)) != field(results.data, "settings.model_sha256", results.path):
        problem = (
            f"{results.data['model']!r} is another model than {model.resolve().name!r}, or its files changed since"
        )
        raise InputError(results.path, "model_sha256", problem, EVALUATE)


def open_evaluated(results: Results, dataset: Path) -> Benchmark:
    """Open the questions that were asked, with their frames.

    Raises:
        InputError: if the folder is not what was evaluated.
    """
    data = results.data
    if data["benchmark"] not in BENCHMARKS:
        problem = f"is {data['benchmark']!r}"
        raise InputError(results.path, "benchmark", problem, f"give results on one of {', '.join(BENCHMARKS)}")
    if not Path(dataset).is_dir():
        raise InputError(dataset, "--dataset", "is not a folder", "give the dataset that was evaluated")
    frames = data["settings"]["num_frames"]
    opened = open_benchmark(BENCHMARKS[data["benchmark"]], str(dataset), data["split"], frames)
    if opened.sha256() != data["settings"]["dataset_sha256"]:
        problem = f"{data['dataset']!r} is another dataset than {Path(dataset).resolve().name!r}"
        raise InputError(results.path, "dataset_sha256", problem, "give the dataset that was evaluated")
    return opened


def text_table(results: Results) -> str:
    """Lay out all scores for a terminal."""
    head = ["", "n", "model", "95 %", "blind", "chance", "over blind", "over chance"]
    lines = [head]
    for row in results.rows:
        values, margins = row.values, [row.values["over_blind"], row.values["over_chance"]]
        numbers = [
            score(values["model"]),
            interval(values["interval"]),
            score(values["blind"]),
            score(values["chance"]),
        ]
        over = [f"{signed(margin['margin'])} {interval(margin['interval'])}" for margin in margins]
        lines.append([words(row.name), str(values["n"]), *numbers, *over])
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    template = "  ".join([f"{{:<{widths[0]}}}", *(f"{{:>{width}}}" for width in widths[1:])])
    return "\n".join(template.format(*line) for line in lines)


def shown(margin: dict) -> bool:
    """Tell whether a margin is above zero beyond doubt; an interval without width, from one scene, shows nothing.

    >>> shown({"margin": 5.0, "interval": [1.0, 9.0]}), shown({"margin": 5.0, "interval": [5.0, 5.0]})
    (True, False)
    """
    low, high = margin["interval"]
    return 0 < low < high


def verdict(results: Results) -> str:
    """Say in one sentence whether the model sees: does its micro score beat its own blind score and chance?

    A margin counts as far as `shown`.
    """
    micro = results.rows[0].values
    beaten = [name for name in ("blind", "chance") if shown(micro[f"over_{name}"])]
    names = {"blind": "its own score without the video", "chance": "chance"}
    if len(beaten) == 2:
        return f"The model beats {names['chance']} and {names['blind']}."
    if beaten:
        (missed,) = {"blind", "chance"} - set(beaten)
        return f"The model beats {names[beaten[0]]}, but not measurably {names[missed]}."
    return f"The model beats neither {names['chance']} nor {names['blind']} measurably."
