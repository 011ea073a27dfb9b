"""Things on a table, 10 to 40 centimetres."""

from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Part, box, cone, cylinder, ellipsoid, lathe, torus, tube

BOTTLE = ((0, 0), (0.95, 0), (1, 0.03), (1, 0.55), (0.85, 0.66), (0.4, 0.78), (0.36, 0.93), (0, 0.93))
BOWL = ((0, 0), (0.45, 0), (0.5, 0.08), (0.82, 0.4), (1, 1), (0.95, 1), (0.76, 0.42), (0.45, 0.14), (0, 0.12))
PLATE = ((0, 0), (0.55, 0), (0.62, 0.3), (1, 0.9), (1, 1), (0.66, 0.6), (0.55, 0.4), (0, 0.4))
APPLE = ((0, 0.05), (0.3, 0), (0.72, 0.12), (0.95, 0.38), (1, 0.6), (0.9, 0.84), (0.55, 1), (0.2, 0.94), (0, 0.85))
MUG = ((0, 0), (0.92, 0), (1, 0.06), (1, 1), (0.88, 1), (0.88, 0.1), (0, 0.1))
DOME = ((0, 0), (1, 0), (0.96, 0.35), (0.8, 0.68), (0.5, 0.9), (0, 1))


def mug(rng) -> list[Part]:
    """An open mug with a handle."""
    radius, height = rng.uniform(0.038, 0.048), rng.uniform(0.085, 0.115)
    glaze = paint(rng, gloss=0.6)
    if rng.random() < 0.4:
        body = paint(rng, gloss=0.5, pattern="stripes", second="white", period=height / 3)
    else:
        body = glaze
    grip = 0.28 * height
    handle = torus(grip, 0.012, glaze, at=(radius + 0.5 * grip, 0.006, 0.5 * height), axis=(0, -1, 0))
    return [lathe(MUG, radius, height, body), handle]


def bottle(rng) -> list[Part]:
    """A bottle with a label and a cap."""
    radius, height = rng.uniform(0.032, 0.042), rng.uniform(0.22, 0.32)
    return [
        lathe(BOTTLE, radius, height, paint(rng, "green", "teal", "walnut", "blue", "glass", gloss=0.9)),
        cylinder(1.02 * radius, 0.28 * height, paint(rng, "white", "cream", "yellow"), at=(0, 0, 0.18 * height)),
        cylinder(0.42 * radius, 0.08 * height, paint(rng, "red", "white", "dark"), at=(0, 0, 0.92 * height)),
    ]


def book(rng) -> list[Part]:
    """A closed book lying flat: pages between two covers and a spine."""
    width, depth, height = rng.uniform(0.13, 0.19), rng.uniform(0.19, 0.25), rng.uniform(0.018, 0.045)
    cover, pages = paint(rng, gloss=0.15), paint(rng, "cream", "white", pattern="stripes", second="grey", period=0.004)
    board = 0.003
    return [
        box((width, depth, board), cover),
        box((0.95 * width, 0.95 * depth, height - 2 * board), pages, at=(0, 0, board)),
        box((width, depth, board), cover, at=(0, 0, height - board)),
        box((0.02 * width, depth, height), cover, at=(-0.49 * width, 0, 0)),
        box((0.6 * width, 0.18 * depth, 0.0008), paint(rng, "white", "gold"), at=(0, 0.2 * depth, height)),
    ]


def bowl(rng) -> list[Part]:
    """An open bowl."""
    radius = rng.uniform(0.07, 0.105)
    return [lathe(BOWL, radius, rng.uniform(0.5, 0.65) * radius, paint(rng, gloss=0.6))]


def apple(rng) -> list[Part]:
    """An apple with stem and leaf."""
    radius = rng.uniform(0.033, 0.043)
    skin = paint(rng, "red", "green", "yellow", gloss=0.5)
    stem, leaf = paint(rng, "walnut"), paint(rng, "leaf")
    return [
        lathe(APPLE, radius, 1.75 * radius, skin),
        cylinder(0.05 * radius, 0.5 * radius, stem, at=(0, 0, 1.5 * radius), axis=(0.25, 0, 1), sides=6),
        ellipsoid(
            (0.14 * radius, 0.03 * radius, 0.26 * radius), leaf, at=(0.08 * radius, 0, 1.8 * radius), axis=(1, 0, 0.35)
        ),
    ]


