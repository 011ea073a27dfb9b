"""Units of length, area and angle in free text."""

import re
from functools import lru_cache
from typing import NamedTuple

_FACTORS = {
    "length": {
        1e-6: ("µm", "μm", "micrometre", "micrometres", "micrometer", "micrometers"),
        0.001: ("mm", "millimetre", "millimetres", "millimeter", "millimeters"),
        0.01: ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
        0.1: ("dm", "decimetre", "decimetres", "decimeter", "decimeters"),
        1.0: ("m", "metre", "metres", "meter", "meters"),
        1000.0: ("km", "kilometre", "kilometres", "kilometer", "kilometers"),
        0.0254: ("inch", "inches"),
        0.3048: ("ft", "foot", "feet"),
        0.9144: ("yd", "yard", "yards"),
        1609.344: ("mi", "mile", "miles"),
    },
    "angle": {
        1.0: ("°", "deg", "degs", "degree", "degrees"),
        57.29577951308232: ("rad", "rads", "radian", "radians"),
    },
}
_NAMED = {
    name: (factor, kind) for kind, sizes in _FACTORS.items() for factor, names in sizes.items() for name in names
}
_NAME = "|".join(sorted(_NAMED, key=len, reverse=True))
# Most words after a number are no unit, which their first letter tells at once.
_FIRST = "".join(sorted({name[0] for name in _NAMED}))
# ASCII, because "ı" and "ſ" pass for "i" and "s" where case does not count, and are in no table.
_UNIT = re.compile(
    rf"[\s-]{{0,3}}(?P<squared>(?:sq\.?|square)\s{{0,3}})?(?=[{_FIRST}])(?P<name>(?a:{_NAME}))(?P<power>²|\^2|2)?(?!\w)",
    re.IGNORECASE,
)


class Unit(NamedTuple):
    """A unit where a text states it.

    Attributes:
        factor: Metres, square metres or degrees in one unit.
        kind: "length", "area" or "angle".
        end: Where it ends in the text.
    """

    factor: float
    kind: str
    end: int

    def in_terms_of(self, other: "Unit | None") -> float:
        """Return how many `other` one unit is; 1 where the two measure different things."""
        return self.factor / other.factor if other and other.kind == self.kind else 1.0


@lru_cache(maxsize=64)
def asked_unit(unit: str) -> Unit | None:
    """Read the unit that a question asks for, as `unit_at` does; there are few, and each is asked for often.

    >>> asked_unit("cm").factor
    0.01
    """
    return unit_at(unit)


def unit_at(text: str, position: int = 0) -> Unit | None:
    """Read a unit of length, area or angle at a position, after at most three spaces or hyphens.

    >>> unit_at("3 sq ft", 1).kind, unit_at("20 cm", 2).factor, unit_at("3 in total", 1)
    ('area', 0.01, None)
    """
    match = _UNIT.match(text, position)
    if match is None:
        return None
    factor, kind = _NAMED[match["name"].lower()]
    if not (match["squared"] or match["power"]):
        return Unit(factor, kind, match.end())
    return Unit(factor**2, "area", match.end()) if kind == "length" else None
