"""SPAR-Bench (https://arxiv.org/abs/2503.22976): twenty tasks at three levels, with the view-change metric."""

from collections.abc import Mapping, Sequence

import evaluate

from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import Breakdown, mean_of
from evaluate_metrics.mra import mean_relative_accuracy
from evaluate_metrics.parsing import extract_answer
from evaluate_metrics.published import spar_bench as published
from evaluate_metrics.scoring import Score, Scores, score

LEVELS = {"low": published.LOW, "middle": published.MIDDLE, "high": published.HIGH}
KINDS = (
    dict.fromkeys((*published.MIDDLE, *published.HIGH), bench.CHOICE)
    | dict.fromkeys(published.LOW, ("regression", "m"))
    | {published.VIEW_CHANGE: ("motions", "")}
)


def view_change(prediction: str, answer: str) -> Score:
    """Score a motion of the camera, written "move_right:0.5,rotate_up:10"; units are those of the answer.

    >>> view_change("<answer>move_left:0.5, rotate_up:10</answer>", "move_left:0.5,rotate_up:20").value
    0.8
    """
    try:
        guesses = published.motions(extract_answer(prediction).replace(" ", ""))
    except ValueError:
        return Score(None, 0.0)
    scores = [mean_relative_accuracy(*pair) for pair in zip(guesses, published.motions(answer), strict=True)]
    return Score(prediction, sum(scores) / len(scores))


def spar_bench(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to SPAR-Bench.

    A view change is five numbers (right, up, forward, turn right, turn up); its score is the mean of their mean
    relative accuracies, and 0 where a motion is written in another form.

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them.
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published"
            is fudan-zvg/spar, bit for bit, quirks included (`evaluate_metrics.published.spar_bench`).
        num_resamples: Of the scenes, for the intervals.

    Returns:
        For "robust": `overall` (mean of the tasks), `low`, `middle`, `high` (means of the tasks of a level), `tasks`
        and `coverage`. Else what the scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references, KINDS)
    if protocol != "robust":
        return bench.as_published({"published": published.own}, protocol, predictions, references)
    scores = [_score(prediction or "", row) for prediction, row in zip(predictions, references, strict=True)]
    scored = Breakdown(Scores(*zip(*scores, strict=True)), predictions, references, num_resamples)
    tasks = scored.by([row["task"] for row in references], KINDS)
    levels = {
        level: mean_of(tasks[task] for task in names if task in tasks)
        for level, names in LEVELS.items()
        if any(task in tasks for task in names)
    }
    return {
        "overall": mean_of(tasks.values()).to_json(),
        **{level: figure.to_json() for level, figure in levels.items()},
        "tasks": {task: figure.to_json() for task, figure in tasks.items()},
        "coverage": scored.coverage(),
    }


def _score(prediction: str, row: Mapping) -> Score:
    if row["task"] == published.VIEW_CHANGE:
        return view_change(prediction, row["answer"])
    answer_type, unit = KINDS[row["task"]]
    return score({**row, "answer_type": answer_type, "unit": unit}, prediction)


class SparBench(evaluate.Metric):
    """`spar_bench` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=spar_bench.__doc__,
            features=bench.reference_features(),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return spar_bench(predictions, references, protocol, num_resamples)
