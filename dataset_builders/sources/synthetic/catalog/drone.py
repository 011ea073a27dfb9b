"""What is seen from the air, six to ninety metres."""

from functools import partial
from math import cos, sin, tau

from dataset_builders.sources.synthetic.catalog.outdoor import bus, house, tree, wheels
from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Part, box, cone, cylinder, ellipsoid, lathe, roof, tube

DOME = ((0, 0), (1, 0), (1, 0.62), (0.92, 0.76), (0.7, 0.9), (0.38, 0.98), (0, 1))


def tower(rng) -> list[Part]:
    """A block of flats with rows of windows and a lift house on the roof."""
    width, depth, height = rng.uniform(14, 20), rng.uniform(12, 18), rng.uniform(32, 60)
    wall = paint(rng, "cream", "grey", "white", "brick", pattern="stripes", second="glass", period=4.5)
    rim = paint(rng, "grey", "dark")
    return [
        box((width, depth, height), wall),
        box((1.03 * width, 1.03 * depth, 0.8), rim, at=(0, 0, height)),
        box((0.4 * width, 0.4 * depth, 3), rim, at=(0.1 * width, 0, height + 0.8)),
        *[box((0.8, 1.02 * depth, height), rim, at=(f * width, 0, 0)) for f in (-0.25, 0.25)],
    ]


def storage_tank(rng) -> list[Part]:
    """A round steel tank with bands and a stair."""
    radius, height = rng.uniform(8, 14), rng.uniform(9, 14)
    steel = paint(rng, "white", "steel", "cream", gloss=0.3)
    band = paint(rng, "red", "blue", "grey")
    return [
        cylinder(radius, 0.9 * height, steel, sides=28),
        cone(radius, 0.1 * height, paint(rng, "grey", "white"), at=(0, 0, 0.9 * height), sides=28, top=0.1 * radius),
        tube(1.02 * radius, 0.97 * radius, 0.08 * height, band, at=(0, 0, 0.84 * height), sides=28),
        box((1.4, 0.8, 0.9 * height), band, at=(1.03 * radius, 0, 0)),
    ]


def truck(rng) -> list[Part]:
    """A lorry: cab, trailer and wheels."""
    length, width = rng.uniform(11, 16), 2.6
    cab, glass = paint(rng, "red", "blue", "orange", "white", gloss=0.5), paint(rng, "glass", gloss=0.8)
    return [
        box((0.76 * length, width, 3.0), paint(rng, "white", "steel", "yellow", "green"), at=(-0.12 * length, 0, 1.1)),
        box((0.16 * length, width, 2.5), cab, at=(0.41 * length, 0, 0.6)),
        box((0.03 * length, 0.9 * width, 0.9), glass, at=(0.48 * length, 0, 1.9)),
        box((0.98 * length, 0.8, 0.5), paint(rng, "dark"), at=(0, 0, 0.6)),
        *wheels(length, width, 0.55, 0.35, (-0.42, -0.32, 0.4), rng),
    ]


def shipping_container(rng) -> list[Part]:
    """A corrugated steel box."""
    length, metal = float(rng.choice([6.06, 12.19])), paint(rng, "red", "blue", "orange", "green", "teal")
    ribs = [(-0.5 + (i + 0.5) / 12) * length for i in range(12)]
    return [
        box((length, 2.3, 2.5), metal, at=(0, 0, 0.05)),
        *[box((0.25, 2.44, 2.5), metal, at=(x, 0, 0.05)) for x in ribs],
        *[box((0.2, 2.44, 2.59), paint(rng, "dark"), at=(i * (length / 2 - 0.1), 0, 0)) for i in (-1, 1)],
    ]


def swimming_pool(rng) -> list[Part]:
    """A pool with a pale rim and a ladder."""
    length, width = rng.uniform(14, 25), rng.uniform(8, 12)
    water = paint(rng, "teal", "blue", gloss=0.6, pattern="speckle", second="white", period=3.0)
    rim, steel = paint(rng, "white", "cream"), paint(rng, "steel", gloss=0.5)
    edges = [box((length, 1.2, 0.6), rim, at=(0, i * (width / 2 - 0.6), 0)) for i in (-1, 1)]
    ends = [box((1.2, width, 0.6), rim, at=(i * (length / 2 - 0.6), 0, 0)) for i in (-1, 1)]
    ladder = [cylinder(0.12, 1.6, steel, at=(length / 2 - 1.4, y, 0.3), sides=8) for y in (-0.5, 0.5)]
    board = box((3.5, 1.2, 0.25), paint(rng, "red", "navy"), at=(-length / 2 + 1.9, 0, 1.1))
    post = box((0.6, 1.0, 1.1), rim, at=(-length / 2 + 0.6, 0, 0))
    return [box((length - 1.2, width - 1.2, 0.35), water), *edges, *ends, *ladder, board, post]


