"""Counts in a LAS or LAZ file that are larger than the file can be right about.

The decoders believe the counts: one wrong byte makes them loop for hours or ask for gigabytes, over which the whole
process ends. So the counts are compared with the size of the file first (LAS specification 1.4, table 3; LAZ keeps
the place of its table of chunks before the points, or as the last 8 bytes of the file).
"""

import os
import struct
from pathlib import Path

from dataset_builders.errors import InputError

MOST_POINTS = 50_000_000
"""At 40 bytes a point in memory; a larger cloud is to be thinned first."""
BEST_COMPRESSION = 200
"""No LAZ file is smaller than its points by more than this: 5 to 20 is usual."""
COPY_AGAIN = "copy the file again, it may be truncated"
SHORTEST_RECORD = 54  # bytes of the header of a variable length record
COMPRESSED = 0b1100_0000  # of the point format: either bit is set in LAZ
LAST_COUNT_32 = (1, 3)  # version of LAS; later ones count points with 64 bits


def check_counts(path: Path, place: str) -> None:
    """Refuse a file whose header cannot be right.

    Raises:
        InputError: if the file is empty, shorter than its header says, or announces more than it can hold.
    """
    size = path.stat().st_size
    if size == 0:
        raise InputError(place, "point cloud", "is empty", COPY_AGAIN)
    with path.open("rb") as file:
        try:
            records, room, points, point_size, is_compressed = _read_counts(file)
            chunks = _read_chunks(file, room) if is_compressed else 0
        except (struct.error, OSError):  # OSError: a place before the beginning
            raise InputError(place, "header", "is not complete", COPY_AGAIN) from None
    most = min(MOST_POINTS, BEST_COMPRESSION * size // max(point_size, 1))
    for field, count, limit in (
        ("records", records, min(room, size) // SHORTEST_RECORD),
        ("points", points, most),
        ("chunks", chunks, size),
    ):
        if count > limit:
            problem = f"{count:,} are announced in {size:,} bytes"
            raise InputError(place, field, problem, f"give a complete file of at most {MOST_POINTS:,} points")


def _read_counts(file) -> tuple[int, int, int, int, bool]:
    """Return records before the points, where the points begin, points, bytes of one, whether it is LAZ."""
    header = file.read(375)
    version = struct.unpack_from("<BB", header, 24)
    room, records, point_format, point_size, points = struct.unpack_from("<IIBHI", header, 96)
    if version > LAST_COUNT_32:
        (points,) = struct.unpack_from("<Q", header, 247)
    return records, room, points, point_size, bool(point_format & COMPRESSED)


def _read_chunks(file, room: int) -> int:
    """Return the number of chunks in the table of a LAZ file whose points begin at `room`."""
    file.seek(room)
    (table,) = struct.unpack("<q", file.read(8))
    if table == -1:
        file.seek(-8, os.SEEK_END)
        (table,) = struct.unpack("<q", file.read(8))
    file.seek(table)
    _, chunks = struct.unpack("<II", file.read(8))
    return chunks
