"""MMSI-Bench (https://arxiv.org/abs/2505.23764): choices about several images, in eleven categories."""

from collections.abc import Mapping, Sequence

import evaluate

from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import mean_of
from evaluate_metrics.published import mmsi_bench as published

_PLACES = ("Cam.–Cam.", "Obj.–Obj.", "Reg.–Reg.", "Cam.–Obj.", "Obj.–Reg.", "Cam.–Reg.")
CATEGORIES = (
    *(f"Positional Relationship ({pair})" for pair in _PLACES),
    "Attribute (Meas.)",
    "Attribute (Appr.)",
    "Motion (Cam.)",
    "Motion (Obj.)",
    "MSR",
)
KINDS = dict.fromkeys(CATEGORIES, bench.CHOICE)


def mmsi_bench(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to MMSI-Bench.

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them.
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published"
            is OpenRobotLab/MMSI-Bench without a judge model, bit for bit.
        num_resamples: Of the scenes, for the intervals.

    Returns:
        For "robust": `overall` (mean over questions), `macro` (mean of the categories), `categories` and `coverage`.
        Else what the scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references, KINDS)
    if protocol != "robust":
        return bench.as_published({"published": published.own}, protocol, predictions, references)
    scored = bench.break_down(predictions, references, KINDS, num_resamples)
    categories = scored.by([row["task"] for row in references], CATEGORIES)
    return {
        "overall": scored.all().to_json(),
        "macro": mean_of(categories.values()).to_json(),
        "categories": {name: figure.to_json() for name, figure in categories.items()},
        "coverage": scored.coverage(),
    }


class MmsiBench(evaluate.Metric):
    """`mmsi_bench` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=mmsi_bench.__doc__,
            features=bench.reference_features(),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return mmsi_bench(predictions, references, protocol, num_resamples)
