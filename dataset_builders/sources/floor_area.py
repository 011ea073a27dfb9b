"""How large a floor is, from points on it."""

import numpy as np
import shapely
from scipy.spatial import Delaunay, QhullError

ALPHA = 5.0


def floor_area(points: np.ndarray, alpha: float = ALPHA) -> float | None:
    """Return the area of the alpha shape of points on a floor, holes filled, as VSI-Bench does (alpha = 5).

    The alpha shape is the union of those Delaunay triangles whose circumscribed circle has a radius under 1 / alpha:
    0.2 m, so a gap wider than 0.4 m between points ends the floor. Furniture leaves such gaps within a room; the floor
    goes on below it, so holes count. Floors of several parts are added up.

    Args:
        points: (P, 2) metres, horizontal.
        alpha: One over the largest radius, 1 / metres.

    Returns:
        Square metres; None where the points are too few or too far apart to enclose anything.

    >>> steps = np.arange(11) / 10
    >>> round(floor_area(np.array([(x, y) for x in steps for y in steps])), 6)
    1.0
    """
    try:
        corners = Delaunay(points).simplices
    except (QhullError, ValueError):  # fewer than three points, or all on one line
        return None
    corners = corners[_circumradii(points[corners]) < 1 / alpha]
    edges, uses = np.unique(np.sort(corners[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)), axis=0, return_counts=True)
    border = shapely.linestrings(points[edges[uses == 1]])
    # The faces between all border lines: those of the floor and those of its holes.
    return shapely.union_all(shapely.get_parts(shapely.polygonize(border))).area or None


def _circumradii(triangles: np.ndarray) -> np.ndarray:
    """Radii, (T,), of the circles through the corners of triangles, (T, 3, 2): the product of the sides / 4 areas."""
    sides = triangles - np.roll(triangles, 1, axis=1)
    doubled = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    with np.errstate(divide="ignore"):
        return np.linalg.norm(sides, axis=2).prod(axis=1) / (2 * doubled)
