"""VSI-Bench as scored by thinking-in-space (its own scorer), lmms-eval, VLMEvalKit and SpaceVista.

Sources: vision-x-nyu/thinking-in-space at 51e089c and lmms-eval 0.7.3, `lmms_eval/tasks/vsibench/utils.py`;
open-compass/VLMEvalKit at e8e78f0, `vlmeval/dataset/vsibench.py`, without a judge; PeiwenSun2000/SpaceVista at
920a9b7, `eval/metrics/vsibench.py`.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from evaluate_metrics.mra import mean_relative_accuracy
from evaluate_metrics.published import reading, vlmeval_reading
from evaluate_metrics.published.means import means_by, sum_in_order

NUMBERS = ("object_abs_distance", "object_counting", "object_size_estimation", "room_size_estimation")
DIRECTIONS = tuple(f"object_rel_direction_{level}" for level in ("easy", "medium", "hard"))
CHOICES = (*DIRECTIONS, "object_rel_distance", "route_planning", "obj_appearance_order")
COLUMNS = (
    "object_counting",
    "object_abs_distance",
    "object_size_estimation",
    "room_size_estimation",
    "object_rel_distance",
    "object_rel_direction",
    "route_planning",
    "obj_appearance_order",
)
"""The eight columns in the order of the published table; the three levels of direction are one."""


def tis(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return `overall` and the columns in percent.

    Raises:
        ZeroDivisionError: where the truth is 0, as there.
        KeyError: where there are easy directions but no medium or hard ones, as there.
    """
    means = _means(predictions, references, "tis", reading.tis_number, reading.tis_token)
    if _key(DIRECTIONS[0]) in means:
        _collapse(means)
    return _in_percent(means)


def lmms(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return `vsibench_overall` and the columns, rounded to six decimals, 0.0 where there are no questions.

    Raises:
        ZeroDivisionError: where the truth is 0, as there.
        KeyError: where one of the three levels of direction has no questions, as there.
    """
    means = _means(predictions, references, "lmms", reading.lmms_number, reading.tis_token)
    _collapse(means)
    overall = sum_in_order(means.values()) / len(means)
    names = {column: f"{column}_mra" if column in NUMBERS else f"{column}_accuracy" for column in COLUMNS}
    columns = {names[column]: round(means.get(_key(column), 0.0), 6) for column in COLUMNS}
    return {"vsibench_overall": round(overall, 6), **columns}


def vlmeval(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return `overall` and the columns in percent; levels of direction collapse only if all three have questions.

    A choice whose answer is no letter from A to F is right wherever no letter can be read.
    """

    def letter(text: str) -> str:
        return str(vlmeval_reading.letter(text))

    rows = [row if row["task"] in NUMBERS else {**row, "answer": letter(row["answer"])} for row in references]
    means = _means(predictions, rows, "vlmeval", vlmeval_reading.number, letter)
    means = {key: means[key] for key in sorted(means, key=lambda key: "MRA" in key)}  # choices are added up first
    if all(_key(level) in means for level in DIRECTIONS):
        _collapse(means)
    return _in_percent(means)


def official(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return the columns and `overall_accuracy` in [0, 1]; levels of direction that have no questions do not count."""
    answers = [reading.official_answer(prediction) for prediction in predictions]
    means = _means(answers, references, "official", reading.official_number, reading.official_letter)
    levels = [means.pop(_key(level)) for level in DIRECTIONS if _key(level) in means]
    if levels:
        means[_key("object_rel_direction")] = float(np.mean(levels))
    return {**means, "overall_accuracy": float(np.mean(list(means.values())))}


def _means(
    predictions: Sequence[str], references: Sequence[Mapping], protocol: str, number: Callable, letter: Callable
) -> dict[str, float]:
    values = []
    for prediction, row in zip(predictions, references, strict=True):
        if row["task"] in NUMBERS:
            guess, truth = number(prediction), reading.to_float(row["answer"])
            readable = guess is not None and truth is not None
            values.append(mean_relative_accuracy(guess, truth, protocol) if readable else 0.0)
        else:
            values.append(float(letter(prediction).lower() == row["answer"].lower()))
    return means_by([_key(row["task"]) for row in references], values)


def _in_percent(means: dict[str, float]) -> dict[str, float]:
    columns = {_key(column): means[_key(column)] * 100.0 for column in COLUMNS if _key(column) in means}
    return {"overall": sum_in_order(means.values()) / len(means) * 100.0, **columns}


def _key(task: str) -> str:
    return f"{task}_MRA:.5:.95:.05" if task in NUMBERS else f"{task}_accuracy"


def _collapse(means: dict[str, float]) -> None:
    means[_key("object_rel_direction")] = sum_in_order(means.pop(_key(level)) for level in DIRECTIONS) / 3.0
