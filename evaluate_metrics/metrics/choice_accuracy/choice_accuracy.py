"""Accuracy of choices, read from free text: letters, or the text of the option."""

from collections.abc import Sequence

import datasets
import evaluate

from evaluate_metrics.bootstrap import mean_interval
from evaluate_metrics.parsing import read_choice


def choice_accuracy(
    predictions: Sequence[str | None],
    references: Sequence[str],
    options: Sequence[Sequence[str]] | None = None,
    scene_ids: Sequence[str] | None = None,
) -> dict:
    """Score choices.

    Args:
        predictions: N completions, None where there is none.
        references: N letters.
        options: N lists of option texts, by which an answer without a letter is found.
        scene_ids: N scenes, the unit of resampling; each question is its own by default.

    Returns:
        `accuracy` in [0, 1] over all questions and its 95 % `interval`; `questions`, `answered` and `ambiguous` count
        them, those from which a letter was read, and those that name several.

    >>> choice_accuracy(["(A)", "the cup"], ["A", "B"], [["bowl", "cup"]] * 2)
    {'accuracy': 1.0, 'interval': [1.0, 1.0], 'questions': 2, 'answered': 2, 'ambiguous': 0}
    """
    if not references:
        raise ValueError("references must hold at least one letter, got none")
    known = [None] * len(references) if options is None else options
    readings = [read_choice(text or "", one) for text, one in zip(predictions, known, strict=True)]
    right = [reading.value == letter for reading, letter in zip(readings, references, strict=True)]
    return {
        "accuracy": sum(right) / len(right),
        "interval": mean_interval(right, scene_ids),
        "questions": len(right),
        "answered": sum(reading.value is not None for reading in readings),
        "ambiguous": sum(reading.flag is not None for reading in readings),
    }


class ChoiceAccuracy(evaluate.Metric):
    """`choice_accuracy` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=__doc__,
            citation="",
            inputs_description=choice_accuracy.__doc__,
            features=datasets.Features({name: datasets.Value("string") for name in ("predictions", "references")}),
        )

    def _compute(self, predictions, references, options=None, scene_ids=None):
        return choice_accuracy(predictions, references, options, scene_ids)
