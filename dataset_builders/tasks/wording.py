"""Words and numbers of questions, the same for every task."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dataset_builders.tasks.draw import pick
from dataset_builders.taxonomy import METRES, SCALES

IRREGULAR = {"mouse": "mice", "person": "people", "man": "men", "woman": "women", "knife": "knives"}


@dataclass(frozen=True)
class Measure:
    """A unit and the decimals with which an answer in it is given.

    Attributes:
        unit: A key of `METRES`.
        decimals: Kept after the point.
    """

    unit: str
    decimals: int

    def number(self, metres: float) -> str:
        """Print a length without its unit.

        >>> Measure("cm", 0).number(0.618), Measure("m", 1).number(2.04)
        ('62', '2.0')
        """
        return f"{metres / METRES[self.unit]:.{self.decimals}f}"

    def text(self, metres: float) -> str:
        """Print a length with its unit."""
        return f"{self.number(metres)} {self.unit}"

    def rounded(self, metres: float) -> float:
        """Return the length, metres, that is printed."""
        return float(self.number(metres)) * METRES[self.unit]

    def resolves(self, metres: float) -> bool:
        """Tell whether rounding can change the length by at most a tenth.

        >>> Measure("m", 0).resolves(4.9), Measure("m", 0).resolves(5.1)
        (False, True)
        """
        return metres / METRES[self.unit] >= 5 * 10**-self.decimals


def length_measure(scale: str) -> Measure:
    """Return how distances and depths are given at a scale."""
    return Measure(SCALES[scale].length_unit, SCALES[scale].length_decimals)


def size_measure(scale: str) -> Measure:
    """Return how sizes of objects are given at a scale."""
    return Measure(SCALES[scale].size_unit, SCALES[scale].size_decimals)


def word(rng: np.random.Generator, templates: dict[str, str], **fields: str) -> dict[str, str]:
    """Fill one of the templates, chosen at random; the result is the two fields of a `Question` that it decides."""
    name = pick(rng, templates)
    return {"text": templates[name].format(**fields), "template": name}


def plural(noun: str) -> str:
    """Return the plural of an English noun.

    >>> [plural(noun) for noun in ("chair", "trash bin", "bookshelf", "couch", "computer mouse", "battery")]
    ['chairs', 'trash bins', 'bookshelves', 'couches', 'computer mice', 'batteries']
    """
    *before, last = noun.split(" ")
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        last += "es"
    elif last.endswith("lf"):
        last = last[:-1] + "ves"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*before, last])


def joined(words: Iterable[str], conjunction: str) -> str:
    """List words as in a sentence.

    >>> joined(["red", "blue", "green"], "or"), joined(["red", "blue"], "and")
    ('red, blue or green', 'red and blue')
    """
    *first, last = words
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def capital(text: str) -> str:
    """Start a sentence."""
    return text[:1].upper() + text[1:]


def tidy(value: float) -> float:
    """Round a measured quantity to micrometres, or millionths of a degree, for the record."""
    return round(float(value), 6)
