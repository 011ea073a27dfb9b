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
