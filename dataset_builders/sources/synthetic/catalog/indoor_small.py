"""Things about a room, 20 to 70 centimetres."""

from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Part, box, cone, cylinder, ellipsoid, lathe

VASE = (
    (0, 0),
    (0.5, 0),
    (0.85, 0.15),
    (1, 0.38),
    (0.8, 0.62),
    (0.42, 0.8),
    (0.4, 0.9),
    (0.55, 1),
    (0.45, 0.95),
    (0, 0.9),
)


def suitcase(rng) -> list[Part]:
    """A suitcase lying flat, with straps and a handle."""
    width, depth, height = rng.uniform(0.5, 0.7), rng.uniform(0.34, 0.45), rng.uniform(0.16, 0.24)
    strap = paint(rng, "dark", "walnut", "cream")
    handle = box((0.2, 0.03, 0.03), strap, at=(0, -depth / 2 - 0.015, 0.45 * height))
    straps = [box((0.05, depth + 0.01, height + 0.01), strap, at=(x * 0.28 * width, 0, 0)) for x in (-1, 1)]
    return [box((width, depth, height), paint(rng, gloss=0.3)), handle, *straps]


def vase(rng) -> list[Part]:
    """A round-bellied vase."""
    radius, height = rng.uniform(0.09, 0.15), rng.uniform(0.28, 0.42)
    pattern = str(rng.choice(["plain", "stripes"]))
    return [lathe(VASE, radius, height, paint(rng, gloss=0.7, pattern=pattern, second="white", period=0.2 * height))]


def beach_ball(rng) -> list[Part]:
    """A large striped ball."""
    radius = rng.uniform(0.14, 0.2)
    return [ellipsoid((radius,) * 3, paint(rng, gloss=0.5, pattern="stripes", second="white", period=0.6 * radius))]


def lantern(rng) -> list[Part]:
    """A lantern: glass between a foot and a hood."""
    radius, height = rng.uniform(0.1, 0.14), rng.uniform(0.3, 0.42)
    metal, glass = paint(rng, "dark", "copper", "white", gloss=0.5), paint(rng, "yellow", "cream", gloss=0.8)
    spots = [(x * 0.8 * radius, y * 0.8 * radius, 0.0) for x in (-1, 1) for y in (-1, 1)]
    return [
        box((2 * radius, 2 * radius, 0.08 * height), metal),
        box((1.4 * radius, 1.4 * radius, 0.6 * height), glass, at=(0, 0, 0.08 * height)),
        *[box((0.2 * radius, 0.2 * radius, 0.7 * height), metal, at=spot) for spot in spots],
        cone(1.35 * radius, 0.3 * height, metal, at=(0, 0, 0.7 * height), sides=4, top=0.3 * radius),
    ]


def teddy_bear(rng) -> list[Part]:
    """A sitting toy bear."""
    size, fur = rng.uniform(0.15, 0.21), paint(rng, "oak", "walnut", "cream", "pink", "grey")
    dark, snout = paint(rng, "dark", gloss=0.6), paint(rng, "cream", "white")
    parts = [
        ellipsoid((0.62 * size, 0.55 * size, 0.7 * size), fur),
        ellipsoid((0.5 * size,) * 3, fur, at=(0, 0.05 * size, 1.2 * size)),
        ellipsoid((0.22 * size,) * 3, snout, at=(0, 0.5 * size, 1.4 * size), sides=10),
        ellipsoid((0.07 * size,) * 3, dark, at=(0, 0.71 * size, 1.6 * size), sides=8),
    ]
    for x in (-1, 1):
        parts += [
            ellipsoid((0.18 * size, 0.12 * size, 0.18 * size), fur, at=(x * 0.4 * size, 0, 1.95 * size), sides=10),
            ellipsoid((0.24 * size, 0.5 * size, 0.22 * size), fur, at=(x * 0.45 * size, 0.5 * size, 0), sides=12),
            ellipsoid((0.17 * size, 0.17 * size, 0.4 * size), fur, at=(x * 0.66 * size, 0.1 * size, 0.4 * size)),
            ellipsoid((0.05 * size,) * 3, dark, at=(x * 0.2 * size, 0.48 * size, 1.75 * size), sides=8),
        ]
    return parts


def toolbox(rng) -> list[Part]:
    """A metal box with a ridged lid and a handle."""
    width, depth, height = rng.uniform(0.4, 0.5), rng.uniform(0.2, 0.25), rng.uniform(0.2, 0.26)
    metal, dark = paint(rng, "red", "blue", "orange", "green", gloss=0.5), paint(rng, "dark", "steel", gloss=0.4)
    posts = [box((0.02, 0.03, 0.06), dark, at=(x * 0.2 * width, 0, height)) for x in (-1, 1)]
    bar = box((0.44 * width, 0.03, 0.025), dark, at=(0, 0, height + 0.06))
    locks = [box((0.04, 0.015, 0.06), dark, at=(x * 0.3 * width, -depth / 2, 0.6 * height)) for x in (-1, 1)]
    return [box((width, depth, height), metal), *posts, bar, *locks]


def toy_truck(rng) -> list[Part]:
    """A tipper of wood."""
    length, width = rng.uniform(0.32, 0.45), rng.uniform(0.15, 0.19)
    cab, load, rubber = paint(rng, gloss=0.3), paint(rng, gloss=0.3), paint(rng, "rubber", "walnut")
    wheel = 0.11 * length
    spots = [(x * length, y * 0.5 * width - 0.02, wheel) for x in (-0.32, 0.3) for y in (-1, 1)]
    return [
        box((length, 0.8 * width, 0.08 * length), paint(rng, "oak", "walnut", "cream"), at=(0, 0, 0.1 * length)),
        box((0.28 * length, width, 0.32 * length), cab, at=(0.34 * length, 0, 0.16 * length)),
        box((0.6 * length, width, 0.26 * length), load, at=(-0.16 * length, 0, 0.18 * length)),
        *[cylinder(wheel, 0.04, rubber, at=spot, axis=(0, 1, 0)) for spot in spots],
    ]


OBJECTS = {
    "suitcase": suitcase,
    "vase": vase,
    "beach ball": beach_ball,
    "lantern": lantern,
    "teddy bear": teddy_bear,
    "toolbox": toolbox,
    "toy truck": toy_truck,
}
