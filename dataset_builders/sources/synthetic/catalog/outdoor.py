"""What stands along a street, half a metre to a dozen metres. Vehicles point along +X."""

from dataset_builders.sources.synthetic.catalog import outdoor_small
from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import (
    Part,
    box,
    capsule,
    cone,
    cylinder,
    ellipsoid,
    lathe,
    roof,
    torus,
)

BARREL = (
    (0, 0),
    (1, 0),
    (1, 0.06),
    (0.72, 0.08),
    (0.72, 0.72),
    (0.8, 0.74),
    (0.8, 0.78),
    (0.6, 0.9),
    (0.3, 1),
    (0, 1),
)


def wheels(length, width, radius, thickness, stations, rng) -> list[Part]:
    """Pairs of wheels at the given fractions of a vehicle's length."""
    rubber, hub = paint(rng, "rubber"), paint(rng, "steel", gloss=0.5)
    spots = [(f * length, side * (width / 2 - thickness / 2)) for f in stations for side in (-1, 1)]
    tyres = [
        cylinder(radius, thickness, rubber, at=(x, y - thickness / 2, radius), axis=(0, 1, 0), sides=16)
        for x, y in spots
    ]
    hubs = [
        cylinder(
            0.5 * radius, thickness + 0.02, hub, at=(x, y - thickness / 2 - 0.01, radius), axis=(0, 1, 0), sides=10
        )
        for x, y in spots
    ]
    return tyres + hubs


def car(rng) -> list[Part]:
    """A car: body, cabin with windows, bumpers, lights and wheels."""
    length, width, height = rng.uniform(3.9, 4.8), rng.uniform(1.7, 1.9), rng.uniform(1.42, 1.6)
    body, glass = (
        paint(rng, *("red", "blue", "white", "steel", "dark", "teal", "yellow"), gloss=0.7),
        paint(rng, "glass", gloss=0.9),
    )
    waist = 0.6 * height
    cabin = (0.52 * length, 0.86 * width, height - waist)
    light, rear = paint(rng, "cream", gloss=0.5), paint(rng, "red", gloss=0.5)
    return [
        box((length, width, waist - 0.25), body, at=(0, 0, 0.25)),
        box((cabin[0], cabin[1], cabin[2] - 0.06), glass, at=(-0.06 * length, 0, waist)),
        box((0.42 * length, 0.88 * width, 0.06), body, at=(-0.06 * length, 0, height - 0.06)),
        *[
            box((0.1, 0.88 * width, height - waist), body, at=((x - 0.06) * length, 0, waist))
            for x in (-0.24, 0.0, 0.24)
        ],
        *[box((0.06, 0.3, 0.14), light, at=(length / 2, y * 0.34 * width, 0.6 * waist + 0.1)) for y in (-1, 1)],
        *[box((0.06, 0.3, 0.14), rear, at=(-length / 2, y * 0.34 * width, 0.6 * waist + 0.1)) for y in (-1, 1)],
        *wheels(length, width + 0.06, 0.32, 0.2, (-0.3, 0.3), rng),
    ]


def tree(rng, low=4.0, high=8.0) -> list[Part]:
    """A leafy tree, or a fir of stacked cones, `low` to `high` metres tall."""
    height, trunk = rng.uniform(low, high), paint(rng, "walnut")
    leaves = paint(rng, "leaf", "green", pattern="speckle", second="leaf", period=0.05 * height)
    if rng.random() < 0.4:
        tiers = [
            cone((0.26 - 0.06 * i) * height, 0.4 * height, leaves, at=(0, 0, (0.16 + 0.22 * i) * height))
            for i in range(3)
        ]
        return [cylinder(0.03 * height, 0.2 * height, trunk, sides=10), *tiers]
    blobs = [(0, 0, 0.45, 0.27), (0.15, 0.06, 0.4, 0.19), (-0.13, 0.1, 0.42, 0.18), (0.02, -0.16, 0.4, 0.19)]
    crown = [
        ellipsoid((r * height, r * height, r * height), leaves, at=(x * height, y * height, z * height))
        for x, y, z, r in blobs
    ]
    return [cone(0.04 * height, 0.6 * height, trunk, sides=10, top=0.025 * height), *crown]


