from dataclasses import replace
from itertools import combinations, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builders.answers import BLOCK, in_forms, side_by_side, with_options
from dataset_builders.question import Fact

SIZE = Fact("size.of_marked", "object_size", "regression", "bbox", "62", unit="cm")
CHOICE = Fact("r", "position_comparison", "multiple_choice", "text", "left", options=("left", "right"))


def sizes(*answers: str, **fields) -> list[Fact]:
    return [replace(SIZE, answer=answer, measured={"place": place}, **fields) for place, answer in enumerate(answers)]


def forms(facts: list[Fact], seed: int = 0) -> list[tuple[Fact, Fact]]:
    return list(in_forms(iter(facts), np.random.default_rng(seed)))


@given(st.lists(st.integers(0, 300), max_size=3 * BLOCK), st.integers(0, 1), st.integers(0, 100))
def test_options_are_20_percent_apart_and_none_is_above_175_percent_of_another(numbers, decimals, seed):
    facts = sizes(*(f"{number / 10**decimals:.{decimals}f}" for number in numbers))
    drawn = forms(facts, seed)
    assert sorted(fact.measured["place"] for fact, _ in drawn) == list(range(len(facts)))
    for fact, form in drawn:
        if form.answer_type == "regression":
            assert form is fact
            continue
        values = [float(option.removesuffix(" cm")) for option in form.options]
        assert form.answer == f"{fact.answer} cm" in form.options and 2 <= len(values) <= 4
        assert {f"{value:.{decimals}f}" for value in values} <= {other.answer for other in facts}
        for low, high in combinations(values, 2):
            assert 1.2 * low - 1e-6 <= high <= 1.75 * low + 1e-6


def test_whoever_knows_which_numbers_are_usual_can_only_guess():
    """Numbers near 20 cm are the most common; picking the most usual option is right as often as any other."""
    rng, hits = np.random.default_rng(0), []
    for seed in range(3000):
        answers = [str(round(value)) for value in 20 * rng.lognormal(0, 0.5, size=12)]
        for _, form in islice(in_forms(sizes(*answers), np.random.default_rng(seed)), 2):
            if form.options:
                usual = min(form.options, key=lambda option: abs(np.log(float(option.removesuffix(" cm")) / 20)))
                hits.append((usual == form.answer) - 1 / len(form.options))
    assert len(hits) > 1000
    assert abs(np.mean(hits)) < 3 * np.std(hits) / len(hits) ** 0.5


def test_only_numbers_that_are_asked_alike_stand_beside_each_other():
    rng = np.random.default_rng(0)
    for change in (
        {"unit": "mm"},
        {"prompt_type": "point"},
        {"wording": "size.height_of_marked"},
        {"rule": "area.boxed"},
    ):
        assert side_by_side([*sizes("10"), *sizes("13", **change)], rng) == ()
    assert len(side_by_side(sizes("10", "13"), rng)) == 2


@pytest.mark.parametrize("answers", [(), ("7",), ("5", "5"), ("5", "5.9"), ("10", "18"), ("0", "0")])
def test_a_number_beside_which_no_other_can_stand_has_no_options(answers):
    assert side_by_side(sizes(*answers), np.random.default_rng(0)) == ()
    assert all(form is fact for seed in range(20) for fact, form in forms(sizes(*answers), seed))


def test_a_number_that_the_words_tell_neither_has_options_nor_is_one():
    named = sizes("10", "13", told_by_words=True)
    assert all(form is fact for seed in range(20) for fact, form in forms(named, seed))
    mixed = [*named, *sizes("15")]
    assert all(form is fact for seed in range(20) for fact, form in forms(mixed, seed))


def test_a_measure_with_options_keeps_its_unit_in_them():
    fact, other = sizes("62", "48")
    form = with_options(fact, [fact, other])
    assert (form.answer_type, form.unit, form.answer) == ("multiple_choice", "", "62 cm")
    assert form.options == ("48 cm", "62 cm")


def test_a_choice_is_asked_openly_only_where_that_is_allowed():
    open_ended = replace(CHOICE, open_ended=True)
    assert {form.answer_type for _, form in forms([CHOICE] * 50)} == {"multiple_choice"}
    drawn = [form for _, form in forms([open_ended] * 50)]
    assert {form.answer_type for form in drawn} == {"multiple_choice", "free_form"}
    assert all(bool(form.options) == (form.answer_type == "multiple_choice") for form in drawn)


def test_choices_are_not_waited_for_and_numbers_at_most_a_block():
    taken = []

    def facts():
        for fact in [*[CHOICE] * 3, *sizes(*["9"] * 60)]:
            taken.append(fact)
            yield fact

    drawn = in_forms(facts(), np.random.default_rng(0))
    next(drawn)
    assert len(taken) == 1
    for _ in range(3):
        next(drawn)
    assert len(taken) == 3 + BLOCK
