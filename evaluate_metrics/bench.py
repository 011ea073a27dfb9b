"""What the metrics of all question benchmarks share: the rows they take, their checks, and our way to score them.

A reference row holds `id`, `scene_id` (the image or video; the unit of resampling), `task` (as the benchmark names
it), `answer` (a letter, a number, or words), `options` (empty for numbers and words), and what one benchmark adds. A
prediction is the text of a completion, or None where there is none.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import datasets

from dataset_builders.errors import InputError
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import Breakdown
from evaluate_metrics.published.reading import to_float
from evaluate_metrics.scoring import score_columns

CHOICE = ("multiple_choice", "")
"""Answer type and unit of a choice; of a task that asks for metres they are ("regression", "m")."""

Kinds = Mapping[str, tuple[str, str]]


def break_down(
    predictions: Sequence[str | None], references: Sequence[Mapping], kinds: Kinds, num_resamples: int = NUM_RESAMPLES
) -> Breakdown:
    """Score predictions in our way: robust reading, exact letters or words, mean relative accuracy of the paper.

    Args:
        predictions: N completions.
        references: N rows.
        kinds: Answer type and unit of every task of the benchmark.
        num_resamples: Of the scenes, for the intervals.
    """
    answer_types, units = zip(*[kinds[row["task"]] for row in references], strict=True)
    options, answers = ([row[name] for row in references] for name in ("options", "answer"))
    completions = [prediction or "" for prediction in predictions]
    scores = score_columns(answer_types, units, options, answers, completions)
    return Breakdown(scores, predictions, references, num_resamples)


def break_down_records(
    predictions: Sequence[str | None], records: Sequence[Mapping], num_resamples: int = NUM_RESAMPLES
) -> Breakdown:
    """Score predictions of rows that state their own `answer_type` and `unit`."""
    columns = ([record[name] for record in records] for name in ("answer_type", "unit", "options", "answer"))
    scores = score_columns(*columns, [prediction or "" for prediction in predictions])
    return Breakdown(scores, predictions, records, num_resamples)


def check(predictions: Sequence[str | None], references: Sequence[Mapping], kinds: Kinds | None = None) -> None:
    """Check that predictions and references fit together and belong to the benchmark.

    Raises:
        InputError: naming the first thing that does not: no rows, different numbers of them, an id that is there
            twice, a task that the benchmark does not have, an answer that is no number where one is asked for.
    """
    if not references:
        raise InputError("references", "rows", "are none", "give the questions of the benchmark")
    if len(predictions) != len(references):
        problem = f"are {len(predictions)} for {len(references)} references"
        raise InputError("predictions", "rows", problem, "give one for each, None where there is none")
    ids = [row["id"] for row in references]
    if len(set(ids)) < len(ids):
        ((most_common, times),) = Counter(ids).most_common(1)
        raise InputError("references", "id", f"{most_common!r} is there {times} times", "give every question once")
    for row in references if kinds is not None else ():
        kind = kinds.get(row["task"])
        if kind is None:
            problem = f"{row['task']!r} is no task of this benchmark"
            raise InputError(f"question {row['id']}", "task", problem, f"give one of {', '.join(kinds)}")
        if kind[0] == "regression":
            check_number(row)


def check_number(row: Mapping) -> None:
    """Check that the answer of a row is a finite number.

    Raises:
        InputError: if it is not.
    """
    number = to_float(row["answer"])
    if number is None or not math.isfinite(number):
        problem = f"is {row['answer']!r}, and the task asks for a number"
        raise InputError(f"question {row['id']}", "answer", problem, "give the questions of this benchmark")


def reference_features(**more: datasets.Value) -> datasets.Features:
    """Return the columns for `evaluate`: a text per prediction, a row per reference with what one benchmark adds."""
    text = datasets.Value("string")
    row = {"id": text, "scene_id": text, "task": text, "answer": text, "options": datasets.List(text)}
    return datasets.Features({"predictions": text, "references": row | more})


def as_published(
    scorers: Mapping[str, Callable], protocol: str, predictions: Sequence[str | None], references: Sequence[Mapping]
) -> dict:
    """Score predictions as a public scorer does.

    Raises:
        InputError: for a missing prediction, which public scorers do not know; one takes an empty one for right.
        ValueError: for a protocol that a metric does not have.
    """
    if protocol not in scorers:
        raise ValueError(f"protocol must be one of {', '.join(['robust', *scorers])}, got {protocol!r}")
    missing = [row["id"] for prediction, row in zip(predictions, references, strict=True) if prediction is None]
    if missing:
        problem = f"lacks {len(missing)} questions, {missing[0]!r} the first; {protocol!r} cannot score that"
        raise InputError("predictions", "rows", problem, "give an empty text, or protocol robust")
    return scorers[protocol](predictions, references)