def street_lamp(rng) -> list[Part]:
    """A tall post with an arm and a lamp head."""
    height, reach = rng.uniform(4.5, 6.5), rng.uniform(0.8, 1.4)
    metal = paint(rng, "grey", "dark", "green", gloss=0.3)
    return [
        cylinder(0.16, 0.4, metal, sides=12),
        cone(0.09, height, metal, sides=12, top=0.06),
        cylinder(0.05, reach, metal, at=(0, 0, height - 0.1), axis=(1, 0, 0.1), sides=10),
        box((0.7, 0.3, 0.14), metal, at=(reach, 0, height - 0.06)),
        box((0.55, 0.22, 0.05), paint(rng, "cream"), at=(reach, 0, height - 0.1)),
    ]


def bench(rng) -> list[Part]:
    """A park bench with slats."""
    width = rng.uniform(1.4, 1.9)
    wood, metal = paint(rng, "oak", "walnut", "green"), paint(rng, "dark", gloss=0.3)
    seat = [box((width, 0.1, 0.04), wood, at=(0, y, 0.43)) for y in (-0.14, 0.0, 0.14)]
    back = [box((width, 0.04, 0.1), wood, at=(0, -0.26, z)) for z in (0.58, 0.74)]
    sides = [box((0.07, 0.5, 0.43), metal, at=(i * 0.42 * width, -0.03, 0)) for i in (-1, 1)]
    posts = [box((0.07, 0.05, 0.45), metal, at=(i * 0.42 * width, -0.29, 0.4)) for i in (-1, 1)]
    return seat + back + sides + posts


def bus(rng) -> list[Part]:
    """A city bus: a long box with a band of windows."""
    length, width, height = rng.uniform(9.5, 12), 2.5, rng.uniform(2.9, 3.2)
    body, glass = paint(rng, "red", "yellow", "blue", "green", "orange", gloss=0.5), paint(rng, "glass", gloss=0.9)
    stripe = paint(rng, "white", "dark")
    posts = [-0.46 + 0.92 * i / 7 for i in range(8)]
    return [
        box((length, width, 0.42 * height), body, at=(0, 0, 0.35)),
        box((0.995 * length, 0.98 * width, 0.4 * height), glass, at=(0, 0, 0.42 * height + 0.35)),
        box((length, width, 0.58 * height - 0.35 - 0.4 * height), body, at=(0, 0, 0.82 * height + 0.35)),
        box((0.15, 1.01 * width, 0.4 * height), body, at=(-0.49 * length, 0, 0.42 * height + 0.35)),
        *[box((0.14, 1.005 * width, 0.4 * height), body, at=(f * length, 0, 0.42 * height + 0.35)) for f in posts],
        box((1.002 * length, 1.01 * width, 0.18), stripe, at=(0, 0, 0.3 * height)),
        *wheels(length, width + 0.06, 0.48, 0.3, (-0.3, 0.32), rng),
    ]


def traffic_cone(rng) -> list[Part]:
    """An orange cone with white bands."""
    height = rng.uniform(0.5, 0.9)
    base, orange = 0.5 * height, paint(rng, "orange", "red")
    bands = paint(rng, "orange", pattern="stripes", second="white", period=0.36 * height)
    foot = 0.06 * height
    return [
        box((base, base, foot), orange),
        cone(0.19 * height, height - foot, bands, at=(0, 0, foot), top=0.04 * height),
    ]


def fire_hydrant(rng) -> list[Part]:
    """A hydrant with a domed top and two outlets."""
    height = rng.uniform(0.7, 0.95)
    iron, cap = paint(rng, "red", "yellow", gloss=0.4), paint(rng, "white", "steel", "blue", gloss=0.4)
    radius, spout = 0.2 * height, 0.09 * height
    sides = [cylinder(spout, 0.26 * height, cap, at=(0, 0, 0.6 * height), axis=(i, 0, 0), sides=12) for i in (-1, 1)]
    front = cylinder(1.3 * spout, 0.25 * height, cap, at=(0, 0, 0.5 * height), axis=(0, 1, 0), sides=12)
    return [
        lathe(BARREL, radius, height, iron),
        *sides,
        front,
        cylinder(0.05 * height, 0.05 * height, cap, at=(0, 0, height), sides=6),
    ]


