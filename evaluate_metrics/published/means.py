"""Means in the order of additions of pandas, on which the last bits of a published figure depend."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np


def mean(values: Sequence[float]) -> float:
    """Return the mean of a column as `Series.mean` does: numpy's pairwise sum over the count."""
    return float(np.asarray(values, dtype=float).sum() / len(values))


def sum_in_order(values: Iterable[float]) -> float:
    """Return the sum of figures from left to right, as `sum` of numpy floats gives it.

    Python's own floats would be summed more exactly (3.12 and later).
    """
    total = 0.0
    for value in values:
        total += value
    return total


def means_by(labels: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """Return the mean of each label in alphabetical order, as `groupby` gives them."""
    groups = defaultdict(list)
    for label, value in zip(labels, values, strict=True):
        groups[label].append(value)
    return {label: mean(groups[label]) for label in sorted(groups)}
