"""Furniture. The front of a piece faces +Y, so that its back can go against a wall."""

from math import cos, sin, tau

from dataset_builders.sources.synthetic.catalog import indoor_small
from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Part, box, cone, cylinder, ellipsoid, tube

AGAINST_WALL = frozenset({"sofa", "bed", "bookcase", "cabinet", "tv", "door"})
WOODS = ("oak", "walnut", "cream", "white", "dark")


def _legs(width, depth, height, thickness, material) -> list[Part]:
    """Four legs under the corners of a width by depth rectangle."""
    x, y = (width - thickness) / 2, (depth - thickness) / 2
    spots = [(i * x, j * y, 0) for i in (-1, 1) for j in (-1, 1)]
    return [box((thickness, thickness, height), material, at=spot) for spot in spots]


def chair(rng) -> list[Part]:
    """A dining chair with a slatted back."""
    width, seat = rng.uniform(0.42, 0.5), rng.uniform(0.43, 0.48)
    back = rng.uniform(0.4, 0.5)
    wood, cushion = paint(rng, *WOODS, gloss=0.2), paint(rng)
    posts = [box((0.035, 0.035, back), wood, at=(i * (width / 2 - 0.018), -width / 2 + 0.018, seat)) for i in (-1, 1)]
    rails = [box((width - 0.07, 0.02, 0.09), wood, at=(0, -width / 2 + 0.018, seat + f * back)) for f in (0.35, 0.8)]
    top = box((width, width, 0.04), cushion, at=(0, 0, seat - 0.04))
    return [*_legs(width, width, seat - 0.04, 0.04, wood), top, *posts, *rails]


def table(rng) -> list[Part]:
    """A rectangular or round table."""
    height, wood = rng.uniform(0.7, 0.78), paint(rng, *WOODS, gloss=0.3)
    if rng.random() < 0.3:
        radius = rng.uniform(0.45, 0.65)
        foot = cone(0.6 * radius, 0.05, wood, top=0.2 * radius)
        return [foot, cylinder(0.05, height - 0.04, wood), cylinder(radius, 0.04, wood, at=(0, 0, height - 0.04))]
    width, depth = rng.uniform(1.1, 1.7), rng.uniform(0.7, 0.9)
    top = box((width, depth, 0.04), wood, at=(0, 0, height - 0.04))
    return [*_legs(width - 0.06, depth - 0.06, height - 0.04, 0.06, wood), top]


def sofa(rng) -> list[Part]:
    """A sofa with back, two arms and seat cushions."""
    width, depth, height = rng.uniform(1.6, 2.2), rng.uniform(0.82, 0.95), rng.uniform(0.75, 0.88)
    cloth, cushion, foot = paint(rng, "red", "teal", "navy", "grey", "oak", "purple"), paint(rng), paint(rng, "walnut")
    count = 2 if width < 1.9 else 3
    each = (width - 0.36) / count
    seats = [
        box((each - 0.02, depth - 0.24, 0.14), cushion, at=((i - (count - 1) / 2) * each, 0.1, 0.34))
        for i in range(count)
    ]
    arms = [box((0.17, depth, 0.6), cloth, at=(i * (width / 2 - 0.085), 0, 0.05)) for i in (-1, 1)]
    back = box((width, 0.22, height - 0.05), cloth, at=(0, -depth / 2 + 0.11, 0.05))
    return [
        *_legs(width, depth, 0.06, 0.06, foot),
        box((width, depth, 0.29), cloth, at=(0, 0, 0.05)),
        back,
        *arms,
        *seats,
    ]


