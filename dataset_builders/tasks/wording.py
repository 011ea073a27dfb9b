"""Words and numbers of questions, the same for every task."""

from collections.abc import Iterable
from dataclasses import dataclass

from dataset_builders.taxonomy import METRES, SCALES

IRREGULAR = {"mouse": "mice", "person": "people", "man": "men", "woman": "women", "knife": "knives"}
SMALLER = {"m": "cm", "cm": "mm"}
FOUR_DIGITS = 1000
"""From so many of a unit on, the next larger one is easier to read."""


@dataclass(frozen=True)
class Measure:
    """A unit and the decimals with which an answer in it is given; "metres" below are square metres for an area.

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


def length_measure(scale: str, metres: float | None = None) -> Measure:
    """Return how distances and depths are given at a scale.

    Args:
        scale: One of `SCALE_NAMES`.
        metres: The length to print, so that one that is unusual for the scale gets a unit or decimals that suit it.

    >>> [length_measure("drone", metres).text(metres) for metres in (1500.0, 250.0, 3.4, 0.4)]
    ['1.50 km', '250 m', '3.4 m', '40 cm']
    >>> [length_measure("tabletop", metres).text(metres) for metres in (12.0, 0.3, 0.043, 0.004)]
    ['12.00 m', '30 cm', '4.3 cm', '4.0 mm']
    """
    usual = Measure(SCALES[scale].length_unit, SCALES[scale].length_decimals)
    return usual if metres is None else _suited(usual, metres)


def size_measure(scale: str, metres: float | None = None) -> Measure:
    """Return how sizes of objects are given at a scale; the arguments are those of `length_measure`."""
    usual = Measure(SCALES[scale].size_unit, SCALES[scale].size_decimals)
    return usual if metres is None else _suited(usual, metres)


def area_measure(square_metres: float) -> Measure:
    """Return how an area is given: the largest unit in which it is at least 1 (m² from a tenth), three digits or more.

    >>> [area_measure(area).text(area) for area in (2.5e6, 13542.4, 87.06, 0.5, 0.0312, 0.00004)]
    ['2.50 km²', '13542 m²', '87.1 m²', '0.50 m²', '312 cm²', '40.0 mm²']
    """
    least = {"km²": 1.0, "m²": 0.1, "cm²": 1.0}
    unit = next((unit for unit, value in least.items() if square_metres >= value * METRES[unit]), "mm²")
    value = square_metres / METRES[unit]
    return Measure(unit, 0 if value >= 100 else 1 if value >= 10 else 2)


def _suited(usual: Measure, metres: float) -> Measure:
    """Keep the usual measure for lengths that it prints in at most four digits and to within a tenth."""
    if metres >= FOUR_DIGITS * METRES[usual.unit]:
        return Measure("km" if metres >= FOUR_DIGITS else "m", 2)
    measure = usual
    while not measure.resolves(metres) and metres < METRES[measure.unit] and measure.unit in SMALLER:
        measure = Measure(SMALLER[measure.unit], 0)
    while not measure.resolves(metres) and metres > 0:
        measure = Measure(measure.unit, measure.decimals + 1)
    return measure


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
