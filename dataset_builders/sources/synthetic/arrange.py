"""Arrangements: things on, in, under, at and within others, and stacks, each a group whose objects touch exactly.

Any small thing of the scale can be in any of these places, and its holder is made to measure for it, so that names do
not tell how two objects are related. Distances between surfaces are well above the tolerances of contact.
"""

from collections.abc import Callable, Iterator
from math import hypot, pi, tau

import numpy as np

from dataset_builders.sources.synthetic.catalog import CATALOG, THINGS
from dataset_builders.sources.synthetic.catalog.flats import flat_names, make_flat
from dataset_builders.sources.synthetic.catalog.holders import HOLDERS, block, fence, panel, stand, tray, tub
from dataset_builders.sources.synthetic.groups import Group, make_group
from dataset_builders.sources.synthetic.model import Model, Placed, make_model
from dataset_builders.sources.synthetic.shapes import stood_up
from dataset_builders.taxonomy import SCALES

FLAT_SHARE, SECOND_SHARE, STACK_SHARE = 0.35, 0.4, 0.5
"""How often a flat thing is used where others could be, a holder holds two things, a scene has a stack."""
LEAST_HOLDERS, LEAST_HELD = 2, 3
"""A scene has so many holders that hold something else than by its side, and so many things in all holders."""


def build_groups(rng: np.random.Generator, scale: str) -> list[Group]:
    """Draw the arrangements of a scene: two or three holders, each of its kind, with three or four things; a stack.

    No category occurs twice, but for stacks of a kind.
    """
    stock, groups = Stock(rng, scale), []
    for kind in rng.permutation(sorted(RECIPES)).tolist():
        holders = sum(any(relation[0] != "adhesion" for relation in group.relations) for group in groups)
        if holders >= LEAST_HOLDERS and sum(len(group.relations) for group in groups) >= LEAST_HELD:
            break
        groups.append(RECIPES[kind](stock))
    return groups + ([stack(stock)] if stock.often(STACK_SHARE) else [])