def cereal_box(rng) -> list[Part]:
    """A carton standing upright with a printed front."""
    width, depth, height = rng.uniform(0.17, 0.21), rng.uniform(0.05, 0.075), rng.uniform(0.26, 0.32)
    front = -0.5 * depth
    disc = 0.28 * width
    return [
        box((width, depth, height), paint(rng, gloss=0.15)),
        box((0.86 * width, 0.002, 0.2 * height), paint(rng, "white", "yellow"), at=(0, front, 0.72 * height)),
        cylinder(disc, 0.002, paint(rng, "cream", "orange"), at=(0, front, 0.36 * height), axis=(0, -1, 0)),
        box((0.86 * width, 0.002, 0.2 * height), paint(rng, "white", "yellow"), at=(0, -front, 0.72 * height)),
    ]


def can(rng) -> list[Part]:
    """A drinks or soup can with metal rims."""
    radius, height = rng.uniform(0.031, 0.04), rng.uniform(0.1, 0.125)
    metal, label = paint(rng, "steel", gloss=0.7), paint(rng, gloss=0.5)
    if rng.random() < 0.5:
        label = paint(rng, gloss=0.4, pattern="stripes", second="white", period=0.45 * height)
    return [
        cone(0.88 * radius, 0.05 * height, metal, top=radius),
        cylinder(radius, 0.88 * height, label, at=(0, 0, 0.05 * height)),
        cone(radius, 0.05 * height, metal, at=(0, 0, 0.93 * height), top=0.88 * radius),
        tube(0.88 * radius, 0.8 * radius, 0.02 * height, metal, at=(0, 0, 0.98 * height)),
    ]


def plate(rng) -> list[Part]:
    """A dinner plate with a coloured rim."""
    radius, height = rng.uniform(0.1, 0.14), rng.uniform(0.018, 0.026)
    rim = tube(radius, 0.95 * radius, 0.12 * height, paint(rng), at=(0, 0, 0.93 * height), sides=28)
    return [lathe(PLATE, radius, height, paint(rng, "white", "cream", "teal", gloss=0.6), sides=28), rim]


def lamp(rng) -> list[Part]:
    """A table lamp: foot, stem and shade."""
    foot, height = rng.uniform(0.06, 0.085), rng.uniform(0.32, 0.45)
    metal = paint(rng, "dark", "steel", "gold", gloss=0.5)
    shade = rng.uniform(0.1, 0.13)
    return [
        cylinder(foot, 0.05 * height, metal),
        cylinder(0.009, 0.62 * height, metal, at=(0, 0, 0.05 * height), sides=10),
        cone(
            shade,
            0.42 * height,
            paint(rng, "cream", "yellow", "red", "teal"),
            at=(0, 0, 0.58 * height),
            top=0.6 * shade,
        ),
    ]


def pen(rng) -> list[Part]:
    """A pen lying on the table."""
    radius, length = rng.uniform(0.0045, 0.006), rng.uniform(0.13, 0.15)
    barrel, tip = paint(rng, gloss=0.5), paint(rng, "dark", "steel", gloss=0.5)
    return [
        cylinder(radius, 0.62 * length, barrel, at=(-0.2 * length, 0, radius), axis=(1, 0, 0), sides=12),
        cylinder(1.15 * radius, 0.28 * length, tip, at=(-0.48 * length, 0, 1.15 * radius), axis=(1, 0, 0), sides=12),
        cone(radius, 0.1 * length, tip, at=(0.42 * length, 0, radius), axis=(1, 0, 0), sides=12, top=0.2 * radius),
    ]


def candle(rng) -> list[Part]:
    """A candle in a dish, with wick and flame."""
    radius, height = rng.uniform(0.022, 0.034), rng.uniform(0.09, 0.18)
    flame = paint(rng, "yellow", "orange", gloss=0.3)
    return [
        tube(2.1 * radius, 1.9 * radius, 0.018, paint(rng, "steel", "gold", gloss=0.6)),
        cylinder(2 * radius, 0.006, paint(rng, "steel", "gold", gloss=0.6)),
        cylinder(radius, height, paint(rng, "white", "cream", "red", "purple"), at=(0, 0, 0.006)),
        cylinder(0.0015, 0.014, paint(rng, "dark"), at=(0, 0, height + 0.006), sides=6),
        ellipsoid((0.005, 0.005, 0.012), flame, at=(0, 0, height + 0.014)),
    ]


