"""SpaceVista-Bench: scores per scale, task and answer type, over questions and over tasks."""

from collections.abc import Mapping, Sequence

import datasets
import evaluate

from dataset_builders.errors import InputError
from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import mean_of
from evaluate_metrics.published import spacevista_bench as published

_TEXT = datasets.Value("string")
ANSWER_TYPES = {"mc": "multiple_choice", "numerical": "regression", "text": "free_form"}


def spacevista_bench(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to SpaceVista-Bench.

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them, with `category`
            (the scale, as published), `answer_type` ("mc", "numerical" or "text") and `unit` (may be "").
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published"
            is PeiwenSun2000/SpaceVista, bit for bit.
        num_resamples: Of the scenes, for the intervals.

    Returns:
        For "robust": `micro` (mean over questions), `macro` (mean over tasks), `scales`, `tasks`, `answer_types` and
        `coverage`. Else what the scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references)
    for row in references:
        if row["answer_type"] not in ANSWER_TYPES:
            problem = f"is {row['answer_type']!r}"
            raise InputError(f"question {row['id']}", "answer_type", problem, "give mc, numerical or text")
        if row["answer_type"] == "numerical":
            bench.check_number(row)
    if protocol != "robust":
        return bench.as_published({"published": published.official}, protocol, predictions, references)
    records = [{**row, "answer_type": ANSWER_TYPES[row["answer_type"]]} for row in references]
    scored = bench.break_down_records(predictions, records, num_resamples)
    tasks = scored.by([row["task"] for row in records])
    groups = {
        "scales": scored.by([row["category"] for row in records], published.CATEGORIES),
        "tasks": tasks,
        "answer_types": scored.by([row["answer_type"] for row in records], ANSWER_TYPES.values()),
    }
    return {
        "micro": scored.all().to_json(),
        "macro": mean_of(tasks.values()).to_json(),
        **{name: {label: one.to_json() for label, one in figures.items()} for name, figures in groups.items()},
        "coverage": scored.coverage(),
    }


class SpaceVistaBench(evaluate.Metric):
    """`spacevista_bench` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=spacevista_bench.__doc__,
            features=bench.reference_features(category=_TEXT, answer_type=_TEXT, unit=_TEXT),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return spacevista_bench(predictions, references, protocol, num_resamples)