class Stock:
    """Hands out the objects of one scene, none twice."""

    def __init__(self, rng: np.random.Generator, scale: str):
        """Shuffle the names of a scale."""
        self.rng, self.scale, self.margin = rng, scale, SCALES[scale].margin
        # From a street little is seen of what lies flat, or deep in something.
        self.from_above = scale != "outdoor"
        self._things = self._names(THINGS[scale])
        self._flats = self._names(flat_names(scale))
        self._holders = {kind: self._names(names) for kind, names in HOLDERS[scale].items()}

    def _names(self, names) -> Iterator[str]:
        return iter(self.rng.permutation(sorted(names)).tolist())

    def between(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def often(self, share: float) -> bool:
        """Draw whether."""
        return bool(self.rng.random() < share)

    def thing(self) -> Model:
        """Return a small thing that stands or lies."""
        name = next(self._things)
        return make_model(name, CATALOG[self.scale][name](self.rng))

    def flat(self, upright: bool) -> Model:
        """Return a flat thing."""
        name = next(self._flats)
        parts = make_flat(self.rng, self.scale, name)
        return make_model(name, stood_up(parts) if upright else parts)

    def any(self, upright: bool = False) -> Model:
        """Return a thing, at times a flat one."""
        return self.flat(upright or not self.from_above) if self.often(FLAT_SHARE) else self.thing()

    def name(self, kind: str) -> str:
        """Return the name of a holder."""
        return next(self._holders[kind])


def across(*models: Model) -> float:
    """Return the largest diagonal of footprints, metres."""
    return max(hypot(*model.size[:2]) for model in models)


def turned(stock: Stock, model: Model, z: float, room: float = 0.0) -> Placed:
    """Put a model at a height, turned at random, its middle anywhere in a square of `room` metres."""
    x, y = max(room, 0.0) * stock.rng.uniform(-0.5, 0.5, 2)
    return Placed(model, float(x), float(y), stock.between(0, tau), z)


def stuck(stock: Stock, model: Model, holder: Model) -> Placed:
    """Put an upright flat thing against the front of a holder, which is its -Y side."""
    y = -float(holder.size[1] + model.size[1]) / 2
    spare = float(holder.size[0] - model.size[0])
    low, high = 0.6 * stock.margin, 0.95 * float(holder.size[2] - model.size[2])
    return Placed(model, 0.4 * spare * stock.between(-1, 1), y, pi, stock.between(low, high))


def on_block(stock: Stock) -> Group:
    """Put a thing on a closed box, stick one to its side, or both."""
    both = stock.often(SECOND_SHARE)
    top = stock.any() if both or stock.often(0.5) else None
    side = stock.flat(upright=True) if both or top is None else None
    width = across(*(model for model in (top, side) if model)) * stock.between(1.3, 1.9)
    height = width * stock.between(0.45, 0.8)
    if side:
        height = max(height, float(side.size[2]) * stock.between(1.1, 1.4) + stock.margin)
    base = make_model(stock.name("block"), block(stock.rng, width, width * stock.between(0.8, 1.0), height).parts)
    members, relations = [Placed(base, 0.0, 0.0, 0.0)], []
    if top:
        members.append(turned(stock, top, height, 0.8 * float(base.size[1]) - across(top)))
        relations.append(("support", len(members) - 1, 0))
    if side:
        members.append(stuck(stock, side, base))
        relations.append(("adhesion", len(members) - 1, 0))
    return make_group(members, relations)


def in_tray(stock: Stock) -> Group:
    """Put a thing in an open vessel, and at times stick one to its side."""
    inside = stock.any()
    side = stock.flat(upright=True) if stock.often(SECOND_SHARE) else None
    inner = 1.1 * across(inside) * stock.between(1.0, 1.4)
    floor, wall = max(0.06 * inner, 0.3 * stock.margin), 0.05 * inner
    sunk = stock.between(0.55, 0.95) if stock.from_above else stock.between(0.45, 0.55)
    deep = float(inside.size[2]) * sunk
    if stock.from_above:
        deep = max(deep, 0.2 * inner)
    if side:
        inner = max(inner, 1.25 * float(side.size[0]))
        deep = max(deep, float(side.size[2]) * stock.between(1.1, 1.4) + stock.margin - floor)
    shape = tray if side or stock.often(0.5) else tub
    made = shape(stock.rng, inner, deep, floor, wall)
    base = make_model(stock.name("tray"), made.parts, made.hollows)
    level = float(base.hollows[0, 0, 2])
    members = [Placed(base, 0.0, 0.0, 0.0), turned(stock, inside, level)]
    relations = [("containment", 1, 0)]
    if side:
        members.append(stuck(stock, side, base))
        relations.append(("adhesion", 2, 0))
    return make_group(members, relations)


def on_stand(stock: Stock) -> Group:
    """Hang a thing from a stand, put one on its foot, or both."""
    both = stock.often(SECOND_SHARE)
    hanging = stock.any(upright=True) if both or stock.often(0.5) else None
    below = stock.any() if both or hanging is None else None
    held = [model for model in (hanging, below) if model]
    tall = max(float(model.size[2]) for model in held)
    wide = across(*held)
    gap = max(0.3 * tall, 0.2 * wide) + 0.7 * stock.margin
    reach = sum(float(model.size[2]) for model in held) + gap
    grip = 0.35 * float(min(held[0].size[:2].max(), 3 * held[0].size[:2].min()))
    width, foot = 1.1 * wide * stock.between(1.0, 1.3), max(0.05 * wide, 0.3 * stock.margin)
    made = stand(stock.rng, width, width, foot, grip, reach, stock.between(0.15, 0.4) * max(tall, 0.3 * wide))
    base = make_model(stock.name("stand"), made.parts, made.hollows)
    (low, high) = base.hollows[0]
    x, y = ((low + high) / 2)[:2]
    members, relations = [Placed(base, 0.0, 0.0, 0.0)], []
    for model, kind in ((hanging, "hanging"), (below, "support")):
        if model:
            z = float(high[2] - model.size[2]) if kind == "hanging" else float(low[2])
            members.append(Placed(model, float(x), float(y), stock.between(0, tau), z))
            relations.append((kind, len(members) - 1, 0))
    return make_group(members, relations)


def at_panel(stock: Stock) -> Group:
    """Stick a flat thing to an upright slab, at times two side by side."""
    flats = [stock.flat(upright=True) for _ in range(1 + stock.often(SECOND_SHARE))]
    each = max(float(flat.size[0]) for flat in flats) * stock.between(1.2, 1.5)
    tall = max(float(flat.size[2]) for flat in flats)
    width, height = each * max(1.5, len(flats)), tall * stock.between(1.2, 1.6) + stock.margin
    made = panel(stock.rng, width, 0.14 * height, height)
    base = make_model(stock.name("panel"), made.parts)
    members, relations = [Placed(base, 0.0, 0.0, 0.0)], []
    for place, flat in enumerate(flats):
        one = stuck(stock, flat, base)
        x = (place - 0.5) * each if len(flats) > 1 else one.x
        members.append(Placed(flat, x, one.y, one.yaw, one.z))
        relations.append(("adhesion", place + 1, 0))
    return make_group(members, relations)


def in_fence(stock: Stock) -> Group:
    """Surround a thing by a ring without a floor."""
    thing = stock.any()
    inner = across(thing) * stock.between(1.15, 1.5)
    height = min(max(float(thing.size[2]) * stock.between(0.3, 0.6), 0.12 * inner), 0.4 * inner)
    made = fence(stock.rng, inner, height, 0.05 * inner)
    base = make_model(stock.name("fence"), made.parts, made.hollows)
    members = [Placed(base, 0.0, 0.0, 0.0), turned(stock, thing, 0.0)]
    return make_group(members, [("encircling", 1, 0)])


def stack(stock: Stock) -> Group:
    """Stack three objects of about the same size, of which each can be anywhere; or two or three of a kind."""
    alike, count = stock.often(0.4), 3
    if alike:
        count = int(stock.rng.integers(2, 4))
    width = across(stock.thing()) * stock.between(0.8, 1.2)
    members, z, name = [], 0.0, stock.name("stack")
    for level in range(count):
        name = name if alike or level == 0 else stock.name("stack")
        size = width * stock.rng.uniform(0.85, 1.15, 2)
        height = max(width * stock.between(0.25, 0.6), 0.6 * stock.margin)
        one = make_model(name, block(stock.rng, float(size[0]), float(size[1]), height).parts)
        x, y = stock.rng.uniform(-0.08, 0.08, 2) * width if level else (0.0, 0.0)
        members.append(Placed(one, float(x), float(y), stock.between(-0.3, 0.3), z))
        z += float(one.size[2])
    pairs = [("support", level, level - 1) for level in range(1, count)]
    return make_group(members, [*pairs, ("stacking", *range(count))])


RECIPES: dict[str, Callable[[Stock], Group]] = {
    "block": on_block,
    "tray": in_tray,
    "stand": on_stand,
    "panel": at_panel,
    "fence": in_fence,
}
