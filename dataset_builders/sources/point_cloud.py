"""A coloured point cloud in metres of a UTM zone, from a LAS or LAZ file."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_builders.errors import InputError

MOST_POINTS = 50_000_000
"""At 40 bytes a point in memory; a larger count is a broken header or a cloud to be thinned first."""
BEST_COMPRESSION = 200
"""No LAZ file is smaller than its points by more than this: 5 to 20 is usual."""
PROJECTED_SYSTEM = 3072  # GeoTIFF key whose value is the EPSG code of the coordinate system
COPY_AGAIN = "copy the file again, it may be truncated"


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
    try:
        with laspy.open(path, read_evlrs=False) as reader:
            _check_counts(path, reader.header, place)
            cloud = reader.read()
    except InputError:
        raise
    except broken as error:
        problem = "is empty" if path.stat().st_size == 0 else f"cannot be decoded ({type(error).__name__})"
        raise InputError(place, "point cloud", problem, COPY_AGAIN) from None
    if "red" not in cloud.point_format.dimension_names:
        raise InputError(place, "colours", "are missing", "give a point cloud with red, green and blue")
    zone, southern = _utm_zone(cloud.header, place)
    points = np.column_stack([cloud.x, cloud.y, cloud.z]).astype(np.float64)
    if len(points) != cloud.header.point_count or not np.isfinite(points).all():
        raise InputError(place, "points", "are fewer than announced or not finite", COPY_AGAIN)
    origin = np.array([*points[:, :2].min(axis=0), np.median(points[:, 2])])
    return PointCloud(points - origin, _colors(cloud), origin, zone, southern)


def _check_counts(path: Path, header, place: str) -> None:
    """Refuse a file that announces more than it can hold, before memory for that is taken.

    A LAZ file has the place of its table of chunks before the points, or at its very end; the table begins with a
    version and the number of chunks. The decoder would end the whole process over a number that is absurd.
    """
    size = path.stat().st_size
    most = min(MOST_POINTS, BEST_COMPRESSION * size // header.point_format.size)
    if not 0 < header.point_count <= most:
        problem = f"announces {header.point_count:,} points in {size:,} bytes"
        raise InputError(place, "point count", problem, f"give a complete file of at most {MOST_POINTS:,} points")
    if not header.are_points_compressed:
        return
    with path.open("rb") as file:
        file.seek(header.offset_to_point_data)
        (table,) = struct.unpack("<q", file.read(8))
        if table == -1:
            file.seek(-8, os.SEEK_END)
            (table,) = struct.unpack("<q", file.read(8))
        file.seek(table)
        _, chunks = struct.unpack("<II", file.read(8))
    if chunks > size:
        raise InputError(place, "chunk table", f"announces {chunks:,} chunks in {size:,} bytes", COPY_AGAIN)


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