def bed(rng) -> list[Part]:
    """A bed with headboard, blanket and pillows."""
    width, depth = rng.uniform(0.95, 1.7), rng.uniform(1.95, 2.1)
    wood, white = paint(rng, *WOODS, gloss=0.2), paint(rng, "white", "cream")
    blanket = paint(rng, pattern=str(rng.choice(["plain", "checker"])), second="white", period=0.4)
    count = 1 if width < 1.25 else 2
    spots = [((i - (count - 1) / 2) * width / count, -depth / 2 + 0.32, 0.48) for i in range(count)]
    return [
        *_legs(width, depth, 0.2, 0.07, wood),
        box((width, depth, 0.12), wood, at=(0, 0, 0.18)),
        box((0.96 * width, 0.96 * depth, 0.2), white, at=(0, 0.01, 0.3)),
        box((0.99 * width, 0.66 * depth, 0.17), blanket, at=(0, 0.16 * depth, 0.345)),
        box((width, 0.06, rng.uniform(0.85, 1.1)), wood, at=(0, -depth / 2 + 0.03, 0)),
        *[ellipsoid((0.3, 0.2, 0.08), white, at=spot) for spot in spots],
    ]


def floor_lamp(rng) -> list[Part]:
    """A standing lamp."""
    height, shade = rng.uniform(1.45, 1.75), rng.uniform(0.19, 0.25)
    metal = paint(rng, "dark", "steel", "gold", gloss=0.5)
    return [
        cylinder(0.16, 0.03, metal),
        cylinder(0.015, height - 0.25, metal, at=(0, 0, 0.03), sides=8),
        cone(shade, 0.3, paint(rng, "cream", "yellow", "white", "orange"), at=(0, 0, height - 0.3), top=0.65 * shade),
    ]


def bookcase(rng) -> list[Part]:
    """An open case with rows of coloured books."""
    width, height, depth = rng.uniform(0.75, 1.1), rng.uniform(1.6, 2.1), rng.uniform(0.28, 0.36)
    wood, count = paint(rng, *WOODS), int(rng.integers(4, 6))
    step = (height - 0.03) / count
    boards = [box((width, depth, 0.03), wood, at=(0, 0, i * step)) for i in range(count + 1)]
    sides = [box((0.03, depth, height), wood, at=(i * (width / 2 - 0.015), 0, 0)) for i in (-1, 1)]
    rows = []
    for shelf in range(count):
        left = -width / 2 + 0.04
        while left < width / 2 - rng.uniform(0.12, 0.4):
            thick, tall = rng.uniform(0.05, 0.11), rng.uniform(0.6, 0.88) * (step - 0.03)
            rows.append(
                box((thick - 0.006, 0.7 * depth, tall), paint(rng), at=(left + thick / 2, 0, shelf * step + 0.03))
            )
            left += thick
    return [*boards, *sides, box((width, 0.02, height), wood, at=(0, -depth / 2 + 0.01, 0)), *rows]


def cabinet(rng) -> list[Part]:
    """A low cabinet with doors and knobs."""
    width, depth, height = rng.uniform(0.8, 1.3), rng.uniform(0.4, 0.5), rng.uniform(0.75, 1.05)
    wood, door, knob = paint(rng, *WOODS), paint(rng, *WOODS, gloss=0.2), paint(rng, "gold", "dark", gloss=0.6)
    x, front = width / 4, depth / 2
    doors = [box((width / 2 - 0.03, 0.02, height - 0.14), door, at=(i * x, front, 0.08)) for i in (-1, 1)]
    knobs = [ellipsoid((0.02, 0.02, 0.02), knob, at=(i * 0.06, front + 0.025, 0.5 * height), sides=8) for i in (-1, 1)]
    top = box((width + 0.04, depth, 0.03), wood, at=(0, 0.01, height - 0.03))
    return [box((width, depth, height - 0.03), wood), top, *doors, *knobs]


def tv(rng) -> list[Part]:
    """A flat screen on a stand."""
    width = rng.uniform(0.95, 1.4)
    tall, foot = 0.57 * width, rng.uniform(0.45, 0.6)
    black = paint(rng, "dark", gloss=0.5)
    screen = paint(rng, "blue", "teal", "glass", "navy", gloss=0.9)
    return [
        box((0.5 * width, 0.32, 0.03), black),
        box((0.09, 0.06, foot), black, at=(0, -0.04, 0.03)),
        box((width, 0.06, tall), black, at=(0, 0, foot)),
        box((0.94 * width, 0.01, 0.9 * tall), screen, at=(0, 0.03, foot + 0.05 * tall)),
    ]


