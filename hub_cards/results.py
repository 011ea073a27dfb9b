"""What `python -m evaluate_metrics run` wrote, and the check that it belongs to the model at hand."""

from dataclasses import dataclass
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES
from evaluate_metrics.questions import dataset_files, fingerprint, model_files
from hub_cards.files import field, read_json, read_json_lines, require
from hub_cards.templating import interval, score, signed, words

EVALUATE = "evaluate with `python -m evaluate_metrics run`"
PREDICTION_FIELDS = ["id", "scale", "task", "condition", "completion", "parsed", "score"]
SCORE_FIELDS = ["n", "model", "blind", "chance", "interval", "over_blind.margin", "over_blind.interval"]
RESULT_FIELDS = [
    "model",
    "dataset",
    "split",
    "num_questions",
    "num_scenes",
    "versions",
    "unparsed.video",
    "unparsed.blind",
]
RESULT_FIELDS += ["settings.model_sha256", "settings.dataset_sha256", "settings.num_frames"]
SCORE_FIELDS += ["over_chance.margin", "over_chance.interval"]


@dataclass(frozen=True)
class ScoreRow:
    """One line of a results table, percent.

    Attributes:
        group: `overall`, `task` or `scale`.
        name: `micro`, `macro`, a task or a scale.
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
        rows: Its scores: overall first, then by task, then by scale.
    """

    path: Path
    data: dict
    rows: tuple[ScoreRow, ...]

    def group(self, name: str) -> list[ScoreRow]:
        """Return the scores of one group."""
        return [row for row in self.rows if row.group == name]

    def predictions(self) -> list[dict]:
        """Read the answers to single questions, which lie beside the scores."""
        path = require(self.path.parent / "predictions.jsonl", "evaluation", EVALUATE)
        rows = read_json_lines(path)
        for row in rows:
            for name in PREDICTION_FIELDS:
                field(row, name, path)
        return rows


def open_results(path: Path, model: Path) -> Results:
    """Read the results of a model.

    Args:
        path: The folder of an evaluation, or its `results.json`.
        model: The model folder that the results must belong to.

    Raises:
        InputError: if they cannot be read, lack a field, or are those of another model.
    """
    path, model = Path(path), Path(model)
    path = require(path / "results.json", "evaluation", EVALUATE) if path.is_dir() else path
    data = read_json(path)
    for name in RESULT_FIELDS:
        field(data, name, path)
    if fingerprint(model, model_files(model)) != data["settings"]["model_sha256"]:
        problem = f"{data['model']!r} is another model than {model.resolve().name!r}, or its files changed since"
        raise InputError(path, "model_sha256", problem, EVALUATE)
    rows = [ScoreRow("overall", name, field(data, f"overall.{name}", path)) for name in ("micro", "macro")]
    for group, order in (("task", TASK_NAMES), ("scale", SCALE_NAMES)):
        scores = field(data, f"by_{group}", path)
        rows += [ScoreRow(group, name, scores[name]) for name in order if name in scores]
    for row in rows:
        for name in SCORE_FIELDS:
            field(row.values, name, path)
    return Results(path=path, data=data, rows=tuple(rows))


def check_dataset(results: Results, dataset: Path) -> None:
    """Refuse a dataset folder other than the one that was evaluated.

    Raises:
        InputError: naming both.
    """
    files = dataset_files(dataset, results.data["split"])
    if fingerprint(dataset, files) != results.data["settings"]["dataset_sha256"]:
        problem = f"{results.data['dataset']!r} is another dataset than {dataset.resolve().name!r}"
        raise InputError(results.path, "dataset_sha256", problem, "give the dataset that was evaluated")


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
