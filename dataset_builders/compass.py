"""Directions over the ground as eight points of a compass whose north is given by a pair (VST, appendix C.2).

"If A is north of B, in which direction from B is C?": north is the way from B to A. A camera may stand for B, or its
heading for the way to A (Tables 28 and 29). World Z is up; heights do not matter.
"""

from dataclasses import dataclass

import numpy as np

POINTS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")
"""Sectors of 45 degrees round each point, clockwise as seen from above."""
SIDES = ("front", "front right", "right", "back right", "back", "back left", "left", "front left")
"""The same sectors as whoever faces north calls them (Table 29)."""
BAND = 10.0
"""Degrees from the border of a sector within which a direction is ambiguous; the text gives no margin."""
LEAST_LEVEL = 0.5
"""Least length of the level part of a unit viewing direction: one steeper than 60 degrees has no clear heading."""
MOST_HEIGHT = 1.0
"""Metres between the middles of anchor objects, above which VST does not ask."""


@dataclass(frozen=True)
class Bearing:
    """A direction on the compass.

    Attributes:
        point: One of `POINTS`.
        angle: Degrees clockwise from north, in [0, 360).
        margin: Degrees from the nearer border of the point's sector, in [0, 22.5].
    """

    point: str
    angle: float
    margin: float

    @property
    def is_clear(self) -> bool:
        """Whether it is far enough from the border of its sector to be asked about."""
        return self.margin >= BAND


def called(point: str, known: str) -> str:
    """Name a point that was found with north for the reference, where the reference is called otherwise.

    Raises:
        ValueError: if either is not one of `POINTS`.

    >>> called("east", "west")
    'north'
    """
    return POINTS[(POINTS.index(point) + POINTS.index(known)) % len(POINTS)]


def side(point: str) -> str:
    """Name a point as whoever faces north calls it, one of `SIDES`.

    >>> side("southeast")
    'back right'
    """
    return SIDES[POINTS.index(point)]


def bearing(north: np.ndarray, way: np.ndarray) -> Bearing | None:
    """Name a direction.

    Args:
        north: (2,) or (3,), metres, the direction that is called north.
        way: (2,) or (3,), metres, the direction to name.

    Returns:
        The bearing, or None where either has no level part.

    >>> bearing(np.array([0.0, 1]), np.array([1.0, 1]))
    Bearing(point='northeast', angle=45.0, margin=22.5)
    """
    (x, y), (east, ahead) = north[:2], way[:2]
    if not (np.hypot(x, y) > 0 and np.hypot(east, ahead) > 0):
        return None
    angle = float(np.degrees(np.arctan2(east * y - ahead * x, x * east + y * ahead)) % 360) % 360
    sector = round(angle / 45)
    return Bearing(POINTS[sector % 8], angle, 22.5 - abs(angle - 45 * sector))


def from_objects(a: np.ndarray, b: np.ndarray, c: np.ndarray, closest: float) -> Bearing | None:
    """Name where C is from B, if A is north of B.

    Args:
        a: (3,) metres, world, the middle of object A.
        b: (3,) metres, of B.
        c: (3,) metres, of C.
        closest: Metres over the ground between any two of them, below which a direction means little.

    Returns:
        The bearing; None where it is not `is_clear`, two are too close, or the heights differ by over `MOST_HEIGHT`.

    >>> from_objects(np.array([0.0, 3, 0]), np.zeros(3), np.array([-2.0, 0, 0.5]), closest=1).point
    'west'
    """
    if max(a[2], b[2], c[2]) - min(a[2], b[2], c[2]) > MOST_HEIGHT:
        return None
    return from_place(a, b, c, closest)


def from_place(a: np.ndarray, place: np.ndarray, c: np.ndarray, closest: float) -> Bearing | None:
    """Name where C is from a place, such as that of a camera, if A is north of it; as `from_objects`.

    How high the place is does not matter: VST asks that of the objects alone.
    """
    apart = [np.hypot(*(second - first)[:2]) for first, second in ((a, place), (place, c), (a, c))]
    if min(apart) < closest or abs(a[2] - c[2]) > MOST_HEIGHT:
        return None
    return _clear(bearing(a - place, c - place))


def from_camera(camera_to_world: np.ndarray, target: np.ndarray, closest: float) -> Bearing | None:
    """Name where a place, (3,) metres, or the position of another camera is, if a camera, (4, 4), faces north.

    Returns:
        The bearing; None where it is not `is_clear`, the camera looks too steeply, or the place is too close.

    >>> along_x = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    >>> from_camera(along_x, np.array([1.0, -1, 0]), 1).point
    'northeast'
    """
    heading, way = camera_to_world[:3, 2], target - camera_to_world[:3, 3]
    if np.hypot(*heading[:2]) < LEAST_LEVEL or np.hypot(*way[:2]) < closest:
        return None
    return _clear(bearing(heading, way))


def facing(first: np.ndarray, second: np.ndarray, known: str = "north") -> Bearing | None:
    """Name the way in which the second camera faces, if the first one, (4, 4) both, faces `known`.

    Returns:
        The bearing; None where it is not `is_clear`, or a camera looks too steeply.

    Raises:
        ValueError: if `known` is not one of `POINTS`.

    >>> left = np.array([[0.0, 0, -1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    >>> ahead = np.array([[0.0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    >>> facing(ahead, left, "west").point
    'south'
    """
    if known not in POINTS:
        raise ValueError(f"known must be one of {', '.join(POINTS)}, got {known!r}")
    headings = [camera_to_world[:3, 2] for camera_to_world in (first, second)]
    if min(np.hypot(*heading[:2]) for heading in headings) < LEAST_LEVEL:
        return None
    turn = np.radians(45 * POINTS.index(known))
    x, y = headings[0][:2]
    # North lies so far to the left of the first camera's heading as that lies clockwise of it.
    north = np.array([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)])
    return _clear(bearing(north, headings[1]))


def _clear(found: Bearing | None) -> Bearing | None:
    return found if found is not None and found.is_clear else None
