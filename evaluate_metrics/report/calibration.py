"""What numeric answers are off by, over the size of the truth: is a model as good with millimetres as with metres?"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from dataset_builders.taxonomy import METRES
from evaluate_metrics.report.templating import measure


@dataclass(frozen=True)
class Bin:
    """The questions whose truth lies in one decade.

    Attributes:
        low: Of the decade, in metres, square metres or the unit of its kind; 0 for truths of 0.
        high: Of the decade.
        questions: How many.
        answered: How many of them a number was read from; the rest of the figures stand on these.
        ratio: Quartiles of answer over truth; None without an answer, and for truths of 0.
        error: Median of |answer - truth| / |truth|; None as `ratio`.
        score: Mean over all questions, percent.
    """

    low: float
    high: float
    questions: int
    answered: int
    ratio: tuple[float, float, float] | None
    error: float | None
    score: float

    @property
    def label(self) -> str:
        """The decade in words."""
        return f"{measure(self.low)} to {measure(self.high)}" if self.low else "0"


Calibration = dict[str, list[Bin]]
"""Kind of number with its unit → decades, small to large."""


def calibrate(rows: Iterable[Mapping]) -> Calibration:
    """Sort numeric answers by kind and by the decade of the truth.

    Args:
        rows: Of predictions.jsonl; those that ask for no single number are left out.

    >>> row = {"answer_type": "regression", "unit": "cm", "reference": "250", "parsed": 500.0, "score": 0.0}
    >>> calibrate([row])["lengths in m"][0].ratio, calibrate([row])["lengths in m"][0].label
    ((2.0, 2.0, 2.0), '1 to 10')
    """
    groups: dict[str, dict[float, list]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        truth = _number(row["reference"]) if row["answer_type"] == "regression" else None
        if truth is None:
            continue
        in_metres = abs(truth) * METRES.get(row["unit"], 1)
        decade = math.floor(math.log10(in_metres)) if in_metres else -math.inf
        groups[_kind(row["unit"])][decade].append((truth, row["parsed"], row["score"]))
    return {kind: [_bin(decade, groups[kind][decade]) for decade in sorted(groups[kind])] for kind in sorted(groups)}


def _bin(decade: float, answers: list[tuple[float, float | None, float]]) -> Bin:
    pairs = [(truth, parsed) for truth, parsed, _ in answers if parsed is not None]
    comparable = np.array(pairs) if pairs and decade != -math.inf else None
    ratio = None if comparable is None else comparable[:, 1] / comparable[:, 0]
    return Bin(
        low=0.0 if decade == -math.inf else 10.0**decade,
        high=0.0 if decade == -math.inf else 10.0 ** (decade + 1),
        questions=len(answers),
        answered=len(pairs),
        ratio=None if ratio is None else tuple(np.quantile(ratio, [0.25, 0.5, 0.75]).tolist()),
        error=None if ratio is None else float(np.median(np.abs(ratio - 1))),
        score=100 * float(np.mean([score for *_, score in answers])),
    )


def _kind(unit: str) -> str:
    if unit in METRES:
        return "areas in m²" if unit.endswith("²") else "lengths in m"
    return unit or "counts"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
