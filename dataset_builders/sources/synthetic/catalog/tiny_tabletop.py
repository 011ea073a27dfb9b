"""Small things of 3 to 50 millimetres."""

from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Part, box, capsule, cone, cylinder, ellipsoid, lathe, torus, tube

MM = 0.001
PAWN = ((0, 0), (1, 0), (1, 0.1), (0.6, 0.18), (0.42, 0.4), (0.36, 0.6), (0.66, 0.63), (0.66, 0.67), (0, 0.67))
BEAD = ((0.3, 0), (0.62, 0.03), (0.9, 0.22), (1, 0.5), (0.9, 0.78), (0.62, 0.97), (0.3, 1), (0.3, 0))
CAP = ((0, 0), (1, 0), (0.96, 0.35), (0.82, 0.68), (0.55, 0.9), (0.2, 0.99), (0, 1))


def coin(rng) -> list[Part]:
    """A coin lying flat, with a raised rim and a raised disc."""
    radius, height = rng.uniform(9, 13) * MM, rng.uniform(1.6, 2.4) * MM
    metal = paint(rng, "gold", "steel", "copper", gloss=0.7)
    return [
        cylinder(radius, 0.8 * height, metal, sides=28),
        tube(radius, 0.86 * radius, height, metal, sides=28),
        cylinder(0.45 * radius, height, paint(rng, "gold", "steel", gloss=0.7), sides=5),
    ]


def hex_nut(rng) -> list[Part]:
    """A six-sided nut; a round pipe inside makes its hole round."""
    radius, metal = rng.uniform(5, 9) * MM, paint(rng, "steel", "gold", gloss=0.6)
    height = 0.85 * radius
    thread = paint(rng, "grey", "dark", pattern="stripes", second="steel", period=1.2 * MM)
    return [
        tube(radius, 0.66 * radius, height, metal, sides=6),
        tube(0.74 * radius, 0.52 * radius, 1.04 * height, thread),
    ]


def bolt(rng) -> list[Part]:
    """A bolt standing on its six-sided head."""
    radius, length = rng.uniform(3, 4.5) * MM, rng.uniform(16, 32) * MM
    head = 1.5 * radius
    metal = paint(rng, "steel", "gold", "dark", gloss=0.6)
    thread = paint(rng, "steel", gloss=0.4, pattern="stripes", second="dark", period=1.6 * MM)
    return [
        cylinder(2 * radius, head, metal, sides=6),
        cylinder(radius, length, thread, at=(0, 0, head)),
        cone(radius, 0.5 * radius, metal, at=(0, 0, head + length), top=0.7 * radius),
    ]


def bead(rng) -> list[Part]:
    """A round bead with a hole."""
    radius = rng.uniform(3.5, 6.5) * MM
    return [lathe(BEAD, radius, 1.7 * radius, paint(rng, gloss=0.8))]


def battery(rng) -> list[Part]:
    """A round cell standing on its flat end."""
    radius, height = (rng.uniform(6.8, 7.4) * MM, rng.uniform(40, 50) * MM)
    wrap, metal = paint(rng, "dark", "green", "red", "blue", gloss=0.5), paint(rng, "steel", gloss=0.6)
    return [
        cylinder(radius, 0.68 * height, wrap),
        cylinder(radius, 0.28 * height, paint(rng, "copper", "gold", gloss=0.6), at=(0, 0, 0.68 * height)),
        cylinder(0.36 * radius, 0.04 * height, metal, at=(0, 0, 0.96 * height)),
    ]


def button(rng) -> list[Part]:
    """A shirt button with a rim and four dark holes."""
    radius, height = rng.uniform(6, 11) * MM, rng.uniform(2, 3) * MM
    plastic, hole = paint(rng, gloss=0.5), paint(rng, "dark")
    parts = [
        cylinder(0.97 * radius, 0.7 * height, plastic, sides=28),
        tube(radius, 0.78 * radius, height, plastic, sides=28),
    ]
    spots = [(x * 0.24 * radius, y * 0.24 * radius, 0.5 * height) for x in (-1, 1) for y in (-1, 1)]
    return parts + [cylinder(0.13 * radius, 0.23 * height, hole, at=spot, sides=10) for spot in spots]


def washer(rng) -> list[Part]:
    """A flat ring."""
    radius = rng.uniform(6, 11) * MM
    return [tube(radius, rng.uniform(0.45, 0.6) * radius, rng.uniform(1.2, 2) * MM, paint(rng, "steel", gloss=0.7))]


def pill(rng) -> list[Part]:
    """A capsule of two colours, lying."""
    radius, length = rng.uniform(3, 4) * MM, rng.uniform(16, 21) * MM
    shell, cap = paint(rng, gloss=0.8), paint(rng, "white", "cream", gloss=0.8)
    return [
        capsule(radius, 0.75 * length, shell, at=(-0.5 * length, 0, radius), axis=(1, 0, 0)),
        capsule(1.06 * radius, 0.55 * length, cap, at=(0.5 * length, 0, radius), axis=(-1, 0, 0)),
    ]


