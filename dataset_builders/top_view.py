"""A scene from straight above: boxes as what they cover, cameras as a path with viewing directions, names beside them.

World X points right in the drawing and world Y up; drawings have y down. The pages of `inspect` draw this as SVG,
`birds_eye` as a picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from shapely import MultiPoint

from dataset_builders.geometry import Boxes
from dataset_builders.label_places import place_labels
from dataset_builders.scene import SceneObject
from dataset_builders.taxonomy import METRES, SCALES

SIDE = 560
MARGIN = 28
LETTER = 6.2  # mean width of a letter of a label on a page, which knows its font only when it is shown
LINE = 12
VIEW = 0.06  # length of a level viewing direction, as a part of the drawing
DOT = 5  # half the side of the place of a camera, which labels leave free


@dataclass(frozen=True)
class Label:
    """A name and its place.

    Attributes:
        text: The name.
        box: x0, y0, x1, y1; no two labels of a drawing have an inner point in common.
        leader: (x0, y0, x1, y1), a line from the box to the middle of what is named; None where that is in the box.
    """

    text: str
    box: tuple[float, float, float, float]
    leader: tuple[float, float, float, float] | None

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the box."""
        return round((self.box[0] + self.box[2]) / 2, 2), round((self.box[1] + self.box[3]) / 2, 2)


@dataclass(frozen=True)
class Outline:
    """An object as it is drawn.

    Attributes:
        corners: In the coordinates of the drawing.
        label: Its name.
        title: Its name, number and size.
        hue: Degrees, by category.
        category: What it is.
    """

    corners: tuple[tuple[float, float], ...]
    label: Label
    title: str
    hue: int
    category: str


@dataclass(frozen=True)
class TopView:
    """What is drawn.

    Attributes:
        width: Of the drawing.
        height: Of the drawing.
        outlines: Of objects, large ones first.
        cameras: (x, y, x, y): position, and the end of the horizontal part of the viewing direction.
        bar: (length, text) of the bar that tells the scale.
        areas: Corners of what the cameras see, up to a distance, where that was asked for.
        camera_labels: Names of the cameras, where they have some.
    """

    width: float
    height: float
    outlines: tuple[Outline, ...]
    cameras: tuple[tuple[float, float, float, float], ...]
    bar: tuple[float, str]
    areas: tuple[tuple[tuple[float, float], ...], ...] = ()
    camera_labels: tuple[Label, ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        """All labels."""
        return (*self.camera_labels, *(outline.label for outline in self.outlines))


@dataclass(frozen=True)
class Style:
    """How names are written, which decides where there is room for them.

    Attributes:
        side: Longest side of the drawing, with its margins.
        measure: Text to (width, height), in units of the drawing.
    """

    side: float = SIDE
    measure: Callable[[str], tuple[float, float]] = lambda text: (len(text) * LETTER, LINE)


def top_view(
    objects: Sequence[dict],
    poses: Sequence,
    scale: str,
    *,
    names: Sequence[str] | None = None,
    camera_names: Sequence[str] = (),
    areas: Sequence[np.ndarray] = (),
    style: Style | None = None,
) -> TopView | None:
    """Lay out the top view of a scene.

    Args:
        objects: As a row of the config `scenes` has them: metres, world.
        poses: (4, 4) camera to world of each frame, metres.
        scale: Name of the scale; its unit labels the bar.
        names: Of the objects; their categories by default.
        camera_names: Of the cameras, all or none.
        areas: (K, 2) metres, corners of what each camera sees from above.
        style: How names are written.

    Returns:
        The drawing, or None where there is nothing to draw.

    >>> box = {"instance_id": 1, "category": "cup", "center": [0, 0, 0], "size": [2, 1, 1], "rotation": np.eye(3)}
    >>> view = top_view([box], [], "indoor")
    >>> view.width, view.height, sorted(view.outlines[0].corners)[0], view.outlines[0].label.middle
    (560.0, 308.0, (28.0, 28.0), (280.0, 154.0))
    """
    style = style or Style()
    footprints = [_footprint(item) for item in objects]
    poses = np.array(poses, float).reshape(-1, 4, 4)
    points = np.concatenate([np.empty((0, 2)), *footprints, poses[:, :2, 3], *areas])
    if not len(points) or not np.isfinite(points).all():
        return None
    low, high = points.min(0), points.max(0)
    extent = max(float((high - low).max()), 1e-6)
    pixels = (style.side - 2 * MARGIN) / extent

    def place(point: np.ndarray) -> tuple[float, float]:
        x, y = (point[0] - low[0]) * pixels + MARGIN, (high[1] - point[1]) * pixels + MARGIN
        return round(float(x), 2), round(float(y), 2)

    ahead = VIEW * extent
    cameras = tuple((*place(pose[:2, 3]), *place(pose[:2, 3] + ahead * pose[:2, 2])) for pose in poses)
    width, height = (round(float(side), 2) for side in (high - low) * pixels + 2 * MARGIN)
    # A narrow scene still needs room for the bar.
    size = max(width, style.side), max(height, 6 * MARGIN)
    bar = _bar(extent, pixels, scale)
    order = sorted(range(len(objects)), key=lambda index: -float(np.ptp(footprints[index], axis=0).prod()))
    names = [item["category"] for item in objects] if names is None else names
    outlines = [tuple(map(place, footprints[index])) for index in order]
    dots = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y, _, _ in cameras]
    named = [*zip(camera_names, dots, strict=False)]
    named += [(names[index], _bounds(corners)) for index, corners in zip(order, outlines, strict=True)]
    labels, size = _labels(named, size, [*dots, _bar_place(bar, size, style)], style)
    hues = _hues(objects)
    drawn = tuple(
        _outline(objects[index], corners, label, hues)
        for index, corners, label in zip(order, outlines, labels[len(camera_names) :], strict=True)
    )
    seen = tuple(tuple(map(place, area)) for area in areas)
    return TopView(*size, drawn, cameras, bar, seen, tuple(labels[: len(camera_names)]))


