"""Regions: points, boxes, masks and paths in named colours, drawn on the frames that they mark (Set-of-mark).

They are drawn as the dataset draws them, pixel for pixel, so that a model sees what it was trained on.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

REGION_COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 200, 0), "yellow": (255, 220, 0)}
KINDS = ("point", "bbox", "mask", "path")


def check_regions(regions: Iterable[dict], num_frames: int) -> None:
    """Refuse regions that cannot be drawn.

    Args:
        regions: dictionaries with `frame_index`, `kind` ("point", "bbox", "mask" or "path"), `colour` (a key of
            `REGION_COLOURS`) and, under the name of the kind, pixel coordinates of that frame (x right, y down):
            point [x, y]; bbox [x1, y1, x2, y2]; path [[x, y], …]; mask as COCO run lengths
            {"size": [H, W], "counts": text}.
        num_frames: frames of the video that `frame_index` counts.

    Raises:
        ValueError: names the expected and the given value.
    """
    for region in regions:
        index, kind, colour = (region.get(name) for name in ("frame_index", "kind", "colour"))
        if not isinstance(index, (int, np.integer)) or not 0 <= index < num_frames:
            raise ValueError(
                f"frame_index of a region must be a whole number from 0 to {num_frames - 1}, got {index!r}"
            )
        if kind not in KINDS:
            raise ValueError(f"kind of a region must be one of {', '.join(KINDS)}, got {kind!r}")
        if colour not in REGION_COLOURS:
            raise ValueError(f"colour of a region must be one of {', '.join(REGION_COLOURS)}, got {colour!r}")
        if kind == "mask":
            _check_mask(region.get("mask"))
        else:
            _check_coordinates(kind, region.get(kind))


def _check_mask(mask: dict | None) -> None:
    if not isinstance(mask, dict) or not {"size", "counts"} <= mask.keys():
        raise ValueError(f'a mask must be COCO run lengths {{"size": [H, W], "counts": text}}, got {mask!r:.80}')


def _check_coordinates(kind: str, given: Sequence | None) -> None:
    expected = {"point": "[x, y]", "bbox": "[x1, y1, x2, y2]", "path": "[[x, y], …] of two points or more"}[kind]
    try:
        numbers = np.array(given, dtype=float)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    fits = {"point": numbers.shape == (2,), "bbox": numbers.shape == (4,)}
    if not fits.get(kind, numbers.ndim == 2 and len(numbers) > 1 and numbers.shape[1] == 2):
        raise ValueError(f"{kind} of a region must be {expected}, got {given!r:.80}")
    if not np.isfinite(numbers).all() or (kind == "bbox" and (numbers[2:] < numbers[:2]).any()):
        raise ValueError(f"{kind} of a region must be finite and ordered as {expected}, got {given!r:.80}")


def decode_mask(encoded: dict, size: tuple[int, int]) -> np.ndarray:
    """Decode COCO run lengths.

    Args:
        encoded: {"size": [H, W], "counts": text}; runs alternate between outside and inside, column by column.
        size: (H, W) of the frame.

    Returns:
        (H, W) booleans.

    Raises:
        ValueError: if the mask is not of this size, or its run lengths do not fill it.

    >>> decode_mask({"size": [2, 2], "counts": "121"}, (2, 2)).astype(int).tolist()
    [[0, 1], [1, 0]]
    """
    if tuple(encoded["size"]) != tuple(size):
        raise ValueError(f"a mask must have the size of its frame, expected {list(size)}, got {encoded['size']}")
    runs = _run_lengths(encoded["counts"])
    height, width = size
    if min(runs, default=0) < 0 or sum(runs) != height * width:
        raise ValueError(f"the run lengths of a mask must fill its {height * width} pixels, got {sum(runs)}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _run_lengths(counts: str | bytes) -> list[int]:
    """Read COCO's text: groups of five bits from 48 up, the sixth says "more follow"; from the fourth run on, changes.

    The format is that of `rleToString` in cocoapi's maskApi.c.
    """
    runs, value, shift = [], 0, 0
    for character in counts.encode("ascii", "replace") if isinstance(counts, str) else bytes(counts):
        code = character - 48
        if not 0 <= code < 64:
            raise ValueError(f"the run lengths of a mask must be COCO's characters '0' to 'o', got {chr(character)!r}")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return runs


def draw_regions(image: Image.Image, regions: Iterable[dict]) -> Image.Image:
    """Draw checked regions on a copy of a frame, sized to stay visible.

    A point is a filled disc, a box an outline, a mask a tint with an outline, a path a line from a disc to an arrow
    head.

    Args:
        image: the frame.
        regions: what `check_regions` passed, all of this frame.

    Returns:
        The marked frame in RGB.
    """
    marked = image.convert("RGB")
    pen = ImageDraw.Draw(marked)
    unit = max(2, round(min(marked.size) / 28))
    for region in regions:
        colour = REGION_COLOURS[region["colour"]]
        if region["kind"] == "point":
            _disc(pen, region["point"], colour, unit)
        elif region["kind"] == "bbox":
            pen.rectangle(tuple(region["bbox"]), outline=colour, width=max(1, unit // 2))
        elif region["kind"] == "mask":
            _tint(marked, decode_mask(region["mask"], marked.size[::-1]), colour, max(1, unit // 2))
        else:
            _arrow(pen, [tuple(point) for point in region["path"]], colour, unit)
    return marked


def _disc(pen, centre, colour, radius):
    x, y = centre
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour, outline=(255, 255, 255))


def _tint(image, mask, colour, width):
    image.paste(Image.blend(image, Image.new("RGB", image.size, colour), 0.4), mask=Image.fromarray(mask))
    image.paste(colour, mask=Image.fromarray(mask & ~_erode(mask, width)))


def _erode(mask, times):
    """Take off the pixels that touch the outside by a side, `times` over; beyond the picture is outside."""
    for _ in range(times):
        p = np.pad(mask, 1)
        mask = p[1:-1, 1:-1] & p[:-2, 1:-1] & p[2:, 1:-1] & p[1:-1, :-2] & p[1:-1, 2:]
    return mask


def _arrow(pen, path, colour, unit):
    pen.line(path, fill=colour, width=max(2, unit // 2), joint="curve")
    _disc(pen, path[0], colour, unit)
    tip = np.array(path[-1])
    ahead = tip - path[-2]
    ahead = ahead / max(float(np.hypot(*ahead)), 1e-6)
    aside = np.array([-ahead[1], ahead[0]])
    head = [tip + unit * ahead, tip - unit * ahead + unit * aside, tip - unit * ahead - unit * aside]
    pen.polygon([tuple(corner) for corner in head], fill=colour, outline=(255, 255, 255))
