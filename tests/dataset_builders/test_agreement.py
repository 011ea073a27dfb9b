import math

import pytest

from dataset_builders.agreement import is_close, mean_relative_accuracy, relative_error


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [(3, 4, 0.5), (2, 3, 0.4), (9, 10, 0.8), (19, 20, 0.9), (4, 5, 0.6), (2.4, 2, 0.6), (3, 2, 0.0)],
)
def test_mra_of_the_paper_is_strict_and_exact(prediction, reference, expected):
    assert mean_relative_accuracy(prediction, reference) == expected


@pytest.mark.parametrize(
    ("prediction", "reference", "expected"),
    [
        (7, 7, 1.0),
        (0, 0, 1.0),
        (0.1, 0, 0.0),
        (-4, 4, 0.0),
        (-4, -4, 1.0),
        (5, -5, 0.0),
        (1e300, 1e-300, 0.0),
        (math.nan, 3, 0.0),
        (math.inf, 3, 0.0),
        (-math.inf, 0, 0.0),
    ],
)
def test_mra_at_the_ends_of_its_range(prediction, reference, expected):
    assert mean_relative_accuracy(prediction, reference) == expected


@pytest.mark.parametrize("step", range(0, 21))
def test_mra_counts_the_thresholds_that_the_error_is_below(step):
    """An error of exactly step/40 passes the thresholds k/20 with 2k > step."""
    expected = sum(2 * k > step for k in range(1, 11)) / 10
    assert mean_relative_accuracy(40 + step, 40) == expected
    assert mean_relative_accuracy(round(0.4 - step / 100, 2), 0.4) == expected


def test_numbers_count_as_the_decimals_that_they_print_as():
    assert relative_error(0.1 + 0.2, 0.3) > 0
    assert relative_error(1.1, 1.0) * 10 == 1
    assert is_close(1.05, 1.0) and is_close(0.95, 1.0) and not is_close(1.0501, 1.0)
    assert not is_close(math.nan, 1.0)
