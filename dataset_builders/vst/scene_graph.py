"""Objects of one picture and how they lie to each other, seen from its camera (VST, table 26).

Camera frame: x right, y down, z forward; metres between the centers of objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

LEFT_RIGHT = 0.5
ABOVE_BELOW = 0.3
FRONT_BEHIND = 1.0
"""Metres beyond which a difference of centers is a clear relation."""
NEAR = 3.0
"""Metres below which the distance of two objects is worth telling."""


@dataclass(frozen=True)
class Node:
    """An object of a picture.

    Attributes:
        name: How the text calls it; no two are called alike.
        center: (3,) metres, camera frame.
    """

    name: str
    center: np.ndarray

    @property
    def depth(self) -> float:
        """Metres along the optical axis."""
        return float(self.center[2])


def relations(one: Node, other: Node) -> list[str]:
    """Tell how an object lies to another one, as the camera sees it.

    >>> relations(Node("cup", np.array([0.0, 0, 2])), Node("door", np.array([1.0, -0.2, 3.5])))
    ['to the left of', 'in front of']
    """
    x, y, z = (one.center - other.center).tolist()
    axes = (
        (x, LEFT_RIGHT, "to the left of", "to the right of"),
        (y, ABOVE_BELOW, "above", "below"),
        (z, FRONT_BEHIND, "in front of", "behind"),
    )
    return [(before if value < 0 else after) for value, least, before, after in axes if abs(value) > least]


def near_pairs(nodes: Sequence[Node]) -> list[tuple[Node, Node, float]]:
    """List the pairs that are closer than 3 m and their distances, metres, as they come in the list."""
    pairs = ((one, other, float(np.linalg.norm(one.center - other.center))) for one, other in combinations(nodes, 2))
    return [pair for pair in pairs if pair[2] < NEAR]
