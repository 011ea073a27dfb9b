"""What a visitor drew on the frames → regions, as a row of the dataset has them; nothing of it is trusted."""

import math
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw

from dataset_builders.errors import InputError
from dataset_builders.masks import encode_mask
from dataset_builders.question import REGION_COLOURS
from hub_cards.demo.clip import Clip

MOST_MARKS = 16
MOST_VERTICES = 2000
LEAST_SIDE = 2.0  # pixels of a box or mask; less is a slip of the hand


def read_marks(value, clip: Clip) -> list[dict]:
    """Check the marks that the browser sent.

    Args:
        value: {"marks": [{"frame_index", "kind", "colour", "points": [[x, y], …]}, …]} in pixels of the frame: one
            point, two opposite corners of a `bbox`, or the outline of a `mask`.
        clip: That they are on.

    Returns:
        Regions: `point` [x, y], `bbox` [x1, y1, x2, y2], or `mask` in COCO run lengths, inside of their frame.

    Raises:
        InputError: if a mark cannot be drawn.
    """
    marks = value.get("marks") if isinstance(value, Mapping) else None
    if not isinstance(marks, list) or len(marks) > MOST_MARKS:
        raise InputError("frames", "marks", f"are not a list of at most {MOST_MARKS}", "clear some, or all of them")
    return [_region(mark, number, clip) for number, mark in enumerate(marks, start=1)]


def _region(mark, number: int, clip: Clip) -> dict:
    try:
        index, kind, colour, points = (mark[name] for name in ("frame_index", "kind", "colour", "points"))
        is_known = 0 <= index < len(clip.frames) and colour in REGION_COLOURS
        size = clip.frames[index].size if is_known else (0, 0)
        draw = {"point": _point, "bbox": _bbox, "mask": _mask}[kind]
        region = {"frame_index": index, "kind": kind, "colour": colour, kind: draw(_inside(points, size), size)}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise InputError("frames", f"mark {number}", "cannot be drawn", "clear it and draw it again") from None
    if not is_known:
        raise InputError("frames", f"mark {number}", "is on no frame of this video", "clear it and draw it again")
    return region


def _inside(points, size: tuple[int, int]) -> list[tuple[float, float]]:
    """Move points that the pointer dragged beyond the edge back onto it."""
    if not 1 <= len(points) <= MOST_VERTICES:
        raise ValueError(f"{len(points)} points")
    moved = []
    for x, y in points:
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError(f"point {x}, {y}")
        moved.append(tuple(min(max(float(at), 0.0), side - 1.0) for at, side in zip((x, y), size, strict=True)))
    return moved


def _point(points: list, size: tuple[int, int]) -> list[float]:
    (point,) = points
    return list(point)


def _bbox(points: list, size: tuple[int, int]) -> list[float]:
    (x1, y1), (x2, y2) = points
    box = [min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)]
    if box[2] - box[0] < LEAST_SIDE or box[3] - box[1] < LEAST_SIDE:
        raise ValueError(f"box {box}")
    return box


def _mask(points: list, size: tuple[int, int]) -> dict:
    if len(points) < 3:
        raise ValueError(f"an outline of {len(points)} points")
    canvas = Image.new("1", size)
    ImageDraw.Draw(canvas).polygon(points, fill=1, outline=1)
    mask = np.array(canvas, dtype=bool)
    if mask.any(0).sum() < LEAST_SIDE or mask.any(1).sum() < LEAST_SIDE:
        raise ValueError("an empty mask")
    return encode_mask(mask)