def _labels(named: list, size: tuple, taken: list, style: Style) -> tuple[list[Label], tuple[float, float]]:
    """Place (name, box of the thing) in the order given, off what is taken; return them and the size of it all."""
    things = np.array([thing for _, thing in named], float).reshape(-1, 4)
    sizes = np.array([style.measure(name) for name, _ in named], float).reshape(-1, 2)
    places, size = place_labels(things, sizes, size, taken)
    middles = (things[:, :2] + things[:, 2:]) / 2
    nearest = np.clip(middles, places[:, :2], places[:, 2:])
    leaders = np.hstack([nearest, middles]).round(2).tolist()
    return [
        Label(name, tuple(place), None if leader[:2] == leader[2:] else tuple(leader))
        for (name, _), place, leader in zip(named, places.tolist(), leaders, strict=True)
    ], size


def _bounds(corners: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    (x0, y0), (x1, y1) = np.min(corners, axis=0), np.max(corners, axis=0)
    return x0, y0, x1, y1


def _bar_place(bar: tuple[float, str], size: tuple, style: Style) -> tuple[float, float, float, float]:
    width, height = style.measure(bar[1])
    return 0, size[1] - 14 - height, MARGIN + max(bar[0], width), size[1]


def _footprint(item: dict) -> np.ndarray:
    """Corners, (K, 2) metres, of what a box covers seen from above: a rectangle if it stands upright."""
    parts = (np.array(item[name], float) for name in ("center", "size", "rotation"))
    corners = Boxes.of([SceneObject(item["instance_id"], item["category"], *parts)]).corners()[0]
    return hull(corners[:, :2])


def hull(points: np.ndarray) -> np.ndarray:
    """Return the corners, (K, 2), of the convex hull of points, (P, 2) metres; one point where it has no area."""
    # Rounded to a micrometre, so that upper and lower corners that differ by rounding are one.
    outline = MultiPoint(points.round(6)).convex_hull
    return np.array(outline.exterior.coords[:-1]) if outline.geom_type == "Polygon" else points[:1]


def _hues(objects: Sequence[dict]) -> dict[str, int]:
    categories = sorted({item["category"] for item in objects})
    return {category: round(137.508 * number) % 360 for number, category in enumerate(categories)}


def _outline(item: dict, corners: tuple, label: Label, hues: dict[str, int]) -> Outline:
    size = " × ".join(f"{side:.3g}" for side in item["size"])
    category = item["category"]
    return Outline(corners, label, f"{category} #{item['instance_id']}, {size} m", hues[category], category)


def _bar(extent: float, pixels: float, scale: str) -> tuple[float, str]:
    """Choose 1, 2 or 5 of a power of ten, at most a third of the drawing."""
    unit = SCALES[scale].length_unit
    most = extent / 3 / METRES[unit]
    power = 10.0 ** np.floor(np.log10(most))
    length = power * max((digit for digit in (2, 5) if digit * power <= most), default=1)
    return round(float(length * METRES[unit] * pixels), 2), f"{length:g} {unit}"
