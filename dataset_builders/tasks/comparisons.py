"""Which of two objects is wider, taller or larger, and is that clear?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations

import numpy as np

from dataset_builders.geometry import Boxes
from dataset_builders.scene import SceneObject
from dataset_builders.tasks.size import extents
from dataset_builders.tasks.wording import size_measure
from dataset_builders.taxonomy import SCALES

LEAST_RATIO = 1.2
"""Two lengths are compared where the larger is at least so many times the smaller …"""
LEAST_DIFFERENCE = 1 / 3
"""… and exceeds it by so many margins of the scale (5 cm indoors)."""


@dataclass(frozen=True)
class Comparison:
    """A way in which one object exceeds another.

    Attributes:
        words: Comparatives with their superlatives, of which a question draws one pair.
        row: Of `Sizes.lengths`.
        largest: Whether the larger length wins.
    """

    words: tuple[tuple[str, str], ...]
    row: int
    largest: bool


COMPARISONS = (
    Comparison((("wider", "widest"),), 0, True),
    Comparison((("taller", "tallest"),), 1, True),
    Comparison((("larger", "largest"), ("bigger", "biggest")), 2, True),
    Comparison((("thinner", "thinnest"), ("narrower", "narrowest")), 0, False),
    Comparison((("shorter", "shortest"),), 1, False),
    Comparison((("smaller", "smallest"),), 2, False),
)
"""The opposite of each is three places on."""
MEASURED = (
    {"by": "along the longer horizontal side", "measured": "longer horizontal side"},
    {"by": "from bottom to top", "measured": "height from bottom to top"},
    {"by": "in overall volume", "measured": "overall volume"},
)
"""Per row of `Sizes.lengths`: what is compared, as an adverb and as a noun."""


@dataclass(frozen=True)
class Sizes:
    """What can be compared of N objects.

    Attributes:
        lengths: (3, N) metres: width and height as in `size`, and the cube root of the box's volume.
        sides: (3, N) metres, longest first.
        scale: One of `SCALE_NAMES`.
    """

    lengths: np.ndarray
    sides: np.ndarray
    scale: str

    @classmethod
    def of(cls, objects: Sequence[SceneObject], scale: str) -> "Sizes":
        """Measure the boxes of objects."""
        width, _, height = extents(objects)
        sides = -np.sort(-2 * Boxes.of(objects).halves, axis=1).T
        return cls(np.stack([width, height, np.cbrt(sides.prod(0))]), sides, scale)

    def room_to_spare(self, row: int, larger: int, smaller) -> np.ndarray:
        """Return by how many metres a length exceeds others more than it must; negative where it does not clearly."""
        return room_to_spare(self.lengths[row, larger], self.lengths[row, smaller], self.scale)

    def wins(self) -> np.ndarray:
        """Tell, (6, N, N) for `COMPARISONS`, whether the first object clearly beats the second.

        Lengths must differ by `LEAST_RATIO` and `LEAST_DIFFERENCE`, volumes as their cube roots; and what is larger by
        volume must have the longer longest side too, so that "larger" has one meaning.
        """
        wins = room_to_spare(self.lengths[:, :, None], self.lengths[:, None], self.scale) >= 0  # NaN is not clear
        wins[2] &= self.sides[0][:, None] > self.sides[0]
        return np.concatenate([wins, wins.swapaxes(1, 2)])

    def text(self, row: int, index: int) -> str:
        """Print what is compared of an object; for its volume, the sides of its box."""
        sides = self.sides[:, index].tolist() if row == 2 else [float(self.lengths[row, index])]
        return " x ".join(size_measure(self.scale, side).text(side) for side in sides)


def room_to_spare(larger: np.ndarray, smaller: np.ndarray, scale: str) -> np.ndarray:
    """Return by how many metres lengths exceed others more than they must; negative where they do not clearly."""
    return larger - smaller - np.maximum(LEAST_DIFFERENCE * SCALES[scale].margin, larger - larger / LEAST_RATIO)


def winning_sets(wins: np.ndarray, count: int) -> np.ndarray:
    """List the sets of `count` objects of which one beats all others.

    Args:
        wins: (6, N, N), as from `Sizes.wins`.
        count: At least 2.

    Returns:
        (sets, 1 + count) indices: which comparison, the winner, the others.

    >>> wins = np.zeros((6, 3, 3), bool)
    >>> wins[1, 2, :2] = True
    >>> winning_sets(wins, 3).tolist()
    [[1, 2, 0, 1]]
    """
    sets = subsets(wins.shape[1], count)
    found = []
    for place in range(count):
        others = np.delete(sets, place, axis=1)
        comparison, index = np.nonzero(wins[:, sets[:, [place]], others].all(-1))
        found.append(np.column_stack([comparison, sets[index, place], others[index]]))
    return np.concatenate(found)


@lru_cache(maxsize=64)
def subsets(number: int, count: int) -> np.ndarray:
    """Return all sets of `count` of so many, (sets, count) indices.

    >>> subsets(3, 2).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    return np.fromiter(chain.from_iterable(combinations(range(number), count)), int).reshape(-1, count)