def plant(rng) -> list[Part]:
    """A pot with leaves spreading from a stem."""
    radius, height = rng.uniform(0.14, 0.2), rng.uniform(0.7, 1.2)
    pot = 0.3 * height
    leaf, count = paint(rng, "leaf", "green", gloss=0.2), 9
    parts = [
        cone(0.72 * radius, pot, paint(rng, "brick", "white", "teal", "copper"), top=radius),
        cylinder(0.9 * radius, 0.01, paint(rng, "walnut"), at=(0, 0, pot)),
        cylinder(0.02, 0.45 * height, paint(rng, "leaf"), at=(0, 0, pot), sides=8),
    ]
    for index in range(count):
        angle, rise = 2.4 * index, pot + (0.15 + 0.3 * index / count) * height
        axis = (rng.uniform(0.5, 1.0) * cos(angle), rng.uniform(0.5, 1.0) * sin(angle), 0.7)
        parts.append(ellipsoid((0.07, 0.02, 0.19 * height), leaf, at=(0, 0, rise), axis=axis, sides=8))
    return parts


def trash_bin(rng) -> list[Part]:
    """An open round bin."""
    radius, height = rng.uniform(0.13, 0.18), rng.uniform(0.3, 0.5)
    plastic = paint(rng, "grey", "dark", "steel", "blue", "green", gloss=0.3)
    rim = 0.06 * height
    return [
        cone(0.75 * radius, height - rim, plastic, top=0.94 * radius),
        cylinder(0.85 * radius, 0.002, paint(rng, "rubber"), at=(0, 0, height - rim)),
        tube(radius, 0.85 * radius, rim, plastic, at=(0, 0, height - rim)),
    ]


def door(rng) -> list[Part]:
    """A closed door in its frame, with panels and a handle."""
    width, height = rng.uniform(0.82, 0.95), rng.uniform(1.98, 2.08)
    leaf, frame = paint(rng, "white", "oak", "walnut", "teal"), paint(rng, "white", "cream", "grey")
    panel, metal = paint(rng, "cream", "oak", "grey"), paint(rng, "gold", "steel", gloss=0.7)
    posts = [box((0.08, 0.1, height), frame, at=(i * (width / 2 + 0.04), 0, 0)) for i in (-1, 1)]
    panels = [box((0.6 * width, 0.012, 0.34 * height), panel, at=(0, 0.028, f * height)) for f in (0.1, 0.55)]
    handle = cylinder(0.012, 0.12, metal, at=(0.32 * width, 0.06, 1.0), axis=(1, 0, 0), sides=8)
    lintel = box((width + 0.16, 0.1, 0.08), frame, at=(0, 0, height))
    return [box((width, 0.05, height), leaf), *posts, lintel, *panels, handle]


def stool(rng) -> list[Part]:
    """A round stool on three legs."""
    radius, height = rng.uniform(0.16, 0.21), rng.uniform(0.43, 0.65)
    wood = paint(rng, *WOODS, gloss=0.2)
    angles = [tau * i / 3 for i in range(3)]
    feet = [(0.9 * radius * cos(a), 0.9 * radius * sin(a), 0.0) for a in angles]
    legs = [
        cylinder(0.018, 1.03 * height - 0.04, wood, at=foot, axis=(-0.3 * foot[0], -0.3 * foot[1], 1), sides=8)
        for foot in feet
    ]
    return [*legs, cylinder(radius, 0.05, paint(rng), at=(0, 0, height - 0.05))]


OBJECTS = {
    "chair": chair,
    "table": table,
    "sofa": sofa,
    "bed": bed,
    "floor lamp": floor_lamp,
    "bookcase": bookcase,
    "cabinet": cabinet,
    "tv": tv,
    "plant": plant,
    "trash bin": trash_bin,
    "door": door,
    "stool": stool,
    **indoor_small.OBJECTS,
}