def sign(rng) -> list[Part]:
    """A traffic sign: a disc, octagon, triangle or square with a border, on a post."""
    height, radius = rng.uniform(2.3, 2.9), rng.uniform(0.32, 0.42)
    sides = int(rng.choice([3, 4, 8, 24]))
    centre = (0, 0.05, height - radius)
    face, border = paint(rng, "white", "yellow", "blue"), paint(rng, "red", "blue")
    return [
        cylinder(0.04, height, paint(rng, "grey", gloss=0.4), sides=10),
        cylinder(radius, 0.03, border, at=centre, axis=(0, 1, 0), sides=sides),
        cylinder(0.8 * radius, 0.045, face, at=centre, axis=(0, 1, 0), sides=sides),
        box((0.8 * radius, 0.055, 0.2 * radius), paint(rng, "dark"), at=(0, 0.0725, height - 1.1 * radius)),
    ]


def house(rng) -> list[Part]:
    """A house with a gable roof, chimney, door and windows."""
    width, depth, wall = rng.uniform(7, 10), rng.uniform(6, 8), rng.uniform(3.0, 5.2)
    plaster = paint(rng, "cream", "white", "brick", "yellow", "pink", "grey")
    tiles = paint(rng, "brick", "dark", "red", "walnut")
    glass, frame, leaf = (
        paint(rng, "glass", gloss=0.8),
        paint(rng, "white"),
        paint(rng, "walnut", "green", "blue", "red"),
    )
    top = rng.uniform(1.8, 2.8)
    windows = [(f * width, side * depth / 2) for f in (-0.3, 0.3) for side in (-1, 1)]
    return [
        box((width, depth, wall), plaster),
        roof((1.08 * width, 1.14 * depth, top), tiles, at=(0, 0, wall)),
        box((0.7, 0.7, 1.7), paint(rng, "brick"), at=(0.28 * width, 0.14 * depth, wall + 0.5 * top)),
        box((1.05, 0.16, 2.1), leaf, at=(0, depth / 2, 0)),
        *[box((1.5, 0.14, 1.4), frame, at=(x, y, 1.0)) for x, y in windows],
        *[box((1.3, 0.2, 1.2), glass, at=(x, y, 1.1)) for x, y in windows],
    ]


def bollard(rng) -> list[Part]:
    """A short post with a reflecting band."""
    height, radius = rng.uniform(0.85, 1.1), rng.uniform(0.1, 0.14)
    return [
        capsule(radius, height, paint(rng, "dark", "yellow", "grey", gloss=0.3)),
        cylinder(1.05 * radius, 0.1, paint(rng, "white", "red"), at=(0, 0, 0.72 * height)),
        cylinder(1.3 * radius, 0.06, paint(rng, "dark")),
    ]


def mailbox(rng) -> list[Part]:
    """A letter box with a rounded top, on a post."""
    body = paint(rng, "red", "blue", "yellow", "green", gloss=0.4)
    height, length = rng.uniform(1.15, 1.4), rng.uniform(0.5, 0.65)
    low = height - 0.38
    return [
        box((0.1, 0.1, low), paint(rng, "walnut", "grey")),
        box((length, 0.34, 0.2), body, at=(0, 0, low)),
        cylinder(0.17, length, body, at=(-length / 2, 0, low + 0.2), axis=(1, 0, 0)),
        box((0.03, 0.22, 0.05), paint(rng, "dark"), at=(length / 2, 0, low + 0.16)),
        torus(0.05, 0.02, paint(rng, "steel"), at=(length / 2, 0, low + 0.08), axis=(1, 0, 0)),
    ]


OBJECTS = {
    "car": car,
    "tree": tree,
    "street lamp": street_lamp,
    "bench": bench,
    "bus": bus,
    "traffic cone": traffic_cone,
    "fire hydrant": fire_hydrant,
    "sign": sign,
    "house": house,
    "bollard": bollard,
    "mailbox": mailbox,
    **outdoor_small.OBJECTS,
}
