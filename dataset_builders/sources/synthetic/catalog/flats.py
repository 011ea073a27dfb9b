"""Flat things that can be fixed to an upright face: made lying, face up, with the +Y side as their top."""

from numpy.random import Generator

from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Material, Part, box, cylinder

# Per scale: names of rectangles with a border, names of discs with a rim, the range of their sizes, metres.
FLATS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[float, float]]] = {
    "tiny_tabletop": (
        ("stamp", "label", "microchip", "foil sheet", "price tag"),
        ("magnet", "badge", "sequin", "game token"),
        (0.007, 0.012),
    ),
    "tabletop": (
        ("postcard", "sticky note", "photo", "playing card", "ticket"),
        ("fridge magnet", "coaster", "patch", "compact disc"),
        (0.06, 0.1),
    ),
    "indoor": (
        ("picture", "mirror", "poster", "calendar", "tapestry"),
        ("wall clock", "dartboard", "cymbal", "wall plate"),
        (0.32, 0.5),
    ),
    "outdoor": (
        ("notice board", "banner", "street map", "shop sign", "chalkboard"),
        ("medallion", "traffic mirror", "archery target", "station clock"),
        (0.9, 1.3),
    ),
    "drone": (
        ("billboard", "solar panel", "mural", "scoreboard", "flag"),
        ("satellite dish", "emblem", "clock face", "turntable"),
        (8.0, 13.0),
    ),
}


def flat_names(scale: str) -> list[str]:
    """List the names of flat things of a scale."""
    rectangles, discs, _ = FLATS[scale]
    return [*rectangles, *discs]


def make_flat(rng: Generator, scale: str, name: str) -> list[Part]:
    """Make a flat thing, lying."""
    _, discs, sizes = FLATS[scale]
    size = rng.uniform(*sizes)
    thick = rng.uniform(0.05, 0.09) * size
    border, face, detail = paint(rng, gloss=0.3), paint(rng, "white", "cream", "yellow", "teal"), paint(rng)
    if name in discs:
        return _disc(size / 2, thick, border, face, detail)
    return _rectangle(size, rng.uniform(0.65, 1.0) * size, thick, border, face, detail)


def _rectangle(width, depth, thick, border: Material, face: Material, detail: Material) -> list[Part]:
    return [
        box((width, depth, 0.8 * thick), border),
        box((0.86 * width, 0.86 * depth, 0.9 * thick), face),
        box((0.6 * width, 0.2 * depth, thick), detail, at=(0, 0.22 * depth, 0)),
        cylinder(0.14 * depth, thick, detail, at=(-0.15 * width, -0.15 * depth, 0)),
    ]


def _disc(radius, thick, border: Material, face: Material, detail: Material) -> list[Part]:
    return [
        cylinder(radius, 0.8 * thick, border, sides=24),
        cylinder(0.85 * radius, 0.9 * thick, face, sides=24),
        box((0.08 * radius, 0.7 * radius, thick), detail, at=(0, 0.3 * radius, 0)),
        box((0.5 * radius, 0.08 * radius, thick), detail, at=(0.2 * radius, 0, 0)),
    ]
