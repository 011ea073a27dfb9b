"""CV-Bench (Cambrian-1, https://arxiv.org/abs/2406.16860): choices about 2-D and 3-D, averaged by its own formula."""

from collections.abc import Mapping, Sequence

import datasets
import evaluate

from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.breakdown import mean_of
from evaluate_metrics.published import cv_bench as published

SOURCES = {"2D": ("ADE20K", "COCO"), "3D": ("Omni3D",)}
KINDS = dict.fromkeys(("Count", "Relation", "Depth", "Distance"), bench.CHOICE)


def cv_bench(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to CV-Bench: ½ (½ (ADE20K + COCO) + Omni3D).

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them, with `source`
            ("ADE20K", "COCO" or "Omni3D"); the answer is a letter, with or without the brackets of the data set.
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published"
            is lmms-eval 0.7.3, which runs the formula of the authors, bit for bit.
        num_resamples: Of the scenes, for the intervals.

    Returns:
        For "robust": `overall` by the formula, `2D`, `3D`, `sources`, `tasks` and `coverage`; what has no questions is
        left out. Else what the scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references, KINDS)
    if protocol != "robust":
        return bench.as_published({"published": published.lmms}, protocol, predictions, references)
    rows = [{**row, "answer": row["answer"].strip("()")} for row in references]
    scored = bench.break_down(predictions, rows, KINDS, num_resamples)
    sources = scored.by([row["source"] for row in rows])
    halves = {
        half: mean_of(sources[name] for name in names if name in sources)
        for half, names in SOURCES.items()
        if any(name in sources for name in names)
    }
    return {
        "overall": mean_of(halves.values()).to_json(),
        **{half: figure.to_json() for half, figure in halves.items()},
        "sources": {name: figure.to_json() for name, figure in sources.items()},
        "tasks": {name: figure.to_json() for name, figure in scored.by([row["task"] for row in rows]).items()},
        "coverage": scored.coverage(),
    }


class CvBench(evaluate.Metric):
    """`cv_bench` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=cv_bench.__doc__,
            features=bench.reference_features(source=datasets.Value("string")),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return cv_bench(predictions, references, protocol, num_resamples)
