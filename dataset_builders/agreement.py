"""How far an answer agrees with a reference, decided in exact decimal arithmetic.

0.1 + 0.2 is not 0.3 in floating point, and a threshold that is met exactly is the rule rather than the exception for
rounded answers (9 against 10 is off by exactly 10 %), so a number counts as the decimal that it prints as.
"""

import math
from fractions import Fraction


def mean_relative_accuracy(prediction: float, reference: float) -> float:
    """Score a number by the share of ten thresholds on its relative error that it passes (VSI-Bench).

    MRA = (1/10) Σ over θ ∈ {.50, .55, …, .95} of 1(|ŷ − y| / |y| < 1 − θ), with the strict inequality of the paper.
    The thresholds 1 − θ are the multiples k/20 for k = 1 … 10, so an error e passes those with k > 20 e.

    Args:
        prediction: ŷ; NaN and infinity score 0.
        reference: y, finite. Where it is 0 no relative error exists: 1.0 for exactly 0, else 0.0.

    Returns:
        One of 0.0, 0.1, …, 1.0.

    >>> mean_relative_accuracy(9, 10), mean_relative_accuracy(2.4, 2), mean_relative_accuracy(3, 2)
    (0.8, 0.6, 0.0)
    """
    if not math.isfinite(prediction):
        return 0.0
    if reference == 0:
        return float(prediction == 0)
    return max(0, 10 - math.floor(20 * relative_error(prediction, reference))) / 10


def relative_error(prediction: float, reference: float) -> Fraction:
    """Return |ŷ − y| / |y| of two finite numbers as printed.

    >>> relative_error(0.3, 0.2)
    Fraction(1, 2)
    """
    truth = _decimal(reference)
    return abs(_decimal(prediction) - truth) / abs(truth)


def is_close(prediction: float, reference: float, percent: int = 5) -> bool:
    """Tell whether a number is within so many percent of a reference other than 0, the limit included.

    >>> is_close(1.05, 1.0), is_close(1.06, 1.0)
    (True, False)
    """
    return math.isfinite(prediction) and relative_error(prediction, reference) <= Fraction(percent, 100)


def _decimal(value: float) -> Fraction:
    return Fraction(str(float(value)))
