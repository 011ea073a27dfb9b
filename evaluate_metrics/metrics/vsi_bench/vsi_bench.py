"""VSI-Bench (Thinking in Space, https://arxiv.org/abs/2412.14171): eight columns, levels of direction collapsed."""

from collections.abc import Mapping, Sequence

import evaluate

from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import mean_of
from evaluate_metrics.published import vsi_bench as published

KINDS = {
    "object_counting": ("regression", ""),
    "object_abs_distance": ("regression", "m"),
    "object_size_estimation": ("regression", "cm"),
    "room_size_estimation": ("regression", "m²"),
} | dict.fromkeys(published.CHOICES, bench.CHOICE)
_SCORERS = {
    "published": published.tis,
    "lmms": published.lmms,
    "vlmeval": published.vlmeval,
    "official": published.official,
}


def vsi_bench(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to VSI-Bench.

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them.
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published" is
            thinking-in-space, bit for bit; "lmms" is lmms-eval 0.7.3; "vlmeval" is VLMEvalKit; "official" is
            SpaceVista.
        num_resamples: Of the scenes, for the intervals.

    Returns:
        For "robust": `overall` (mean of the columns), `columns` (a column that has no questions is left out),
        `directions` (its levels) and `coverage`. Else what that scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references, KINDS)
    if protocol != "robust":
        return bench.as_published(_SCORERS, protocol, predictions, references)
    scored = bench.break_down(predictions, references, KINDS, num_resamples)
    tasks = scored.by([row["task"] for row in references])
    directions = {level: tasks[level] for level in published.DIRECTIONS if level in tasks}
    columns = dict(tasks)
    if directions:
        columns["object_rel_direction"] = mean_of(directions.values())
    columns = {column: columns[column] for column in published.COLUMNS if column in columns}
    return {
        "overall": mean_of(columns.values()).to_json(),
        "columns": {column: figure.to_json() for column, figure in columns.items()},
        "directions": {level: figure.to_json() for level, figure in directions.items()},
        "coverage": scored.coverage(),
    }


class VsiBench(evaluate.Metric):
    """`vsi_bench` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=vsi_bench.__doc__,
            features=bench.reference_features(),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return vsi_bench(predictions, references, protocol, num_resamples)
