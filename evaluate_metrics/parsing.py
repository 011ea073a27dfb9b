"""Free text → a number, a measure in a unit, an option letter, or words; None where it holds none.

What a reader expects, and what public scorers do instead, is tabulated in `tests/evaluate_metrics/test_parsing.py`.
Whether a reader would hesitate is told by `read_number` and `read_choice`, which these functions call.
"""

from collections.abc import Sequence

from evaluate_metrics.parsing_answer import Reading, extract_answer, plain
from evaluate_metrics.parsing_choices import read_choice
from evaluate_metrics.parsing_numbers import read_number

__all__ = [
    "Reading",
    "extract_answer",
    "parse_choice",
    "parse_measure",
    "parse_number",
    "parse_words",
    "read_choice",
    "read_number",
]


def parse_number(text: str) -> float | None:
    """Read the first number of a reply: digits where there are any, else number words.

    >>> [parse_number(text) for text in ("a 2.5 m gap", "twenty-one", "1,200", "one of 7 items", "2 1/2", "none")]
    [2.5, 21.0, 1200.0, 7.0, 2.5, None]
    """
    return read_number(text).value


def parse_measure(text: str, unit: str) -> float | None:
    """Read the first number of a reply and convert it to `unit` where the reply states another unit of the same kind.

    >>> parse_measure("3 m", "cm"), parse_measure("3", "cm"), parse_measure("2 km²", "m²"), parse_measure("", "m")
    (300.0, 3.0, 2000000.0, None)
    """
    return read_number(text, unit).value


def parse_choice(text: str, options: Sequence[str] | None = None) -> str | None:
    """Read the letter of the chosen option, or find the option by its text; None where the reply is not one choice.

    >>> parse_choice("(b) bowl"), parse_choice("A chair is left, so B"), parse_choice("the cup", ["bowl", "cup"])
    ('B', 'B', 'B')
    """
    return read_choice(text, options).value


def parse_words(text: str) -> str | None:
    """Read a reply in words: lower-case, without a leading article or punctuation at its ends; None where it is empty.

    >>> parse_words("<answer>The red Box.</answer>"), parse_words("<answer></answer>")
    ('red box', None)
    """
    return plain(extract_answer(text)) or None
