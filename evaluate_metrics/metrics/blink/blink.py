"""BLINK (https://arxiv.org/abs/2404.12390): choices about images, and the subset of it that is spatial."""

from collections.abc import Mapping, Sequence

import evaluate

from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import mean_of
from evaluate_metrics.published import blink as published

SPATIAL = (
    "Relative_Depth",
    "Spatial_Relation",
    "Multi-view_Reasoning",
    "Visual_Correspondence",
    "Object_Localization",
)
KINDS = dict.fromkeys(published.SUBTASKS, bench.CHOICE)


def blink(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to BLINK.

    The spatial subset is ours: relative depth, spatial relation, multi-view reasoning, visual correspondence and
    object localization, which ask where things and cameras are; every subtask is reported as well.

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them;
            the answer is a letter, with or without the brackets of the data set.
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published"
            is zeyofu/BLINK_Benchmark, bit for bit: "(A)" is an answer, any other text is none.
        num_resamples: Of the images, for the intervals.

    Returns:
        For "robust": `spatial` and `overall` (means of the subtasks that have questions), `tasks` and `coverage`. Else
        what the scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references, KINDS)
    if protocol != "robust":
        return bench.as_published({"published": published.own}, protocol, predictions, references)
    rows = [{**row, "answer": row["answer"].strip("()")} for row in references]
    scored = bench.break_down(predictions, rows, KINDS, num_resamples)
    tasks = scored.by([row["task"] for row in rows], published.SUBTASKS)
    spatial = [tasks[task] for task in SPATIAL if task in tasks]
    return {
        **({"spatial": mean_of(spatial).to_json()} if spatial else {}),
        "overall": mean_of(tasks.values()).to_json(),
        "tasks": {task: figure.to_json() for task, figure in tasks.items()},
        "coverage": scored.coverage(),
    }


class Blink(evaluate.Metric):
    """`blink` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=blink.__doc__,
            features=bench.reference_features(),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return blink(predictions, references, protocol, num_resamples)
