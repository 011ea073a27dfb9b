"""What a careful reader would accept as one claim, as a table."""

import pytest

from trl_recipes.rewards.claims import MAX_CLAIM, claimed_choice, claimed_number

OPTIONS = ["cup", "bowl", "plate", "big bowl"]


@pytest.mark.parametrize(
    "text",
    ["B", "b", "(b)", "B.", "**B**", "B) bowl", "B (bowl)", "bowl", "The bowl.", "The answer is B", "I choose B"],
)
def test_one_option(text):
    assert claimed_choice(text, OPTIONS) == "B"


def test_an_option_may_hold_a_letter():
    assert claimed_choice("plan B", ["plan B", "plan A"]) == "A"
    assert claimed_choice("A. plan B", ["plan B", "plan A"]) == "A"
    assert claimed_choice("B. plan B", ["plan B", "plan A"]) is None


def test_an_option_inside_another_is_told_from_it():
    assert claimed_choice("the big bowl", OPTIONS) == "D"


@pytest.mark.parametrize(
    "text",
    [
        "A B C D",
        "A, B, C, D",
        "a,b,c,d",
        "A/B/C/D",
        "ABCD",
        "A. B. C. D.",
        "A\nB\nC\nD",
        "A) cup B) bowl C) plate D) big bowl",
        "A and B",
        "A or B",
        "B, a",
        "not A, B",
        "The answer is A. The answer is B.",
        "cup bowl plate",
        "cup, bowl",
        "A. bowl",
        "Ａ Ｂ Ｃ Ｄ",
        "Ａ, Ｂ",
        "A В С",  # Cyrillic
        "all of the above",
        "E",
        "1",
        "",
        "<thinking>A</thinking>B",
        "B B B",
        "bowl bowl",
        "B bowl bowl",
        "B" + " " * MAX_CLAIM + ".",
    ],
)
def test_no_one_option(text):
    assert claimed_choice(text, OPTIONS) is None


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("3", "m", 3.0),
        ("3", "", 3.0),
        ("3 chairs", "", 3.0),
        ("twenty-one", "", 21.0),
        ("-3 m", "m", -3.0),
        ("3.0 metres.", "m", 3.0),
        ("**3 m**", "m", 3.0),
        ("about 3 m", "m", 3.0),
        ("The answer is 3 m", "m", 3.0),
        ("3 m wide", "m", 3.0),
        ("300cm", "m", 3.0),
        ("3 km", "m", 3000.0),
        ("3 dm", "m", 0.3),
        ("3 µm", "mm", 0.003),
        ("3 yards", "m", 2.7432),
        ("1 m 20 cm", "m", 1.2),
        ("5 feet 10 inches", "m", 1.778),
        ("2 1/2 m", "m", 2.5),
        ("2½ m", "m", 2.5),
        ("1.5e3 m", "m", 1500.0),
        ("1.5 × 10^2 cm", "m", 1.5),
        ("1,200 m", "m", 1200.0),
        ("12 m²", "m²", 12.0),
        ("12 m^2", "m²", 12.0),
        ("12 square metres", "m²", 12.0),
        ("30°", "degrees", 30.0),
        ("one and a half m", "m", 1.5),
    ],
)
def test_one_number(text, unit, expected):
    assert claimed_number(text, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("1 2 3 4 5", "3, 4, 5", "3-4 m", "3 to 4 m", "between 3 and 4", "3 or four", "three or four", "3.3.3"),
        *("3 mm 3 cm 3 m", "3 m or 3 km", "3 cm 3 m", "5 m, i.e. 500 cm", "7. The answer is 3", "2+1 m", "3 m 3 m"),
        *("3 km²", "3 m²", "3 m³", "3 m^3", "3 m/s", "3 kg", "3 light-years", "3 thousand m", "3 nm", "3%", "5'"),
        *("km 3", "half a km", "3°", "3 rad"),
        *("٣ m", "３ m", "三 m", "③", "²", "3 and 三"),
        *("nan", "inf", "-inf", "Infinity", "1e999", "1/0", "0x3", "", "none", "m"),
        "<reasoning>2</reasoning>3 m",
        "3 m" + " " * MAX_CLAIM + ".",
    ],
)
def test_no_one_length(text):
    assert claimed_number(text, "m") is None


@pytest.mark.parametrize("text", ["3 km", "3 m", "3 k", "3 dozen", "3 hundred", "3%", "3 4"])
def test_no_one_count(text):
    assert claimed_number(text, "") is None
