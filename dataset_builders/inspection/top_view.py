"""A scene from straight above: boxes as what they cover, cameras as a path with viewing directions.

World X points right in the drawing and world Y up; SVG has y down.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from shapely import MultiPoint

from dataset_builders.geometry import Boxes
from dataset_builders.scene import SceneObject
from dataset_builders.taxonomy import METRES, SCALES

SIDE = 560
MARGIN = 28
LETTER = 6.2  # mean width of a letter of a label, so that labels do not cover each other
LINE = 12
VIEW = 0.06  # length of a level viewing direction, as a part of the drawing


@dataclass(frozen=True)
class Outline:
    """An object as it is drawn: corners in SVG coordinates, where to write its name ("" where there is no room)."""

    corners: tuple[tuple[float, float], ...]
    center: tuple[float, float]
    label: str
    title: str
    hue: int
    category: str


@dataclass(frozen=True)
class TopView:
    """What the template draws, in SVG coordinates.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        outlines: Of objects, large ones first.
        cameras: (x, y, x, y): position, and the end of the horizontal part of the viewing direction.
        bar: (length, text) of the bar that tells the scale.
    """

    width: float
    height: float
    outlines: tuple[Outline, ...]
    cameras: tuple[tuple[float, float, float, float], ...]
    bar: tuple[float, str]


def top_view(objects: Sequence[dict], poses: Sequence, scale: str) -> TopView | None:
    """Lay out the top view of a scene.

    Args:
        objects: As a row of the config `scenes` has them: metres, world.
        poses: (4, 4) camera to world of each frame, metres.
        scale: Name of the scale; its unit labels the bar.

    Returns:
        The drawing, or None where there is nothing to draw.

    >>> box = {"instance_id": 1, "category": "cup", "center": [0, 0, 0], "size": [2, 1, 1], "rotation": np.eye(3)}
    >>> view = top_view([box], [], "indoor")
    >>> view.width, view.height, sorted(view.outlines[0].corners)[0]
    (560.0, 308.0, (28.0, 28.0))
    """
    footprints = [_footprint(item) for item in objects]
    poses = np.array(poses, float).reshape(-1, 4, 4)
    points = np.concatenate([*footprints, poses[:, :2, 3]]) if footprints or len(poses) else np.empty((0, 2))
    if not len(points) or not np.isfinite(points).all():
        return None
    low, high = points.min(0), points.max(0)
    extent = max(float((high - low).max()), 1e-6)
    pixels = (SIDE - 2 * MARGIN) / extent

    def place(point: np.ndarray) -> tuple[float, float]:
        x, y = (point[0] - low[0]) * pixels + MARGIN, (high[1] - point[1]) * pixels + MARGIN
        return round(float(x), 2), round(float(y), 2)

    ahead = VIEW * extent
    cameras = tuple((*place(pose[:2, 3]), *place(pose[:2, 3] + ahead * pose[:2, 2])) for pose in poses)
    width, height = (round(float(side), 2) for side in (high - low) * pixels + 2 * MARGIN)
    # A narrow scene still needs room for the bar.
    size = max(width, SIDE), max(height, 6 * MARGIN)
    return TopView(*size, _outlines(objects, footprints, place), cameras, _bar(extent, pixels, scale))


def _footprint(item: dict) -> np.ndarray:
    """Corners, (K, 2) metres, of what a box covers seen from above: a rectangle if it stands upright."""
    parts = (np.array(item[name], float) for name in ("center", "size", "rotation"))
    corners = Boxes.of([SceneObject(item["instance_id"], item["category"], *parts)]).corners()[0]
    # Rounded to a micrometre, so that upper and lower corners that differ by rounding are one.
    hull = MultiPoint(corners[:, :2].round(6)).convex_hull
    return np.array(hull.exterior.coords[:-1]) if hull.geom_type == "Polygon" else corners[:1, :2]


def _outlines(objects: Sequence[dict], footprints: Sequence[np.ndarray], place) -> tuple[Outline, ...]:
    categories = sorted({item["category"] for item in objects})
    hues = {category: round(137.508 * number) % 360 for number, category in enumerate(categories)}
    order = sorted(range(len(objects)), key=lambda index: -float(np.ptp(footprints[index], axis=0).prod()))
    outlines, taken = [], []
    for index in order:
        item, corners = objects[index], footprints[index]
        center = place((corners.min(0) + corners.max(0)) / 2)
        half = len(item["category"]) * LETTER / 2
        free = all(abs(center[0] - x) > half + other or abs(center[1] - y) > LINE for x, y, other in taken)
        if free:
            taken.append((*center, half))
        size = " × ".join(f"{side:.3g}" for side in item["size"])
        category = item["category"]
        title = f"{category} #{item['instance_id']}, {size} m"
        label = category if free else ""
        outlines.append(Outline(tuple(map(place, corners)), center, label, title, hues[category], category))
    return tuple(outlines)


def _bar(extent: float, pixels: float, scale: str) -> tuple[float, str]:
    """Choose 1, 2 or 5 of a power of ten, at most a third of the drawing."""
    unit = SCALES[scale].length_unit
    most = extent / 3 / METRES[unit]
    power = 10.0 ** np.floor(np.log10(most))
    length = power * max((digit for digit in (2, 5) if digit * power <= most), default=1)
    return round(float(length * METRES[unit] * pixels), 2), f"{length:g} {unit}"
