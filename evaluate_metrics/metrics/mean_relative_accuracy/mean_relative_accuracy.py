"""Mean relative accuracy (VSI-Bench, https://arxiv.org/abs/2412.14171): how close numbers are, by ten thresholds."""

from collections.abc import Sequence

import datasets
import evaluate

from evaluate_metrics import mra
from evaluate_metrics.bootstrap import mean_interval


def mean_relative_accuracy(
    predictions: Sequence[float | None],
    references: Sequence[float],
    protocol: str = "paper",
    scene_ids: Sequence[str] | None = None,
) -> dict:
    """Score numbers.

    Args:
        predictions: N numbers; NaN, or None, where there is none, scores 0.
        references: N numbers.
        protocol: As in `evaluate_metrics.mean_relative_accuracy`.
        scene_ids: N scenes, the unit of resampling; each number is its own by default.

    Returns:
        `mean_relative_accuracy`, the mean in [0, 1]; its 95 % `interval`; `scores`, one each.

    Raises:
        ZeroDivisionError, ValueError: as `evaluate_metrics.mean_relative_accuracy` does.

    >>> mean_relative_accuracy([3.0, 9.0], [4.0, 10.0])
    {'mean_relative_accuracy': 0.65, 'interval': [0.5, 0.8], 'scores': [0.5, 0.8]}
    """
    guesses = [float("nan") if guess is None else guess for guess in predictions]
    scores = [mra.mean_relative_accuracy(*pair, protocol) for pair in zip(guesses, references, strict=True)]
    if not scores:
        raise ValueError("references must hold at least one number, got none")
    return {
        "mean_relative_accuracy": sum(scores) / len(scores),
        "interval": mean_interval(scores, scene_ids),
        "scores": scores,
    }


class MeanRelativeAccuracy(evaluate.Metric):
    """`mean_relative_accuracy` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=mean_relative_accuracy.__doc__,
            features=datasets.Features({name: datasets.Value("float64") for name in ("predictions", "references")}),
        )

    def _compute(self, predictions, references, protocol="paper", scene_ids=None):
        return mean_relative_accuracy(predictions, references, protocol, scene_ids)