def wind_turbine(rng) -> list[Part]:
    """A turbine: mast, nacelle, hub and three blades."""
    height, reach = rng.uniform(42, 60), rng.uniform(18, 24)
    white, turn = paint(rng, "white", gloss=0.2), rng.uniform(0, tau)
    front = 3.2
    blades = [
        cone(
            1.3,
            reach,
            white,
            at=(0, front, height),
            axis=(cos(turn + tau * i / 3), 0, sin(turn + tau * i / 3)),
            sides=8,
            top=0.3,
        )
        for i in range(3)
    ]
    return [
        cone(2.0, height, white, top=1.1),
        box((3, 6, 3), white, at=(0, 0, height - 1.5)),
        ellipsoid((1.8, 1.8, 1.8), paint(rng, "red", "grey"), at=(0, front, height - 1.8)),
        *blades,
    ]


def warehouse(rng) -> list[Part]:
    """A long hall with a low roof and loading gates."""
    length, width, wall = rng.uniform(34, 52), rng.uniform(18, 26), rng.uniform(6, 9)
    metal = paint(rng, "steel", "cream", "blue", "teal", "grey")
    gate, ridge = paint(rng, "orange", "dark", "red", "white"), paint(rng, "grey", "red", "white", "navy")
    lights = paint(rng, "glass", gloss=0.8)
    gates = [box((4.5, 0.6, 4.5), gate, at=(f * length, width / 2, 0)) for f in (-0.36, -0.12, 0.12, 0.36)]
    vents = [box((2.6, 2.6, 1.2), lights, at=(f * length, 0, wall + 2.6)) for f in (-0.3, 0.0, 0.3)]
    return [
        box((length, width, wall), metal),
        roof((1.01 * length, 1.02 * width, 3), ridge, at=(0, 0, wall)),
        *gates,
        *vents,
    ]


def crane(rng) -> list[Part]:
    """A tower crane: mast, jib, counterweight and hook."""
    height, reach = rng.uniform(36, 50), rng.uniform(28, 38)
    steel = paint(rng, "yellow", "orange", "red", pattern="stripes", second="dark", period=5.0)
    plain = paint(rng, "yellow", "orange", "red")
    drop = rng.uniform(10, 20)
    return [
        box((5, 5, 1.2), paint(rng, "grey")),
        box((2, 2, height), steel),
        box((1.5, 1.5, 5), plain, at=(0, 0, height + 1.6)),
        box((reach, 1.4, 1.6), plain, at=(0.36 * reach, 0, height)),
        box((4, 2.4, 3), paint(rng, "grey", "dark"), at=(-0.11 * reach, 0, height - 3)),
        box((0.3, 0.3, drop), paint(rng, "dark"), at=(0.7 * reach, 0, height - drop)),
        box((1.6, 1.6, 1.6), paint(rng, "dark"), at=(0.7 * reach, 0, height - drop - 1.6)),
    ]


def silo(rng) -> list[Part]:
    """A tall round silo with a domed roof."""
    radius, height = rng.uniform(4, 6), rng.uniform(18, 26)
    return [
        lathe(DOME, radius, height, paint(rng, "steel", "white", "grey", gloss=0.4)),
        *[tube(1.03 * radius, 0.96 * radius, 0.5, paint(rng, "grey"), at=(0, 0, f * height)) for f in (0.2, 0.4, 0.6)],
    ]


def greenhouse(rng) -> list[Part]:
    """A glass house with white bars."""
    length, width, wall = rng.uniform(18, 28), rng.uniform(8, 11), 3.0
    glass, bar = paint(rng, "teal", "glass", gloss=0.9), paint(rng, "white")
    stations = [(-0.5 + i / 8) * 0.99 * length for i in range(9)]
    return [
        box((length, width, wall), glass),
        roof((length, width, 2.6), glass, at=(0, 0, wall)),
        *[box((0.35, 1.02 * width, wall), bar, at=(x, 0, 0)) for x in stations],
        *[roof((0.35, 1.02 * width, 2.75), bar, at=(x, 0, wall)) for x in stations],
    ]


def boat(rng) -> list[Part]:
    """A motor boat on a cradle."""
    length, width = rng.uniform(12, 20), rng.uniform(4, 5.5)
    hull, deck, glass = paint(rng, gloss=0.5), paint(rng, "oak", "white", "cream"), paint(rng, "glass", gloss=0.8)
    cradle = [box((0.5, 0.9 * width, 0.6), paint(rng, "dark"), at=(x * length, 0, 0)) for x in (-0.28, 0.15)]
    return [
        *cradle,
        box((0.75 * length, width, 1.4), hull, at=(-0.125 * length, 0, 0.5)),
        cone(0.7071 * width, 0.25 * length, hull, at=(0.25 * length, 0, 1.2), axis=(1, 0, 0), sides=4),
        box((0.7 * length, 0.9 * width, 0.1), deck, at=(-0.125 * length, 0, 1.9)),
        box((0.25 * length, 0.6 * width, 1.2), glass, at=(-0.1 * length, 0, 2.0)),
        box((0.27 * length, 0.65 * width, 0.2), hull, at=(-0.1 * length, 0, 3.2)),
    ]


