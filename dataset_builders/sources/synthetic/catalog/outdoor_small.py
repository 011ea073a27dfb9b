"""Things that are left about a street or a garden, half a metre to a metre and a half."""

from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Part, box, capsule, cone, cylinder, ellipsoid, torus, tube


def barrel(rng) -> list[Part]:
    """A barrel with hoops."""
    radius, height = rng.uniform(0.3, 0.4), rng.uniform(0.9, 1.2)
    hoop = paint(rng, "dark", "steel", "gold", gloss=0.4)
    hoops = [tube(radius, 0.85 * radius, 0.05 * height, hoop, at=(0, 0, f * height)) for f in (0.1, 0.5, 0.85)]
    return [cylinder(0.95 * radius, height, paint(rng, "oak", "walnut", "blue", "red", gloss=0.2)), *hoops]


def tyre(rng) -> list[Part]:
    """A tyre of a lorry lying flat."""
    radius = rng.uniform(0.38, 0.5)
    wide = rng.uniform(0.3, 0.4)
    band = paint(rng, "white", "grey")
    return [torus(radius, wide, paint(rng, "rubber", gloss=0.2)), tube(0.75 * radius, 0.68 * radius, 0.6 * wide, band)]


def flower_pot(rng) -> list[Part]:
    """A pot full of flowers."""
    radius = rng.uniform(0.36, 0.5)
    pot, petals = 1.3 * radius, paint(rng, "red", "pink", "yellow", "purple", "white")
    leaf = paint(rng, "leaf", "green")
    spots = [
        (0.6 * radius * x, 0.6 * radius * y, 1.75 * radius) for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1), (0, 0))
    ]
    return [
        cone(0.72 * radius, pot, paint(rng, "brick", "grey", "teal"), top=radius),
        ellipsoid((1.1 * radius, 1.1 * radius, 0.45 * radius), leaf, at=(0, 0, 0.9 * pot)),
        *[ellipsoid((0.2 * radius, 0.2 * radius, 0.15 * radius), petals, at=spot, sides=10) for spot in spots],
    ]


def gas_bottle(rng) -> list[Part]:
    """A steel bottle with a valve under a collar."""
    radius, height = rng.uniform(0.22, 0.28), rng.uniform(1.0, 1.3)
    metal, valve = (
        paint(rng, "red", "blue", "grey", "orange", "green", gloss=0.5),
        paint(rng, "gold", "steel", gloss=0.6),
    )
    return [
        capsule(radius, 0.88 * height, metal),
        tube(0.7 * radius, 0.62 * radius, 0.22 * height, metal, at=(0, 0, 0.78 * height)),
        cylinder(0.2 * radius, 0.1 * height, valve, at=(0, 0, 0.87 * height), sides=8),
    ]


def garden_gnome(rng) -> list[Part]:
    """A gnome with a pointed hat and a beard."""
    height = rng.uniform(0.9, 1.3)
    coat, hat, skin = (
        paint(rng, "blue", "green", "red"),
        paint(rng, "red", "orange", "purple"),
        paint(rng, "pink", "cream"),
    )
    head = 0.13 * height
    return [
        cone(0.26 * height, 0.5 * height, coat, top=0.16 * height),
        ellipsoid((head, head, head), skin, at=(0, 0, 0.45 * height)),
        cone(
            0.12 * height, 0.25 * height, paint(rng, "white"), at=(0, -0.1 * height, 0.55 * height), axis=(0, -0.3, -1)
        ),
        cone(0.15 * height, 0.38 * height, hat, at=(0, 0, 0.62 * height)),
    ]


def lawn_mower(rng) -> list[Part]:
    """A mower with four wheels and a raised bar to push it."""
    length, body, metal = rng.uniform(0.85, 1.1), paint(rng, "red", "green", "orange", gloss=0.5), paint(rng, "dark")
    wheel = 0.14 * length
    spots = [(x * 0.36 * length, y * 0.28 * length - 0.03, wheel) for x in (-1, 1) for y in (-1, 1)]
    start = (-0.3 * length, 0.0, 0.3 * length)
    rods = [
        cylinder(0.02, length, metal, at=(start[0], y * 0.22 * length, start[2]), axis=(-0.7, 0, 0.7), sides=8)
        for y in (-1, 1)
    ]
    reach = 0.7071 * length
    bar = cylinder(
        0.025, 0.5 * length, metal, at=(start[0] - reach, -0.25 * length, start[2] + reach), axis=(0, 1, 0), sides=8
    )
    return [
        box((length, 0.55 * length, 0.2 * length), body, at=(0, 0, 0.12 * length)),
        cylinder(0.17 * length, 0.2 * length, metal, at=(0.1 * length, 0, 0.3 * length)),
        *[cylinder(wheel, 0.06, paint(rng, "rubber"), at=spot, axis=(0, 1, 0)) for spot in spots],
        *rods,
        bar,
    ]


OBJECTS = {
    "barrel": barrel,
    "tyre": tyre,
    "flower pot": flower_pot,
    "gas bottle": gas_bottle,
    "garden gnome": garden_gnome,
    "lawn mower": lawn_mower,
}
