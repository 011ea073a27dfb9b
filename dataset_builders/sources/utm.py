"""Latitude and longitude → metres of a UTM zone, by Krüger's series to the third order of the flattening.

Within a zone it is off by less than a millimetre (Karney, "Transverse Mercator with an accuracy of a few nanometers",
Journal of Geodesy 85, 2011, equations 7 to 11 and 35).
"""

import math

EQUATORIAL_RADIUS, FLATTENING = 6378137.0, 1 / 298.257223563  # WGS 84
SCALE, FALSE_EASTING, FALSE_NORTHING = 0.9996, 500000.0, 10000000.0


def to_utm(latitude: float, longitude: float, zone: int, southern: bool = False) -> tuple[float, float]:
    """Project WGS 84 coordinates.

    Args:
        latitude: Degrees north.
        longitude: Degrees east.
        zone: 1 to 60.
        southern: Whether northings count from the South Pole's side, as south of the equator.

    Returns:
        Easting and northing, metres.

    >>> [round(value, 3) for value in to_utm(0.0, -93.0, zone=15)]
    [500000.0, 0.0]
    """
    n = FLATTENING / (2 - FLATTENING)
    radius = EQUATORIAL_RADIUS / (1 + n) * (1 + n**2 / 4 + n**4 / 64)
    series = (
        n / 2 - 2 * n**2 / 3 + 5 * n**3 / 16,
        13 * n**2 / 48 - 3 * n**3 / 5,
        61 * n**3 / 240,
    )
    phi, lam = math.radians(latitude), math.radians(longitude - (6 * zone - 183))
    eccentricity = 2 * math.sqrt(n) / (1 + n)
    conformal = math.sinh(math.atanh(math.sin(phi)) - eccentricity * math.atanh(eccentricity * math.sin(phi)))
    xi = math.atan2(conformal, math.cos(lam))
    eta = math.atanh(math.sin(lam) / math.hypot(1, conformal))
    north = xi + sum(a * math.sin(2 * k * xi) * math.cosh(2 * k * eta) for k, a in enumerate(series, 1))
    east = eta + sum(a * math.cos(2 * k * xi) * math.sinh(2 * k * eta) for k, a in enumerate(series, 1))
    start = FALSE_NORTHING if southern else 0.0
    return FALSE_EASTING + SCALE * radius * east, start + SCALE * radius * north
