"""What other objects stand on, lie in, hang from, stick to or are surrounded by: made to measure for them.

The names say which of these; the shapes are the same at all scales. A hollow is a pair of corners, lowest and highest,
of an empty box in which other objects can be. Everything stands on z = 0 around the Z axis; lengths are metres.
"""

from dataclasses import dataclass
from math import cos, pi

from numpy.random import Generator

from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import SIDES, Part, box, cylinder, lathe, tube

HOLDERS: dict[str, dict[str, tuple[str, ...]]] = {
    "tiny_tabletop": {
        "block": ("matchbox", "eraser", "jewel case"),
        "tray": ("bottle cap", "pill box", "tin"),
        "stand": ("hook stand", "magnet stand"),
        "panel": ("domino", "place card"),
        "fence": ("gasket", "collar"),
        "stack": ("sugar cube", "mosaic stone", "cork", "plastic block", "felt pad"),
    },
    "tabletop": {
        "block": ("gift box", "speaker", "shoe box"),
        "tray": ("basket", "flower box", "drawer"),
        "stand": ("hook stand", "toy crane"),
        "panel": ("whiteboard", "slate"),
        "fence": ("cake ring", "toy fence"),
        "stack": ("dictionary", "cigar box", "brick", "board game", "sponge"),
    },
    "indoor": {
        "block": ("chest", "pedestal", "safe"),
        "tray": ("laundry basket", "tub", "toy bin"),
        "stand": ("coat stand", "clothes rail"),
        "panel": ("room divider", "blackboard"),
        "fence": ("playpen", "safety gate"),
        "stack": ("moving box", "trunk", "ottoman", "foam block", "beer crate"),
    },
    "outdoor": {
        "block": ("concrete block", "stage", "plinth"),
        "tray": ("dumpster", "sandbox", "trough"),
        "stand": ("gantry", "hoist"),
        "panel": ("garden wall", "hoarding"),
        "fence": ("safety fence", "tree guard"),
        "stack": ("wooden crate", "hay bale", "stone slab", "pallet box", "cable drum"),
    },
    "drone": {
        "block": ("parking deck", "helipad", "bunker"),
        "tray": ("walled yard", "dry dock", "basin"),
        "stand": ("gantry crane", "hoist tower"),
        "panel": ("flood wall", "film screen"),
        "fence": ("ring wall", "security fence"),
        "stack": ("cargo box", "office cabin", "tank module", "steel slab", "generator"),
    },
}


@dataclass(frozen=True)
class Holder:
    """An object that others touch.

    Attributes:
        parts: Its primitives.
        hollows: Pairs of corners; see above.
    """

    parts: list[Part]
    hollows: tuple = ()


def block(rng: Generator, width: float, depth: float, height: float) -> Holder:
    """Make a closed box with a coloured foot and lid."""
    trim, pattern = paint(rng), str(rng.choice(["plain", "checker"]))
    body = paint(rng, "oak", "cream", "grey", "teal", "brick", "navy", "steel", pattern=pattern, period=0.4 * width)
    low, high = 0.12 * height, 0.84 * height
    return Holder(
        [
            box((width, depth, low), trim),
            box((width, depth, high - low), body, at=(0, 0, low)),
            box((width, depth, height - high), trim, at=(0, 0, high)),
        ]
    )


def tray(rng: Generator, inner: float, deep: float, floor: float, wall: float) -> Holder:
    """Make an open square box, `inner` metres wide and `deep` inside."""
    body, base = (
        paint(rng, "oak", "cream", "grey", "teal", "brick", "steel"),
        paint(rng, "white", "cream", "grey", "oak"),
    )
    outer, middle = inner + 2 * wall, (inner + wall) / 2
    return Holder(
        [
            box((outer, outer, floor), base),
            *[box((outer, wall, deep), body, at=(0, side * middle, floor)) for side in (-1, 1)],
            *[box((wall, inner, deep), body, at=(side * middle, 0, floor)) for side in (-1, 1)],
        ],
        (((-inner / 2, -inner / 2, floor), (inner / 2, inner / 2, floor + deep)),),
    )


