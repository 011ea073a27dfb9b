"""3DSRBench (https://arxiv.org/abs/2412.07825): choices about one image, its mirror image, and shifted options."""

from collections.abc import Mapping, Sequence

import evaluate

from evaluate_metrics import bench
from evaluate_metrics.bootstrap import NUM_RESAMPLES
from evaluate_metrics.published import three_dsr_bench as published

KINDS = dict.fromkeys(published.CATEGORIES, bench.CHOICE)
_GROUPS = {
    "flip": published.without_flip,
    "circular": published.without_shift,
    "flip_circular": published.without_variant,
}


def three_dsr_bench(
    predictions: Sequence[str | None],
    references: Sequence[Mapping],
    protocol: str = "robust",
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score answers to 3DSRBench.

    A question is right under circular evaluation if all shifts of its options are answered rightly, under flip
    evaluation if it and its mirror image are.

    Args:
        predictions: N completions, None where there is none.
        references: N rows as `evaluate_metrics.bench` describes them;
            ids are those published: eight characters, then "-flip", then "-1" and so on for the shifts.
        protocol: "robust" reads answers as a person would, and scores numbers by the paper's MRA; "published"
            is lmms-eval 0.7.3, bit for bit.
        num_resamples: Of the images, for the intervals.

    Returns:
        For "robust": `vanilla` (mean over rows), `flip`, `circular`, `flip_circular` (shares of whole groups),
        `categories`, `tasks` (means over rows) and `coverage`. Else what the scorer returns.

    Raises:
        InputError: if rows do not fit together or are not of this benchmark.
        ValueError: for another protocol.
    """
    bench.check(predictions, references, KINDS)
    if protocol != "robust":
        return bench.as_published({"published": published.lmms}, protocol, predictions, references)
    scored = bench.break_down(predictions, references, KINDS, num_resamples)
    tasks = [row["task"] for row in references]
    categories = scored.by([published.CATEGORIES[task] for task in tasks])
    wholes = {
        name: scored.whole_groups([key(row["id"]) for row in references]).to_json() for name, key in _GROUPS.items()
    }
    return {
        "vanilla": scored.all().to_json(),
        **wholes,
        "categories": {name: figure.to_json() for name, figure in categories.items()},
        "tasks": {task: figure.to_json() for task, figure in scored.by(tasks).items()},
        "coverage": scored.coverage(),
    }


class ThreeDsrBench(evaluate.Metric):
    """`three_dsr_bench` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=three_dsr_bench.__doc__,
            features=bench.reference_features(),
        )

    def _compute(self, predictions, references, protocol="robust", num_resamples=NUM_RESAMPLES):
        return three_dsr_bench(predictions, references, protocol, num_resamples)
