import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builders.tasks.wording import Measure, area_measure, length_measure, size_measure
from dataset_builders.taxonomy import METRES, SCALE_NAMES, SCALES
from evaluate_metrics.parsing import parse_measure

scales, lengths = st.sampled_from(SCALE_NAMES), st.floats(1e-5, 1e5)


@pytest.mark.parametrize(
    ("scale", "metres", "text"),
    [
        ("tiny_tabletop", 0.0004, "0.40 mm"),
        ("tiny_tabletop", 0.0041, "4.1 mm"),
        ("tiny_tabletop", 0.041, "41 mm"),
        ("tiny_tabletop", 1.5, "1.50 m"),
        ("tabletop", 0.004, "4.0 mm"),
        ("tabletop", 0.043, "4.3 cm"),
        ("tabletop", 0.43, "43 cm"),
        ("indoor", 0.0213, "2.1 cm"),
        ("indoor", 0.213, "21 cm"),
        ("indoor", 0.61, "0.6 m"),
        ("indoor", 12.34, "12.3 m"),
        ("outdoor", 0.41, "41 cm"),
        ("outdoor", 1234.0, "1.23 km"),
        ("drone", 3.4, "3.4 m"),
        ("drone", 999.0, "999 m"),
        ("drone", 1500.0, "1.50 km"),
    ],
)
def test_lengths_are_given_in_the_unit_that_suits_scale_and_magnitude(scale, metres, text):
    assert length_measure(scale, metres).text(metres) == text


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_without_a_length_the_measure_is_that_of_the_scale(scale):
    taxonomy = SCALES[scale]
    assert length_measure(scale) == Measure(taxonomy.length_unit, taxonomy.length_decimals)
    assert size_measure(scale) == Measure(taxonomy.size_unit, taxonomy.size_decimals)


@given(scales, lengths)
def test_what_is_usual_for_a_scale_keeps_its_measure(scale, metres):
    for measure_of in (length_measure, size_measure):
        usual = measure_of(scale)
        unusual = metres >= 1000 * METRES[usual.unit] or not usual.resolves(metres)
        assert (measure_of(scale, metres) != usual) == unusual


@given(scales, lengths)
def test_a_length_is_printed_to_within_a_tenth_and_read_back_exactly(scale, metres):
    for measure in (length_measure(scale, metres), size_measure(scale, metres)):
        check(measure, metres, METRES)
        assert re.fullmatch(r"\d{1,4}(\.\d+)?", measure.number(metres)) or measure.unit == "km"


@given(st.floats(1e-8, 1e9))
def test_an_area_is_printed_to_three_digits_and_read_back_exactly(square_metres):
    measure = area_measure(square_metres)
    check(measure, square_metres, METRES)
    if square_metres > 1e-4:
        assert measure.rounded(square_metres) == pytest.approx(square_metres, rel=0.051)


def check(measure: Measure, metres: float, units: dict) -> None:
    """The parser must read the printed text in its own unit as the printed number, and convert it to any other."""
    text, number = measure.text(metres), float(measure.number(metres))
    assert parse_measure(text, measure.unit) == number
    assert parse_measure(f"<think>7 km</think><answer>{text}</answer>", measure.unit) == number
    alike = [unit for unit in units if unit.endswith("²") == measure.unit.endswith("²")]
    for unit in alike:
        assert parse_measure(text, unit) == pytest.approx(number * units[measure.unit] / units[unit], rel=1e-12)
    assert measure.rounded(metres) == pytest.approx(metres, rel=0.1001)