def laptop(rng) -> list[Part]:
    """An open laptop: keyboard, keys and screen."""
    width, depth = rng.uniform(0.29, 0.35), rng.uniform(0.2, 0.24)
    case, glass = paint(rng, "steel", "dark", "white", gloss=0.3), paint(rng, "glass", "navy", "teal", gloss=0.8)
    keys = paint(rng, "dark", pattern="checker", second="grey", period=0.036)
    lean = (0, 0.3, 1)
    hinge = (0, 0.5 * depth, 0.008)
    return [
        box((width, depth, 0.014), case),
        box((0.88 * width, 0.48 * depth, 0.002), keys, at=(0, 0.14 * depth, 0.014)),
        box((0.3 * width, 0.26 * depth, 0.0008), paint(rng, "grey"), at=(0, -0.3 * depth, 0.014)),
        box((width, 0.008, 0.92 * depth), case, at=hinge, axis=lean),
        box((0.92 * width, 0.002, 0.8 * depth), glass, at=(0, 0.5 * depth + 0.01, 0.026), axis=lean),
    ]


def toy_car(rng) -> list[Part]:
    """A little car with four wheels."""
    length, width = rng.uniform(0.09, 0.13), rng.uniform(0.045, 0.055)
    body, glass, rubber = paint(rng, gloss=0.6), paint(rng, "glass", "navy", gloss=0.8), paint(rng, "rubber")
    wheel = 0.11 * length
    spots = [(x * 0.3 * length, y * 0.5 * width - 0.006, wheel) for x in (-1, 1) for y in (-1, 1)]
    return [
        box((length, width, 0.2 * length), body, at=(0, 0, 0.08 * length)),
        box((0.5 * length, 0.85 * width, 0.16 * length), glass, at=(-0.05 * length, 0, 0.28 * length)),
        box((0.45 * length, 0.85 * width, 0.02 * length), body, at=(-0.05 * length, 0, 0.44 * length)),
        *[cylinder(wheel, 0.012, rubber, at=spot, axis=(0, 1, 0)) for spot in spots],
    ]


def ball(rng) -> list[Part]:
    """A striped ball."""
    radius = rng.uniform(0.03, 0.05)
    return [ellipsoid((radius,) * 3, paint(rng, gloss=0.4, pattern="stripes", second="white", period=0.8 * radius))]


def alarm_clock(rng) -> list[Part]:
    """A round clock on two feet, with a bell."""
    radius, metal = rng.uniform(0.045, 0.06), paint(rng, "gold", "steel", "copper", gloss=0.7)
    middle, hand = 1.15 * radius, paint(rng, "dark")
    feet = [cylinder(0.1 * radius, 0.4 * radius, metal, at=(x * 0.5 * radius, 0, 0), sides=8) for x in (-1, 1)]
    return [
        *feet,
        cylinder(radius, 0.8 * radius, paint(rng, gloss=0.5), at=(0, 0.4 * radius, middle), axis=(0, -1, 0), sides=24),
        cylinder(0.85 * radius, 0.82 * radius, paint(rng, "white"), at=(0, 0.4 * radius, middle), axis=(0, -1, 0)),
        box((0.06 * radius, 0.05 * radius, 0.6 * radius), hand, at=(0, -0.43 * radius, middle)),
        box((0.4 * radius, 0.05 * radius, 0.06 * radius), hand, at=(0.2 * radius, -0.43 * radius, middle)),
        lathe(DOME, 0.4 * radius, 0.3 * radius, metal, at=(0, 0, middle + 0.95 * radius)),
    ]


def rubber_duck(rng) -> list[Part]:
    """A bath duck with beak and eyes."""
    size, skin = rng.uniform(0.035, 0.05), paint(rng, "yellow", "pink", "teal", gloss=0.5)
    beak, eye = paint(rng, "orange", "red"), paint(rng, "dark", gloss=0.8)
    eyes = [
        ellipsoid((0.07 * size,) * 3, eye, at=(0.95 * size, y * 0.24 * size, 1.75 * size), sides=8) for y in (-1, 1)
    ]
    return [
        ellipsoid((1.2 * size, 0.85 * size, 0.65 * size), skin),
        ellipsoid((0.55 * size,) * 3, skin, at=(0.55 * size, 0, 1.1 * size)),
        cone(0.25 * size, 0.4 * size, beak, at=(1.0 * size, 0, 1.55 * size), axis=(1, 0, 0), sides=10),
        cone(0.35 * size, 0.6 * size, skin, at=(-0.85 * size, 0, 0.8 * size), axis=(-0.8, 0, 0.6), sides=10),
        *eyes,
    ]


OBJECTS = {
    "mug": mug,
    "bottle": bottle,
    "book": book,
    "bowl": bowl,
    "apple": apple,
    "cereal box": cereal_box,
    "can": can,
    "plate": plate,
    "lamp": lamp,
    "pen": pen,
    "candle": candle,
    "laptop": laptop,
    "toy car": toy_car,
    "ball": ball,
    "alarm clock": alarm_clock,
    "rubber duck": rubber_duck,
}
