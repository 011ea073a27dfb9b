"""Published marks on frames (points, boxes, masks in files) → regions of ours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.masks import encode_mask
from dataset_builders.question import REGION_COLOURS, Region
from dataset_builders.sources.fields import numbers, require

COLOURS = tuple(REGION_COLOURS)  # red, blue, green, yellow: the order in which published marks take their colours
MOST_CHANNELS = 16  # of a one-hot mask; a longer axis is one of the image


@dataclass(frozen=True)
class Marks:
    """The marks of a question.

    Attributes:
        regions: Those that can be drawn.
        references: Masks whose file is not beside the imported one, as published.
    """

    regions: tuple[Region, ...] = ()
    references: tuple[dict, ...] = ()

    def __add__(self, other: "Marks") -> "Marks":
        """Join the marks of two kinds."""
        return Marks(self.regions + other.regions, self.references + other.references)


class FrameList:
    """The frames of a row, to be found by path or index."""

    def __init__(self, videos: object, place):
        """Take the field `videos`: a list of lists of paths, one after the other.

        Raises:
            InputError: if it is not, or has no frame.
        """
        groups = require(videos, list, place, "videos")
        self.paths = [
            require(path, str, place, "videos")
            for group in groups
            for path in (group if isinstance(group, list) else [group])
        ]
        if not self.paths:
            raise InputError(place, "videos", "has no frame", "give the paths of the frames")
        self._place = place

    def find(self, path: object, field: str) -> int:
        """Return the index of a frame; folders `images` and `images_8` are the same.

        Raises:
            InputError: if no frame has this path.
        """
        key = _alias(require(path, str, self._place, field))
        for index, other in enumerate(self.paths):
            if _alias(other) == key:
                return index
        raise InputError(self._place, field, f"is {path!r}, which is none of the frames", "list it in videos")

    def check(self, index: object, field: str) -> int:
        """Return an index that is in range.

        Raises:
            InputError: if it is not.
        """
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(self.paths):
            raise InputError(self._place, field, f"is {index!r}", f"give an index below {len(self.paths)}")
        return index

    @property
    def scene_id(self) -> str:
        """The folder of the first frame without that of its dataset and without `images`."""
        parts = list(PurePosixPath(self.paths[0]).parent.parts)
        kept = [part for part in parts[1:] if part not in ("images", "images_8", "rgb")] or parts
        return "/".join(kept) or self.paths[0]


def point_region(value: object, colour: str, frame: int, order: str, place, field: str) -> Region:
    """Mark a point.

    Args:
        value: Two pixel coordinates.
        colour: Of the mark.
        frame: Its index.
        order: `yx` in the preview, `xy` in the full release.
        place: Row, for errors.
        field: Name, for errors.
    """
    first, second = numbers(value, (2,), place, field).tolist()
    point = (first, second) if order == "xy" else (second, first)
    _finite(point, place, field)
    return Region(frame, "point", colour, point=point)


def box_region(value: object, colour: str, frame: int, place, field: str) -> Region:
    """Mark a box that is given as [x1, y1, x2, y2] or as an object with these keys."""
    if isinstance(value, dict):
        value = [value.get(key) for key in ("x1", "y1", "x2", "y2")]
    box = tuple(numbers(value, (4,), place, field).tolist())
    _finite(box, place, field)
    return Region(frame, "bbox", colour, bbox=box)


def colour_of(index: int) -> str:
    """Return the colour of the mark at an index, in the published order, over again after four."""
    return COLOURS[index % len(COLOURS)]


def mask_marks(entries: Iterable[dict], frames: FrameList, folder: Path, place, field: str) -> Marks:
    """Mark the objects of mask files, each object in its own colour.

    Args:
        entries: {"image_path", "mask_path", "object_ids"} each.
        frames: Of the row.
        folder: Of the imported file; a mask file elsewhere is refused, one that is not there is left a reference.
        place: Row, for errors.
        field: Name, for errors.

    Raises:
        InputError: naming what is wrong.
    """
    regions: list[Region] = []
    references: list[dict] = []
    for number, entry in enumerate(entries):
        name = f"{field}[{number}]"
        frame = frames.find(require(entry, dict, place, name).get("image_path"), f"{name}.image_path")
        path = _inside(folder, entry.get("mask_path"), place, f"{name}.mask_path")
        if path is None:
            references.append(entry)
            continue
        array = _load(path, place, f"{name}.mask_path")
        for mask in _select(array, entry.get("object_ids"), place, f"{name}.object_ids"):
            regions.append(Region(frame, "mask", colour_of(len(regions)), mask=encode_mask(mask)))
    return Marks(tuple(regions), tuple(references))


def _inside(folder: Path, name: object, place, field: str) -> Path | None:
    """Return the path of a file in the folder, None if there is none of this name."""
    path = folder / require(name, str, place, field)
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        exists = inside and path.is_file()
    except (ValueError, OSError, RuntimeError):  # a null byte, a name that is too long, a circle of links
        inside = exists = False
    if not inside:
        raise InputError(place, field, f"is {name!r}, outside the folder of the file", "give a path inside it")
    return path if exists else None


def _load(path: Path, place, field: str) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(place, field, f"{path.name} cannot be read ({reason})", "give an array in .npy") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biu":
        raise InputError(place, field, f"{path.name} holds no booleans or whole numbers", "give an array in .npy")
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (2, 3) or 0 in array.shape:
        problem = f"{path.name} has the shape {array.shape}"
        raise InputError(place, field, problem, "give H x W, or one channel per object")
    return array


def _select(array: np.ndarray, chosen: object, place, field: str) -> list[np.ndarray]:
    """Return the masks, (H, W) boolean, of the chosen objects; of all objects as one where none is chosen."""
    if chosen is None or (array.ndim == 2 and array.dtype == bool):
        masks = [array != 0 if array.ndim == 2 else _channels(array).any(axis=0)]
    else:
        chosen = chosen if isinstance(chosen, list) else [chosen]
        if array.ndim == 3 and all(isinstance(value, bool) for value in chosen):
            chosen = [index for index, value in enumerate(chosen) if value]
        if not chosen or any(isinstance(value, bool) or not isinstance(value, int) for value in chosen):
            raise InputError(place, field, f"is {chosen!r}", "give whole numbers")
        masks = [_one(array, value, place, field) for value in chosen]
    if not all(mask.any() for mask in masks):
        raise InputError(place, field, f"is {chosen!r}, of which the mask has no pixel", "give objects of the mask")
    return masks


def _one(array: np.ndarray, value: int, place, field: str) -> np.ndarray:
    if array.ndim == 2:
        return array == value
    channels = _channels(array)
    if not 0 <= value < len(channels):
        raise InputError(place, field, f"has {value}", f"give an index below {len(channels)}")
    return channels[value]


def _channels(array: np.ndarray) -> np.ndarray:
    """Return a one-hot mask as (K, H, W) boolean; the channels may come first or last."""
    return (array if array.shape[0] < MOST_CHANNELS else np.moveaxis(array, 2, 0)) != 0


def _finite(values: Sequence[float], place, field: str) -> None:
    if not np.isfinite(values).all():
        raise InputError(place, field, f"is {list(values)}", "give finite pixel coordinates")


def _alias(path: str) -> str:
    return normpath(path).replace("/images_8/", "/images/")


def optional(value: Any, kind: type, place, field: str) -> Any:
    """Return a value of `kind`, or None if it is null or left out."""
    return None if value is None else require(value, kind, place, field)