def toy_brick(rng) -> list[Part]:
    """A plastic building brick with studs."""
    pitch, columns, height = 8 * MM, int(rng.integers(2, 5)), 9.6 * MM
    plastic = paint(rng, gloss=0.5)
    studs = [((i - (columns - 1) / 2) * pitch, j * pitch, height) for i in range(columns) for j in (-0.5, 0.5)]
    body = box((columns * pitch, 2 * pitch, height), plastic)
    return [body] + [cylinder(2.4 * MM, 1.8 * MM, plastic, at=stud, sides=14) for stud in studs]


def push_pin(rng) -> list[Part]:
    """A pin standing on its broad head."""
    radius = rng.uniform(4.5, 6) * MM
    plastic = paint(rng, gloss=0.6)
    return [
        cylinder(radius, 2 * MM, plastic),
        cone(0.75 * radius, 9 * MM, plastic, at=(0, 0, 2 * MM), top=0.45 * radius),
        cylinder(0.9 * radius, 1.5 * MM, plastic, at=(0, 0, 11 * MM)),
        cone(0.8 * MM, 11 * MM, paint(rng, "steel", gloss=0.7), at=(0, 0, 12.5 * MM)),
    ]


def ring(rng) -> list[Part]:
    """A finger ring standing upright, with a stone."""
    radius, thickness = rng.uniform(8.5, 10.5) * MM, rng.uniform(2, 3) * MM
    band = torus(
        radius, thickness, paint(rng, "gold", "steel", gloss=0.9), at=(0, thickness / 2, radius), axis=(0, -1, 0)
    )
    stone = rng.uniform(2.5, 4) * MM
    gem = paint(rng, "red", "blue", "green", "purple", gloss=1.0)
    return [band, ellipsoid((stone, stone, 0.7 * stone), gem, at=(0, 0, 2 * radius))]


def pawn(rng) -> list[Part]:
    """A chess pawn."""
    radius, height = rng.uniform(6, 8) * MM, rng.uniform(26, 36) * MM
    wood = paint(rng, "cream", "walnut", "dark", gloss=0.5)
    head = 0.19 * height
    return [
        lathe(PAWN, radius, height, wood),
        ellipsoid((head, head, head), wood, at=(0, 0, height - 2 * head)),
    ]


def die(rng) -> list[Part]:
    """A six-sided die with dark pips on top and on two sides."""
    side, pip = rng.uniform(9, 13) * MM, paint(rng, "dark")
    depth, off = 0.3 * MM, 0.24
    face = 0.5 * side - 0.7 * depth
    top = [(x * off * side, y * off * side, side - 0.7 * depth) for x in (-1, 1) for y in (-1, 1)]
    front = [(x * off * side, -face, (0.5 + x * off) * side) for x in (-1, 1)]
    return [
        box((side, side, side), paint(rng, "white", "cream", "red", "blue", gloss=0.4)),
        *[cylinder(0.09 * side, depth, pip, at=at, sides=10) for at in top],
        *[cylinder(0.09 * side, depth, pip, at=at, axis=(0, -1, 0), sides=10) for at in front],
        cylinder(0.12 * side, depth, pip, at=(face, 0, 0.5 * side), axis=(1, 0, 0), sides=10),
    ]


def marble(rng) -> list[Part]:
    """A glass ball with swirls."""
    radius = rng.uniform(6, 10) * MM
    return [ellipsoid((radius,) * 3, paint(rng, gloss=1.0, pattern="speckle", second="white", period=1.2 * radius))]


def thimble(rng) -> list[Part]:
    """A thimble, closed end up, with a rim."""
    radius, height = rng.uniform(7.5, 9.5) * MM, rng.uniform(18, 24) * MM
    metal = paint(rng, "steel", "gold", "copper", gloss=0.7, pattern="checker", second="grey", period=2.4 * MM)
    rim = paint(rng, "steel", "gold", gloss=0.7)
    return [
        cone(0.95 * radius, 0.85 * height, metal, top=0.75 * radius),
        lathe(CAP, 0.75 * radius, 0.15 * height, metal, at=(0, 0, 0.85 * height)),
        tube(radius, 0.85 * radius, 0.08 * height, rim),
    ]


def gumdrop(rng) -> list[Part]:
    """A sugared sweet with a flat foot and a round top."""
    radius = rng.uniform(6, 9) * MM
    sugar = paint(rng, pattern="speckle", second="white", period=0.6 * radius)
    return [lathe(CAP, radius, rng.uniform(1.1, 1.5) * radius, sugar)]


OBJECTS = {
    "coin": coin,
    "hex nut": hex_nut,
    "bolt": bolt,
    "bead": bead,
    "battery": battery,
    "button": button,
    "washer": washer,
    "pill": pill,
    "toy brick": toy_brick,
    "push pin": push_pin,
    "ring": ring,
    "pawn": pawn,
    "die": die,
    "marble": marble,
    "thimble": thimble,
    "gumdrop": gumdrop,
}
