"""The tables of what the definition of mean relative accuracy says, and what public code computes."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate_metrics import mean_relative_accuracy
from evaluate_metrics.mra import PROTOCOLS, mean_relative_accuracies

PUBLIC = ("vsi", "tis", "lmms", "vlmeval", "official")
# prediction, truth, `<=` in float64 over ten thresholds, the paper's strict `<` over decimals.
TABLE = [
    (3, 4, 0.6, 0.5),
    (2, 3, 0.4, 0.4),
    (9, 10, 0.9, 0.8),
    (19, 20, 1.0, 0.9),
    (4, 5, 0.6, 0.6),
    (2.4, 2, 0.7, 0.6),
    (3, 2, 0.1, 0.0),
]


@pytest.mark.parametrize(("prediction", "truth", "public", "paper"), TABLE)
def test_public_code_and_the_paper(prediction, truth, public, paper):
    assert [mean_relative_accuracy(prediction, truth, protocol) for protocol in PUBLIC] == [public] * 5
    assert mean_relative_accuracy(prediction, truth) == paper


@pytest.mark.parametrize("protocol", ["vsi", "tis", "lmms"])
def test_two_public_scorers_cannot_score_a_truth_of_zero(protocol):
    with pytest.raises(ZeroDivisionError):
        mean_relative_accuracy(1, 0, protocol)


@pytest.mark.parametrize(("prediction", "score"), [(0, 1.0), (0.1, 0.9), (0.3, 0.5), (1, 0.0)])
@pytest.mark.parametrize("protocol", ["vlmeval", "official"])
def test_two_public_scorers_fall_back_to_the_absolute_error_there(prediction, score, protocol):
    assert mean_relative_accuracy(prediction, 0, protocol) == score


def test_at_a_truth_of_zero_only_zero_is_right():
    assert [mean_relative_accuracy(guess, 0, name) for name in ("paper", "smooth") for guess in (0, 0.1)] == [1, 0] * 2


def test_a_negative_truth():
    assert [mean_relative_accuracy(5, -5, protocol) for protocol in PUBLIC] == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert [mean_relative_accuracy(-4.5, -5, name) for name in ("paper", "smooth", "official")] == [0.8, 0.8, 0.9]
    assert mean_relative_accuracy(5, -5) == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("prediction", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_scores_nothing(protocol, prediction):
    assert mean_relative_accuracy(prediction, 2.0, protocol) == 0


def test_another_protocol_is_refused():
    with pytest.raises(ValueError, match="one of paper, smooth, .* got 'strict'"):
        mean_relative_accuracy(1, 1, "strict")


@given(st.integers(0, 3000), st.integers(1, 1500))
def test_smooth_is_the_limit_of_ever_more_thresholds(prediction, truth):
    error = abs(prediction - truth) / truth
    passed = np.mean(error < np.linspace(0, 0.5, 100_001)[1:])
    assert mean_relative_accuracy(prediction, truth, "smooth") == pytest.approx(passed, abs=2e-5)


NUMBERS = st.one_of(
    st.decimals(-30, 30, places=1), st.decimals(0, 500, places=0), st.decimals(0, 9, places=2), st.floats(-1e3, 1e3)
)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1))
def test_many_at_once_are_each_decided_exactly(pairs):
    predictions, references = (list(map(float, side)) for side in zip(*pairs, strict=True))
    expected = [mean_relative_accuracy(*pair) for pair in zip(predictions, references, strict=True)]
    assert mean_relative_accuracies(predictions, references).tolist() == expected


@pytest.mark.parametrize("unit", [10, 10**9])  # of the second kind are more decimals than millionths hold
def test_many_at_once_meet_every_threshold_exactly(unit):
    truths = np.arange(1, 401) / unit
    for step in range(11):  # off by exactly step · 5 %
        guesses = [float(Fraction(str(truth)) * (1 + Fraction(step, 20))) for truth in truths]
        assert set(mean_relative_accuracies(guesses, truths)) == {(10 - step) / 10}


def test_none_at_all():
    assert mean_relative_accuracies([], []).shape == (0,)
