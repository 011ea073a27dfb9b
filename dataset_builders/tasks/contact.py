"""How objects touch: what rests on, lies in, hangs from, sticks to or is surrounded by what.

An object fills its box but for the hollows that its source knows: `Scene.metadata["hollows"]`, instance id → boxes,
each by its lowest and highest corner, metres along the axes of the object's box from its centre. A hollow that reaches
a face of the box is open there. A source that says nothing about hollows knows boxes only.

Relations of a thing A and its anchor B, both of boxes that stand upright (within 3°), with a tolerance of contact of a
tenth of the scale's margin:

- support: the underside of A meets the top of B, or the floor of a hollow of B, over at least half of A's footprint.
- containment: A stands on the floor of a hollow that is walled on all four sides, lies within them and is below their
  rim by at least 40 % of its height. Up to 15 % it is supported; in between it is neither.
- hanging: the top of A meets the ceiling of a hollow of B over at least half of A's footprint, half a margin or more
  above what is below.
- adhesion: a face of A meets an upright side of B over at least half of that face, half a margin or more above the
  foot of B, and nothing supports A.
- encircling: A is inside a hollow that is walled on all four sides but has no floor and no ceiling, and is level with
  B over half of the height of the lower one.

Where only boxes are known, they cannot tell a thing in a hollow from two coarse boxes that interpenetrate, nor a
picture that hangs on a cupboard from one on the wall behind. Then the only relation is support, on the top of a box
and over at least 80 % of the footprint; the tolerance is a fifth of the margin, as people have drawn such boxes.

Two objects are apart where their boxes are more than half a margin apart. All other pairs are unclear.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.scene import Scene
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.taxonomy import SCALES

KINDS = ("support", "containment", "hanging", "adhesion", "encircling")
TOUCH_OF_SHAPES, TOUCH_OF_BOXES, CLEAR = 0.1, 0.2, 0.5
"""Margins of the scale: tolerance of contact, and the least gap between objects that do not touch."""
LEAST_OVERLAP, LEAST_OVERLAP_OF_BOXES, WHOLE = 0.5, 0.8, 0.98
"""Shares of a footprint or face."""
SUNK, LAID = 0.4, 0.15
"""Shares of its height by which a thing is below the rim of a vessel: at least, to be in it; at most, to be on it."""
UPRIGHT = float(np.cos(np.radians(3)))


@dataclass(frozen=True)
class Contact:
    """One relation.

    Attributes:
        kind: One of `KINDS`.
        thing: Index of A in `Scene.objects`.
        anchor: Index of B.
        spare: Metres by which the contact is better than its tolerance.
        share: Of the footprint, face or height in question that is in contact, or sunk in.
    """

    kind: str
    thing: int
    anchor: int
    spare: float
    share: float


@dataclass(frozen=True)
class Contacts:
    """All relations of a scene.

    Attributes:
        found: In the order of the objects.
        apart: (N, N) whether two objects surely do not touch.
    """

    found: tuple[Contact, ...]
    apart: np.ndarray

    @cached_property
    def components(self) -> np.ndarray:
        """Number, (N,), the sets of objects that are linked by relations, or that are too close to be surely apart."""
        label = np.arange(len(self.apart))
        for one, other in np.argwhere(~self.apart):
            label[label == label[other]] = label[one]
        return label

    def stacks(self, categories: list[str]) -> list[list[int]]:
        """Return the stacks, each from the bottom up: three or more objects, or two or more of one category.

        Each rests on the one below and on nothing else, and carries the one above and nothing else.
        """
        pairs = [(one.anchor, one.thing) for one in self.found if one.kind == "support"]
        below, above = ([pair[side] for pair in pairs] for side in (0, 1))
        up = {low: high for low, high in pairs if below.count(low) == above.count(high) == 1}
        chains = []
        for low in sorted(up.keys() - set(up.values())):
            chain = [low]
            while chain[-1] in up:
                chain.append(up[chain[-1]])
            if len(chain) > 2 or len({categories[index] for index in chain}) == 1:
                chains.append(chain)
        return chains


def least_gap(scene: Scene) -> float:
    """Return the metres between two boxes above which the objects surely do not touch."""
    return CLEAR * SCALES[scene.scale].margin


@once_per_item
def find_contacts(scene: Scene) -> Contacts:
    """Decide for all pairs of objects how they touch, or that they do not."""
    shapes, clear = _Shapes(scene), least_gap(scene)
    boxes, apart = shapes.boxes, np.ones((len(scene.objects), len(scene.objects)), bool)
    np.fill_diagonal(apart, False)
    reach = (np.abs(boxes.axes) * boxes.halves[..., None]).sum(1)
    rows, columns = np.triu_indices(len(boxes), 1)
    near = (np.abs(boxes.centers[rows] - boxes.centers[columns]) <= reach[rows] + reach[columns] + clear).all(1)
    rows, columns = rows[near], columns[near]
    near = box_distances(boxes[rows], boxes[columns]) <= clear
    rows, columns = rows[near], columns[near]
    apart[rows, columns] = apart[columns, rows] = False
    candidates = [
        found
        for pair in zip(rows.tolist(), columns.tolist(), strict=True)
        if shapes.upright[list(pair)].all()
        for found in _only([*shapes.relations(*pair), *shapes.relations(*pair[::-1])])
    ]
    return Contacts(tuple(_resolved(candidates)), apart)


def _only(found: list[Contact]) -> list[Contact]:
    """Keep a relation of two objects where it is the only one."""
    return found if len(found) == 1 else []


def _resolved(found: list[Contact]) -> Iterator[Contact]:
    """Drop what merely touches a side, or something above, of the things that stand on something."""
    by_thing: dict[int, set[str]] = {}
    for one in found:
        by_thing.setdefault(one.thing, set()).add(one.kind)
    for one in sorted(found, key=lambda one: (one.thing, one.anchor)):
        kinds = by_thing[one.thing]
        stands, held = kinds & {"support", "containment"}, kinds & {"hanging", "adhesion"}
        if one.kind not in held or (not stands and len(held) == 1):
            yield one


class _Shapes:
    """The boxes of a scene less their hollows, and how pairs of them touch."""

    def __init__(self, scene: Scene):
        margin = SCALES[scene.scale].margin
        self.boxes = boxes = Boxes.of(scene.objects)
        self.known = "hollows" in scene.metadata
        self.touch = (TOUCH_OF_SHAPES if self.known else TOUCH_OF_BOXES) * margin
        self.clear = least_gap(scene)
        self.up = np.abs(boxes.axes[..., 2]).argmax(1)
        self.upright = np.abs(boxes.axes[np.arange(len(boxes)), self.up, 2]) >= UPRIGHT
        rise = (np.abs(boxes.axes[..., 2]) * boxes.halves).sum(1)
        self.bottom, self.top = boxes.centers[:, 2] - rise, boxes.centers[:, 2] + rise
        self.level = np.array([(1, 2), (0, 2), (0, 1)])[self.up]
        self.plans = self._plans(np.arange(len(boxes)), -boxes.halves, boxes.halves)
        hollows = scene.metadata.get("hollows", {})
        self.hollows = [
            [self._hollow(index, np.array(each, float)) for each in hollows.get(str(item.instance_id), [])]
            for index, item in enumerate(scene.objects)
        ]

    def _plans(self, rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return the outlines from above, (K,), of parts of boxes, given by corners, (K, 3), along the boxes' axes."""
        level = self.level[rows]
        low, high = (np.take_along_axis(corner, level, 1) for corner in (low, high))
        around = np.stack([low, np.stack([high[:, 0], low[:, 1]], 1), high, np.stack([low[:, 0], high[:, 1]], 1)], 1)
        axes = np.take_along_axis(self.boxes.axes[rows], level[..., None], 1)[..., :2]
        return shapely.polygons(around @ axes + self.boxes.centers[rows, None, :2])

    def _hollow(self, index: int, corners: np.ndarray) -> "_Hollow":
        axis, half = self.up[index], self.boxes.halves[index]
        closed = np.abs(corners) < half * (1 - 1e-6)  # (2, 3): below and above along each axis
        rising = 1 if self.boxes.axes[index, axis, 2] > 0 else -1
        (floor, ceiling), (has_floor, has_ceiling) = corners[::rising, axis], closed[::rising, axis]
        middle = self.boxes.centers[index, 2]
        return _Hollow(
            plan=self._plans(np.array([index]), corners[:1], corners[1:])[0],
            floor=float(middle + rising * floor),
            ceiling=float(middle + rising * ceiling),
            has_floor=bool(has_floor),
            has_ceiling=bool(has_ceiling),
            walled=bool(np.delete(closed, axis, axis=1).all()),
        )

    def relations(self, thing: int, anchor: int) -> Iterator[Contact]:
        """Yield how a thing can be related to an anchor."""
        if self.bottom[thing] >= self.top[anchor] - self.touch:
            yield from self._on_top(thing, anchor)
        for hollow in self.hollows[anchor]:
            yield from self._in_hollow(thing, anchor, hollow)
        if self.known and self.bottom[thing] >= self.bottom[anchor] + self.clear:
            yield from self._at_side(thing, anchor)

    def _on_top(self, thing: int, anchor: int) -> Iterator[Contact]:
        gap, share = abs(self.bottom[thing] - self.top[anchor]), self._overlap(thing, self.plans[anchor])
        tall = self.top[anchor] - self.bottom[anchor] >= 2 * self.touch
        if tall and gap <= self.touch and share >= (LEAST_OVERLAP if self.known else LEAST_OVERLAP_OF_BOXES):
            yield self._contact("support", thing, anchor, gap, share)

    def _in_hollow(self, thing: int, anchor: int, hollow: "_Hollow") -> Iterator[Contact]:
        share, bottom, top = self._overlap(thing, hollow.plan), self.bottom[thing], self.top[thing]
        if share < LEAST_OVERLAP:
            return
        gap = abs(bottom - hollow.floor)
        if hollow.has_floor and gap <= self.touch:
            sunk = (min(top, self.top[anchor]) - bottom) / (top - bottom)
            if not hollow.walled or sunk <= LAID:
                yield self._contact("support", thing, anchor, gap, share)
            elif share >= WHOLE and sunk >= SUNK:
                yield self._contact("containment", thing, anchor, gap, sunk)
        gap = abs(top - hollow.ceiling)
        if hollow.has_ceiling and gap <= self.touch and bottom - hollow.floor >= self.clear:
            yield self._contact("hanging", thing, anchor, gap, share)
        if hollow.walled and not hollow.has_floor and not hollow.has_ceiling and share >= WHOLE:
            low, high = max(bottom, self.bottom[anchor]), min(top, self.top[anchor])
            within = (high - low) / min(top - bottom, self.top[anchor] - self.bottom[anchor])
            if within >= LEAST_OVERLAP:
                yield self._contact("encircling", thing, anchor, 0.0, min(within, 1.0))

    def _at_side(self, thing: int, anchor: int) -> Iterator[Contact]:
        boxes, rise = self.boxes, np.array([self.bottom, self.top])
        high = min(self.top[thing], self.top[anchor]) - max(self.bottom[thing], self.bottom[anchor])
        offset = boxes.centers[thing] - boxes.centers[anchor]
        for axis, along in (self.level[anchor], self.level[anchor][::-1]):
            normal, tangent = boxes.axes[anchor, axis], boxes.axes[anchor, along]
            facing = np.abs(boxes.axes[thing] @ normal)
            reach, width = facing @ boxes.halves[thing], np.abs(boxes.axes[thing] @ tangent) @ boxes.halves[thing]
            gap = abs(abs(offset @ normal) - reach - boxes.halves[anchor, axis])
            middle, half = offset @ tangent, boxes.halves[anchor, along]
            wide = min(middle + width, half) - max(middle - width, -half)
            share = max(wide, 0) * max(high, 0) / (2 * width * (rise[1, thing] - rise[0, thing]))
            if facing.max() >= UPRIGHT and gap <= self.touch and share >= LEAST_OVERLAP:
                yield self._contact("adhesion", thing, anchor, gap, share)

    def _overlap(self, thing: int, plan: shapely.Polygon) -> float:
        return shapely.intersection(self.plans[thing], plan).area / self.plans[thing].area

    def _contact(self, kind: str, thing: int, anchor: int, gap: float, share: float) -> Contact:
        return Contact(kind, thing, anchor, float(self.touch - gap), float(share))


@dataclass(frozen=True)
class _Hollow:
    plan: shapely.Polygon
    floor: float
    ceiling: float
    has_floor: bool
    has_ceiling: bool
    walled: bool
