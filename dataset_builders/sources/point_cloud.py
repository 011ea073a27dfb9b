"""A coloured point cloud in metres of a UTM zone, from a LAS or LAZ file."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.sources.las_counts import COPY_AGAIN, check_counts

PROJECTED_SYSTEM = 3072  # GeoTIFF key whose value is the EPSG code of the coordinate system


@dataclass(frozen=True)
class PointCloud:
    """Points and colours.

    Attributes:
        points: (N, 3) metres, east, north and up from `origin`.
        colors: (N, 3) uint8 RGB.
        origin: (3,) metres, UTM: the least easting and northing, the median elevation.
        zone: Of UTM, 1 to 60.
        southern: Whether it is a zone of the southern hemisphere.
    """

    points: np.ndarray
    colors: np.ndarray
    origin: np.ndarray
    zone: int
    southern: bool


def read_point_cloud(path: Path, place: str) -> PointCloud:
    """Read a point cloud.

    Raises:
        InputError: if laspy is not installed, or the file is empty, truncated, without colours or not in UTM.
    """
    try:
        import laspy
        import lazrs
    except ImportError:
        raise InputError(place, "point cloud", "laspy is not installed", "run: pip install 'laspy[lazrs]'") from None
    broken = (
        laspy.LaspyException,
        lazrs.LazrsError,
        OSError,
        ValueError,
        EOFError,
        struct.error,
        IndexError,
        KeyError,
    )
    check_counts(path, place)
    try:
        # Not the parallel decoder: it takes memory for what the file says is in a chunk, and threads in every worker.
        with laspy.open(path, laz_backend=laspy.LazBackend.Lazrs, read_evlrs=False) as reader:
            cloud = reader.read()
    except broken as error:
        problem = f"cannot be decoded ({type(error).__name__})"
        raise InputError(place, "point cloud", problem, COPY_AGAIN) from None
    if "red" not in cloud.point_format.dimension_names:
        raise InputError(place, "colours", "are missing", "give a point cloud with red, green and blue")
    if not len(cloud.points):
        raise InputError(place, "points", "are none", COPY_AGAIN)
    zone, southern = _utm_zone(cloud.header, place)
    points = np.column_stack([cloud.x, cloud.y, cloud.z]).astype(np.float64)
    if len(points) != cloud.header.point_count or not np.isfinite(points).all():
        raise InputError(place, "points", "are fewer than announced or not finite", COPY_AGAIN)
    origin = np.array([*points[:, :2].min(axis=0), np.median(points[:, 2])])
    return PointCloud(points - origin, _colors(cloud), origin, zone, southern)


def _colors(cloud) -> np.ndarray:
    """Return (N, 3) uint8: the format has 16 bits, of which many programs use 8."""
    colors = np.column_stack([cloud.red, cloud.green, cloud.blue]).astype(np.uint16)
    return (colors >> 8 if colors.max() > 255 else colors).astype(np.uint8)


def _utm_zone(header, place: str) -> tuple[int, bool]:
    """Return the zone and whether it is southern, by the EPSG codes 32601 to 32660 and 32701 to 32760."""
    keys = (key for record in header.vlrs for key in getattr(record, "geo_keys", ()))
    code = next((key.value_offset for key in keys if key.id == PROJECTED_SYSTEM), 0)
    hemisphere, zone = divmod(code, 100)
    if hemisphere not in (326, 327) or not 1 <= zone <= 60:
        problem = f"is {f'EPSG:{code}' if code else 'missing'}"
        raise InputError(place, "coordinate system", problem, "project the cloud to WGS 84 / UTM")
    return zone, hemisphere == 327
