from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builders.answers import in_some_form, numeric_options, with_options
from dataset_builders.question import Fact

SIZE = Fact("vsi.object_size", "object_size", "regression", "text", "62", unit="cm")


@given(st.integers(1, 10**6), st.integers(0, 3), st.integers(0, 100))
def test_options_are_20_percent_apart_within_the_bounds_of_vsi_bench_and_hold_the_truth(number, decimals, seed):
    answer = f"{number / 10**decimals:.{decimals}f}"
    options = numeric_options(answer, np.random.default_rng(seed))
    if not options:
        return
    assert answer in options and 2 <= len(options) <= 4
    truth, values = float(answer), [float(option) for option in options]
    unit = 10.0**-decimals
    for low, high in pairwise(values):
        # Whole numbers are 20 % of the truth apart, measures 20 % of the lower.
        assert high - low >= 0.2 * min(low, truth) - 1e-6
    assert values[0] >= 0.25 * truth - unit - 1e-9 and values[-1] <= 1.75 * truth + unit + 1e-9


@pytest.mark.parametrize("answer", ["2", "3", "5", "7", "40", "3.4", "0.25", "618"])
def test_no_rung_of_the_ladder_looks_right(answer):
    rungs = Counter()
    for seed in range(400):
        options = numeric_options(answer, np.random.default_rng(seed))
        rungs[len(options), options.index(answer)] += 1
    (count,) = {count for count, _ in rungs}
    assert min(rungs[count, rung] for rung in range(count)) > 400 / count * 0.75


def test_a_number_that_rounding_leaves_alone_has_no_options():
    assert numeric_options("0", np.random.default_rng(0)) == numeric_options("1", np.random.default_rng(0)) == ()


def test_a_measure_with_options_keeps_its_unit_in_them():
    fact = with_options(SIZE, np.random.default_rng(0))
    assert (fact.answer_type, fact.unit, fact.answer) == ("multiple_choice", "", "62 cm")
    assert len(fact.options) == 4 and "62 cm" in fact.options


def test_a_choice_is_asked_openly_only_where_that_is_allowed():
    choice = Fact("r", "position_comparison", "multiple_choice", "text", "left", options=("left", "right"))
    open_ended = Fact(**{**vars(choice), "open_ended": True})
    rng = np.random.default_rng(0)
    assert {in_some_form(choice, rng).answer_type for _ in range(50)} == {"multiple_choice"}
    forms = [in_some_form(open_ended, rng) for _ in range(50)]
    assert {form.answer_type for form in forms} == {"multiple_choice", "free_form"}
    assert all(bool(form.options) == (form.answer_type == "multiple_choice") for form in forms)