def tub(rng: Generator, inner: float, deep: float, floor: float, wall: float) -> Holder:
    """Make an open round vessel, at least `inner` metres wide and `deep` inside; its floor is about as asked."""
    # The sides are flat, so that the middle of one is nearer to the axis than a corner.
    radius, flat = inner / 2 / cos(pi / SIDES) + wall, cos(pi / SIDES)
    # Rounded so that few unit meshes are ever needed.
    hole, level = round((radius - wall) / radius, 2), max(0.05, round(floor / (floor + deep), 1))
    colour = paint(rng, gloss=0.4, pattern=str(rng.choice(["plain", "stripes"])), second="white", period=0.5 * deep)
    profile = ((0, 0), (1, 0), (1, 1), (hole, 1), (hole, level), (0, level))
    height, half = deep / (1 - level), hole * radius * flat
    return Holder([lathe(profile, radius, height, colour)], (((-half, -half, level * height), (half, half, height)),))


def stand(rng: Generator, width: float, depth: float, foot: float, grip: float, reach: float, cord: float) -> Holder:
    """Make a foot plate with a post or two that bear a beam, and a gripper on a cord below it.

    Args:
        rng: Source of randomness.
        width: Between the posts, or the room beside the only one.
        depth: Of the foot plate.
        foot: Its thickness.
        grip: Radius of the gripper.
        reach: From the foot plate to the gripper.
        cord: From there to the beam.
    """
    metal, plate = paint(rng, "dark", "steel", "yellow", "red", gloss=0.3), paint(rng, "grey", "dark", "oak", "steel")
    post, height = 0.1 * width, foot + reach + cord
    gantry = bool(rng.random() < 0.5)
    outer = width + (2 if gantry else 1) * post
    left = -width / 2 - post / 2
    posts = [left, -left] if gantry else [left]
    thin = min(0.25 * grip, 0.5 * cord)
    parts = [
        box((outer, depth, foot), plate, at=(0 if gantry else -post / 2, 0, 0)),
        *[box((post, post, height - foot), metal, at=(x, 0, foot)) for x in posts],
        box((outer, post, 1.2 * post), metal, at=(0 if gantry else -post / 2, 0, height)),
        cylinder(0.15 * grip, cord, paint(rng, "dark"), at=(0, 0, foot + reach), sides=8),
        cylinder(grip, thin, paint(rng, "dark", "red", "steel"), at=(0, 0, foot + reach)),
    ]
    return Holder(parts, (((-width / 2, -depth / 2, foot), (width / 2, depth / 2, foot + reach)),))


def panel(rng: Generator, width: float, depth: float, height: float) -> Holder:
    """Make an upright slab with a frame."""
    board, frame = paint(rng, "cream", "white", "grey", "leaf", "brick", "teal"), paint(rng, "oak", "dark", "steel")
    edge = 0.06 * height
    return Holder(
        [
            box((width, depth, edge), frame),
            box((width - 2 * edge, depth, height - 2 * edge), board, at=(0, 0, edge)),
            box((width, depth, edge), frame, at=(0, 0, height - edge)),
            *[
                box((edge, depth, height - 2 * edge), frame, at=(side * (width - edge) / 2, 0, edge))
                for side in (-1, 1)
            ],
        ]
    )


def fence(rng: Generator, inner: float, height: float, wall: float) -> Holder:
    """Make a closed ring without a floor, at least `inner` metres wide: round, or four rails on posts."""
    if rng.random() < 0.5:
        radius = inner / 2 / cos(pi / SIDES) + wall
        hole = round((radius - wall) / radius, 2)
        half = hole * radius * cos(pi / SIDES)
        colour = paint(
            rng, gloss=0.3, pattern=str(rng.choice(["plain", "stripes"])), second="white", period=height / 2
        )
        parts = [tube(radius, hole * radius, height, colour)]
    else:
        half, outer = inner / 2, inner + 2 * wall
        rail, post, middle = paint(rng), paint(rng, "dark", "white", "walnut"), (inner + wall) / 2
        spots = [(x * middle, y * middle, 0.0) for x in (-1, 1) for y in (-1, 1)]
        parts = [box((wall, wall, height), post, at=spot) for spot in spots]
        for low in (0.1, 0.6):
            for side in (-1, 1):
                parts += [
                    box((outer, 0.6 * wall, 0.25 * height), rail, at=(0, side * middle, low * height)),
                    box((0.6 * wall, outer, 0.25 * height), rail, at=(side * middle, 0, low * height)),
                ]
    return Holder(parts, (((-half, -half, 0.0), (half, half, height)),))
