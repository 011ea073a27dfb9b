"""Mean relative accuracy (VSI-Bench, https://arxiv.org/abs/2412.14171): how close numbers are, by ten thresholds."""

from collections.abc import Sequence

import datasets
import evaluate

from evaluate_metrics import mra


def mean_relative_accuracy(predictions: Sequence[float], references: Sequence[float], protocol: str = "paper") -> dict:
    """Score numbers.

    Args:
        predictions: N numbers; NaN, or None, where there is none, scores 0.
        references: N numbers.
        protocol: As in `evaluate_metrics.mean_relative_accuracy`.

    Returns:
        `mean_relative_accuracy`, the mean in [0, 1]; `scores`, one each.

    Raises:
        ZeroDivisionError, ValueError: as `evaluate_metrics.mean_relative_accuracy` does.

    >>> mean_relative_accuracy([3.0, 9.0], [4.0, 10.0])
    {'mean_relative_accuracy': 0.65, 'scores': [0.5, 0.8]}
    """
    guesses = [float("nan") if guess is None else guess for guess in predictions]
    scores = [mra.mean_relative_accuracy(*pair, protocol) for pair in zip(guesses, references, strict=True)]
    if not scores:
        raise ValueError("references must hold at least one number, got none")
    return {"mean_relative_accuracy": sum(scores) / len(scores), "scores": scores}


class MeanRelativeAccuracy(evaluate.Metric):
    """`mean_relative_accuracy` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=mean_relative_accuracy.__doc__,
            features=datasets.Features({name: datasets.Value("float64") for name in ("predictions", "references")}),
        )

    def _compute(self, predictions, references, protocol="paper"):
        return mean_relative_accuracy(predictions, references, protocol)
