"""Predictions put beside their questions by id; what does not fit is counted and named, never dropped in silence."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_builders.errors import InputError

_REQUIRED = {"id": str, "condition": str, "scene_id": str, "task": str, "score": (int, float)}


@dataclass(frozen=True)
class Joined:
    """Predictions in the order of their questions.

    Attributes:
        predictions: One for each question, None where there is none; of several for one question the first.
        missing: Ids of questions without a prediction.
        repeated: Ids of further predictions for a question that has one.
        unknown: Ids of predictions for no question.
    """

    predictions: tuple
    missing: tuple[str, ...]
    repeated: tuple[str, ...]
    unknown: tuple[str, ...]


def join(question_ids: Sequence[str], predictions: Iterable[tuple[str, object]]) -> Joined:
    """Put predictions beside their questions.

    Args:
        question_ids: Of the benchmark, each once.
        predictions: (id, prediction) pairs.

    Raises:
        InputError: if there is no prediction, or none for any of the questions.

    >>> joined = join(["a", "b"], [("a", "1"), ("a", "2"), ("c", "3")])
    >>> joined.predictions, joined.missing, joined.repeated, joined.unknown
    (('1', None), ('b',), ('a',), ('c',))
    """
    known = set(question_ids)
    first: dict[str, object] = {}
    repeated, unknown = [], []
    for name, prediction in predictions:
        if name in first:
            repeated.append(name)
        elif name in known:
            first[name] = prediction
        else:
            unknown.append(name)
    if not first:
        problem = f"are {len(unknown)}, and none is for a question of this benchmark" if unknown else "are none"
        raise InputError("predictions", "rows", problem, "give the predictions for these questions")
    missing = [name for name in question_ids if name not in first]
    return Joined(tuple(map(first.get, question_ids)), tuple(missing), tuple(repeated), tuple(unknown))


def read_run(folder: Path, condition: str = "video") -> list[dict]:
    """Read the predictions that `python -m evaluate_metrics run` wrote, of one condition.

    Raises:
        InputError: if there are none, or a line is not a prediction.
    """
    path = Path(folder) / "predictions.jsonl"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, "content", f"cannot be read ({error})", "give the output folder of a run") from error
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=1)]
    chosen = [row for row in rows if row["condition"] == condition]
    if not chosen:
        held = ", ".join(sorted({row["condition"] for row in rows})) or "nothing"
        problem = f"holds no predictions for {condition!r}, but {held}"
        raise InputError(path, "condition", problem, "finish the run, or name another condition")
    return chosen


def _row(path: Path, number: int, line: str) -> dict:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, Mapping):
        raise InputError(path, f"line {number}", "is no JSON object", "repeat the run, which completes its file")
    for field, kind in _REQUIRED.items():
        if not isinstance(row.get(field), kind):
            raise InputError(path, f"line {number}", f"has {field} {row.get(field)!r}", "give the output of a run")
    return row