def helicopter(rng) -> list[Part]:
    """A helicopter on skids, its two blades along its body."""
    length = rng.uniform(12, 16)
    body, glass, dark = paint(rng, gloss=0.5), paint(rng, "glass", gloss=0.9), paint(rng, "dark")
    skids = [cylinder(0.12, 0.5 * length, dark, at=(-0.2 * length, y, 0.12), axis=(1, 0, 0), sides=8) for y in (-1, 1)]
    struts = [box((0.15, 2.0, 0.7), dark, at=(x * length, 0, 0.1)) for x in (-0.1, 0.15)]
    return [
        *skids,
        *struts,
        ellipsoid((0.25 * length, 0.12 * length, 0.12 * length), body, at=(0.02 * length, 0, 0.6)),
        ellipsoid((0.12 * length, 0.1 * length, 0.08 * length), glass, at=(0.16 * length, 0, 0.09 * length + 0.6)),
        cone(
            0.07 * length,
            0.45 * length,
            body,
            at=(-0.1 * length, 0, 0.13 * length + 0.6),
            axis=(-1, 0, 0.05),
            top=0.15,
        ),
        box((0.06 * length, 0.12, 0.16 * length), body, at=(-0.52 * length, 0, 0.13 * length + 0.6)),
        cylinder(0.15, 0.06 * length, dark, at=(0.02 * length, 0, 0.23 * length + 0.6), sides=8),
        box((length, 0.35, 0.12), dark, at=(0.02 * length, 0, 0.29 * length + 0.6)),
    ]


def water_tank(rng) -> list[Part]:
    """A small upright tank with a lid."""
    radius, height = rng.uniform(3.5, 5), rng.uniform(6, 9)
    plastic, band = paint(rng, "white", "dark", "blue", "green", gloss=0.3), paint(rng, "grey", "dark")
    return [
        lathe(DOME, radius, height, plastic),
        *[tube(1.03 * radius, 0.97 * radius, 0.2, band, at=(0, 0, f * height)) for f in (0.15, 0.35, 0.5)],
        cylinder(0.3 * radius, 0.3, band, at=(0, 0, 0.98 * height)),
    ]


def tent(rng) -> list[Part]:
    """A party tent: open sides, a ridged roof on posts."""
    length, width = rng.uniform(11, 17), rng.uniform(8, 11)
    cloth, post = paint(rng, pattern="checker", second="white", period=2.0), paint(rng, "white", "grey")
    spots = [(x * 0.48 * length, y * 0.48 * width, 0.0) for x in (-1, 1) for y in (-1, 1)]
    return [
        *[box((0.2, 0.2, 2.6), post, at=spot) for spot in spots],
        roof((length, width, 1.9), cloth, at=(0, 0, 2.5)),
    ]


def excavator(rng) -> list[Part]:
    """A digger on tracks with a bent arm and a bucket."""
    length = rng.uniform(9, 12)
    steel, dark, glass = (
        paint(rng, "yellow", "orange", gloss=0.3),
        paint(rng, "rubber"),
        paint(rng, "glass", gloss=0.8),
    )
    tracks = [box((0.6 * length, 0.6, 0.9), dark, at=(0, y * 1.0, 0)) for y in (-1, 1)]
    return [
        *tracks,
        box((0.45 * length, 2.4, 1.3), steel, at=(-0.05 * length, 0, 0.9)),
        box((0.2 * length, 1.0, 1.1), glass, at=(0.1 * length, 0.6, 2.2)),
        box((0.4, 0.4, 0.45 * length), steel, at=(0.2 * length, -0.4, 1.8), axis=(0.55, 0, 0.8)),
        box((0.35, 0.35, 0.4 * length), steel, at=(0.42 * length, -0.4, 1.75 + 0.37 * length), axis=(0.6, 0, -0.75)),
        box((0.8, 0.9, 0.8), dark, at=(0.64 * length, -0.4, 0.9)),
    ]


OBJECTS = {
    "house": house,
    "tower": tower,
    "storage tank": storage_tank,
    "tree": partial(tree, low=11.0, high=19.0),
    "truck": truck,
    "shipping container": shipping_container,
    "swimming pool": swimming_pool,
    "wind turbine": wind_turbine,
    "warehouse": warehouse,
    "crane": crane,
    "silo": silo,
    "greenhouse": greenhouse,
    "boat": boat,
    "helicopter": helicopter,
    "water tank": water_tank,
    "tent": tent,
    "excavator": excavator,
    "bus": bus,
}
