"""The object categories of each scale; an entry takes a generator and returns the parts of one new object."""

from collections.abc import Callable

from numpy.random import Generator

from dataset_builders.sources.synthetic.catalog import drone, indoor, outdoor, tabletop, tiny_tabletop
from dataset_builders.sources.synthetic.shapes import Part

CATALOG: dict[str, dict[str, Callable[[Generator], list[Part]]]] = {
    "tiny_tabletop": tiny_tabletop.OBJECTS,
    "tabletop": tabletop.OBJECTS,
    "indoor": indoor.OBJECTS,
    "outdoor": outdoor.OBJECTS,
    "drone": drone.OBJECTS,
}
AGAINST_WALL = indoor.AGAINST_WALL
# What is small enough beside the rest of its scale to be put on, in, under or within something made for it.
THINGS = {
    "tiny_tabletop": frozenset(CATALOG["tiny_tabletop"]) - {"battery", "bolt"},
    "tabletop": frozenset(CATALOG["tabletop"]) - {"bottle", "cereal box", "lamp", "laptop"},
    "indoor": frozenset(
        {"plant", "trash bin", "suitcase", "vase", "beach ball", "lantern", "teddy bear", "toolbox", "toy truck"}
    ),
    "outdoor": frozenset(CATALOG["outdoor"]) - {"car", "tree", "street lamp", "bench", "bus", "sign", "house"},
    "drone": frozenset(
        {"truck", "shipping container", "boat", "helicopter", "water tank", "tent", "excavator", "bus"}
    ),
}
