"""Mean relative accuracy (MRA) of VSI-Bench: the definition, a smooth form, and what public scorers compute."""

import math
from collections.abc import Sequence

import numpy as np

from dataset_builders.agreement import mean_relative_accuracy as paper_mra
from dataset_builders.agreement import relative_error

# 1 - θ for θ = .50, .55, …, .95 as float64, which all public scorers compare with. (They truncate
# (.95 - .5) / .05 + 2 = 10.999… to ten thresholds.)
_TOLERANCES = tuple((1 - np.linspace(0.5, 0.95, 10)).tolist())
PROTOCOLS = ("paper", "smooth", "vsi", "tis", "lmms", "vlmeval", "official")


def mean_relative_accuracy(prediction: float, reference: float, protocol: str = "paper") -> float:
    """Score a number by the share of ten thresholds on its relative error that it passes.

    Args:
        prediction: ŷ.
        reference: y.
        protocol: How the error e = |ŷ - y| / |y| is compared with the tolerances .50, .45, …, .05:
            "paper": e < tolerance, as decimals, exactly (VSI-Bench, section 3).
            "smooth": max(0, 1 - 2e), the limit of ever more thresholds; a number between its neighbours has a slope.
            "vsi", "tis", "lmms": e <= tolerance in float64 with e = |ŷ - y| / y (thinking-in-space, the scorer of
            VSI-Bench, by either name, and lmms-eval 0.7); the sign of y stays, so that every answer to a negative y
            scores 1.
            "vlmeval", "official": e <= tolerance in float64 with e = |ŷ - y| where y is 0 (VLMEvalKit, SpaceVista).

    Returns:
        In [0, 1]. Where y is 0, "paper" and "smooth" give 1 for exactly 0, else 0.

    Raises:
        ZeroDivisionError: for "vsi", "tis" and "lmms" where y is 0.
        ValueError: for another protocol.

    >>> [mean_relative_accuracy(9, 10, protocol) for protocol in ("paper", "smooth", "tis", "official")]
    [0.8, 0.8, 0.9, 0.9]
    >>> mean_relative_accuracy(5, -5, "lmms"), mean_relative_accuracy(5, -5, "official")
    (1.0, 0.0)
    """
    if protocol == "paper":
        return paper_mra(prediction, reference)
    if protocol == "smooth":
        return _smooth(prediction, reference)
    if protocol in ("vsi", "tis", "lmms"):
        error = abs(prediction - reference) / reference
    elif protocol in ("vlmeval", "official"):
        error = abs(prediction - reference) if reference == 0 else abs((prediction - reference) / reference)
    else:
        raise ValueError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    return sum(error <= tolerance for tolerance in _TOLERANCES) / len(_TOLERANCES)


def mean_relative_accuracies(predictions: Sequence[float], references: Sequence[float]) -> np.ndarray:
    """Return the MRA of the paper for many pairs at once.

    Float64 decides wherever the error is clearly between two thresholds; where it is within rounding of one, the exact
    decimal rule does, in whole millionths if both numbers print as such.

    Args:
        predictions: (N,) ŷ.
        references: (N,) y, finite.

    Returns:
        (N,) scores, equal to `mean_relative_accuracy` of each pair.

    >>> mean_relative_accuracies([9, 2.4, 3], [10, 2, 2]).tolist()
    [0.8, 0.6, 0.0]
    """
    guesses, truths = np.asarray(predictions, dtype=float), np.asarray(references, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        steps = 20 * np.abs(guesses - truths) / np.abs(truths)
        close = (np.abs(steps - np.rint(steps)) < 1e-9 * np.maximum(1, steps)) & (steps > 0) & (steps < 11)
    scores = np.maximum(0, 10 - np.floor(np.minimum(np.nan_to_num(steps, nan=10), 10))) / 10
    scores[guesses == truths] = 1
    places = np.flatnonzero(close | (truths == 0))
    scores[places] = _exactly(guesses[places], truths[places])
    return scores


def _exactly(guesses: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Return the MRA of the paper of (M,) pairs by integers, or by fractions for numbers of more than six decimals."""
    pairs = np.stack([guesses, truths])
    with np.errstate(over="ignore"):
        millionths = np.rint(1e6 * pairs)
    # Floats tell all decimals of up to 15 digits apart, so a number that is so many millionths prints as such.
    whole = ((millionths / 1e6 == pairs) & (np.abs(millionths) < 1e15)).all(axis=0) & (truths != 0)
    guess, truth = np.where(whole, millionths, 1).astype(np.int64)
    scores = np.maximum(0, 10 - 20 * np.abs(guess - truth) // np.abs(truth)) / 10
    for place in np.flatnonzero(~whole):
        scores[place] = paper_mra(float(guesses[place]), float(truths[place]))
    return scores


def _smooth(prediction: float, reference: float) -> float:
    if not math.isfinite(prediction) or reference == 0:
        return float(prediction == reference)
    return float(max(0, 1 - 2 * relative_error(prediction, reference)))
