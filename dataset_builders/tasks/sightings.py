"""What one frame shows of each object: where it is in the picture and how deep its nearest surface lies."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import ndimage

from dataset_builders.scene import Frame
from dataset_builders.tasks.memo import once_per_item

LEAST_SHARE = 20 * 20 / (448 * 336)
"""Smallest share of a frame's pixels that a visible mask must cover (SpaceVista, appendix B.3: 20 x 20 pixels)."""
SHALLOWEST = 0.1
"""Share of a mask's pixels, nearest first, whose mean is the depth of its nearest surface (OpenSpatial)."""


@dataclass(frozen=True)
class Sighting:
    """An object as one frame shows it; pixels of that frame.

    Attributes:
        bbox: x1, y1, x2, y2 of the visible mask, or as the source states it, inclusive.
        surface: Metres along the optical axis to the nearest visible surface; NaN where unknown.
        mask: (y2 - y1 + 1, x2 - x1 + 1) bool, the visible mask inside the box; None where only the box is known.
    """

    bbox: tuple[int, int, int, int]
    surface: float
    mask: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def center(self) -> tuple[float, float]:
        """Centre of the box."""
        return (self.bbox[0] + self.bbox[2]) / 2, (self.bbox[1] + self.bbox[3]) / 2

    @property
    def point(self) -> tuple[int, int]:
        """The pixel deepest inside the visible mask."""
        return self._innermost[0]

    @property
    def clearance(self) -> float:
        """Pixels from there to the nearest one outside."""
        return self._innermost[1]

    @cached_property
    def _innermost(self) -> tuple[tuple[int, int], float]:
        """Found when first asked for: it costs more than all the rest, and most sightings are not marked by points."""
        inside = ndimage.distance_transform_edt(np.pad(self.mask, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(inside.argmax(), inside.shape)
        return (self.bbox[0] + int(column), self.bbox[1] + int(row)), float(inside[row, column])


def mask_sizes(instances: np.ndarray) -> dict[int, int]:
    """Return the pixel count of every mask of (H, W) instance ids that is large enough to be seen."""
    counts = np.bincount(instances.ravel())
    large = np.flatnonzero(counts >= LEAST_SHARE * instances.size)
    return {int(index): int(counts[index]) for index in large if index > 0}


@once_per_item
def sightings(frame: Frame) -> dict[int, Sighting]:
    """Return every object that the frame's masks, or else its boxes, show large enough, by instance id."""
    if frame.instances is None:
        return _boxed(frame)
    slices = ndimage.find_objects(frame.instances)
    return {index: _sighting(frame, index, slices[index - 1]) for index in mask_sizes(frame.instances)}


def _sighting(frame: Frame, index: int, window: tuple[slice, slice]) -> Sighting:
    rows, columns = window
    mask = frame.instances[window] == index
    depths = np.empty(0) if frame.depth is None else frame.depth[window][mask]
    return Sighting((columns.start, rows.start, columns.stop - 1, rows.stop - 1), nearest_surface(depths), mask)


def _boxed(frame: Frame) -> dict[int, Sighting]:
    """Return the objects whose boxes are large enough and not lost among others, which cover half of them or more."""
    least, found = LEAST_SHARE * frame.camera.width * frame.camera.height, {}
    for index, (x1, y1, x2, y2) in ((index, box.bbox) for index, box in frame.boxes.items()):
        own = np.ones((y2 - y1 + 1, x2 - x1 + 1), bool)
        for left, top, right, bottom in (box.bbox for other, box in frame.boxes.items() if other != index):
            own[max(0, top - y1) : max(0, bottom + 1 - y1), max(0, left - x1) : max(0, right + 1 - x1)] = False
        if own.size >= least and 2 * np.count_nonzero(own) > own.size:
            found[index] = Sighting((x1, y1, x2, y2), frame.boxes[index].surface)
    return found


def nearest_surface(depths: np.ndarray) -> float:
    """Return the mean of the shallowest tenth of a mask's known depths; NaN if fewer than half of them are known.

    >>> nearest_surface(np.array([2.0] * 10 + [5.0] * 90))
    2.0
    """
    known = depths[depths > 0]
    if len(known) == 0 or len(known) < len(depths) / 2:
        return float("nan")
    count = max(1, round(SHALLOWEST * len(known)))
    return float(np.partition(known, count - 1)[:count].mean())
