"""SpaceVista Data-Preview, `meta.json`: conversations about frames, points as [y, x]."""

import json
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.importers.base import Asked, Format, read_id, read_turns, source_scale
from dataset_builders.importers.marks import (
    FrameList,
    Marks,
    box_region,
    colour_of,
    mask_marks,
    optional,
    point_region,
)
from dataset_builders.importers.rows import Row, read_json_list
from dataset_builders.importers.vocabulary import SPACEVISTA_TASKS, known_source, our_task, terms
from dataset_builders.sources.fields import require

PROMPTS = {"Image+text": "text", "Image+point+text": "point", "Image+bbox+text": "bbox", "Image+mask+text": "mask"}
PAIR = ("image_path_1", "bbox_1", "image_path_2", "bboxes_2")


def convert(row: Row, folder: Path) -> Asked:
    """Read a row.

    Raises:
        InputError: naming the field that cannot be used.
    """
    content, place = row.content, row.place
    info = require(content.get("extra_info"), dict, place, "extra_info")
    task = our_task(info.get("task_type"), SPACEVISTA_TASKS, place, "extra_info.task_type")
    prompt = info.get("input_type")
    if prompt not in PROMPTS:
        raise InputError(place, "extra_info.input_type", f"is {prompt!r}", f"give one of {', '.join(PROMPTS)}")
    frames = FrameList(content.get("videos"), place)
    source = known_source(frames.paths[:1])
    scale, stated_by = source_scale(source)
    marks = _points(info, frames, place) + _boxes(info, frames, place) + _masks(info, frames, folder, place)
    return Asked(
        original_id=read_id(content, "problem_id", place),
        original_task=info["task_type"],
        task=task,
        source=source or "",
        scene_id=frames.scene_id,
        readings=read_turns(content.get("messages"), "role", "content", place, "messages"),
        scale=scale,
        scale_from=stated_by,
        prompt_type=PROMPTS[prompt],
        marks=marks,
        license=terms(source or ""),
    )


def _given(info: dict, kind: str, names: tuple[str, ...], place) -> dict | None:
    """Return the marks of a kind: nested in `input_<kind>`, or flat as `<kind>_<name>`, some of these as JSON text."""
    nested = optional(info.get(f"input_{kind}"), dict, place, f"extra_info.input_{kind}")
    if nested:
        return nested
    flat = {name: _parsed(info.get(f"{kind}_{name}"), place, f"extra_info.{kind}_{name}") for name in names}
    return flat if flat["image_path"] is not None else None


def _parsed(value: object, place, field: str) -> object:
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value or None
    try:
        return json.loads(value)
    except ValueError:
        raise InputError(place, field, f"is {value!r}", "give JSON") from None


def _points(info: dict, frames: FrameList, place) -> Marks:
    given = _given(info, "point", ("image_path", "points"), place)
    if given is None:
        return Marks()
    field = "extra_info.input_point"
    frame = frames.find(given.get("image_path"), f"{field}.image_path")
    points = require(given.get("points"), list, place, f"{field}.points")
    return Marks(
        tuple(
            point_region(point, colour_of(index), frame, "yx", place, f"{field}.points[{index}]")
            for index, point in enumerate(points)
        )
    )


def _boxes(info: dict, frames: FrameList, place) -> Marks:
    given = _given(info, "bbox", ("image_path", "bboxes"), place)
    if given is None:
        return Marks()
    field = "extra_info.input_bbox"
    if any(name in given for name in PAIR):
        return _pair(given, frames, place, field)
    frame = frames.find(given.get("image_path"), f"{field}.image_path")
    boxes = require(given.get("bboxes"), list, place, f"{field}.bboxes")
    return Marks(_row_of_boxes(boxes, frame, place, f"{field}.bboxes"))


def _pair(given: dict, frames: FrameList, place, field: str) -> Marks:
    """Mark the object of one frame, and the candidates of another with colours of their own."""
    first, second = (frames.find(given.get(name), f"{field}.{name}") for name in (PAIR[0], PAIR[2]))
    one = box_region(given.get("bbox_1"), colour_of(0), first, place, f"{field}.bbox_1")
    boxes = require(given.get("bboxes_2"), list, place, f"{field}.bboxes_2")
    return Marks((one, *_row_of_boxes(boxes, second, place, f"{field}.bboxes_2")))


def _row_of_boxes(boxes: list, frame: int, place, field: str) -> tuple:
    return tuple(
        box_region(box, colour_of(index), frame, place, f"{field}[{index}]") for index, box in enumerate(boxes)
    )


def _masks(info: dict, frames: FrameList, folder: Path, place) -> Marks:
    given = _given(info, "mask", ("image_path", "mask_path", "object_ids"), place)
    return Marks() if given is None else mask_marks([given], frames, folder, place, "extra_info.input_mask")


FORMAT = Format("preview", "train", read_json_list, convert)
