"""SpaceVista-Full, `all.json`: conversations about frames, points as [x, y]; its marks are also those of the bench."""

import re
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.importers.base import Asked, Format, read_turns, source_scale
from dataset_builders.importers.marks import (
    COLOURS,
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
from dataset_builders.question import Region
from dataset_builders.sources.fields import require

# A question with points and boxes counts as one with boxes: a box also tells how far an object reaches.
PROMPTS = {
    "image_text": "text",
    "image_point_text": "point",
    "image_bbox_text": "bbox",
    "image_mask_text": "mask",
    "image_point_bbox_text": "bbox",
}
# A name that is part of a longer one is not found: it would be another task.
_NAMES = re.compile(
    rf"(?<![A-Za-z])(?<![A-Za-z]_)({'|'.join(sorted(SPACEVISTA_TASKS, key=len, reverse=True))})(?!_?[A-Za-z])"
)


def convert(row: Row, folder: Path) -> Asked:
    """Read a row.

    Raises:
        InputError: naming the field that cannot be used.
    """
    content, place = row.content, row.place
    identity = require(content.get("id"), str, place, "id")
    metadata = require(content.get("metadata"), dict, place, "metadata")
    name, field = _task_name(identity, metadata)
    task = our_task(name, SPACEVISTA_TASKS, place, field)
    frames = FrameList(content.get("videos"), place)
    source = known_source([identity.split("__")[0], frames.paths[0]])
    scale, stated_by = source_scale(source)
    scene_id = optional(metadata.get("scene_source"), str, place, "metadata.scene_source")
    marks = read_annotations(content.get("annotations"), frames, folder, place)
    return Asked(
        original_id=identity,
        original_task=name,
        task=task,
        source=source or identity.split("__")[0].lower(),
        scene_id=scene_id or frames.scene_id,
        readings=read_turns(content.get("messages"), "role", "content", place, "messages"),
        scale=scale,
        scale_from=stated_by,
        prompt_type=read_prompt(content, place),
        marks=marks,
        license=terms(source or ""),
    )


def read_prompt(content: dict, place) -> str:
    """Return the prompt type that `input_type` names."""
    if content.get("input_type") not in PROMPTS:
        problem = f"is {content.get('input_type')!r}"
        raise InputError(place, "input_type", problem, f"give one of {', '.join(PROMPTS)}")
    return PROMPTS[content["input_type"]]


def read_annotations(annotations: object, frames: FrameList, folder: Path, place) -> Marks:
    """Read the field `annotations`, any part of which may be null."""
    given = optional(annotations, dict, place, "annotations")
    if given is None:
        return Marks()
    regions = []
    for kind in ("points", "bboxes"):
        listed = optional(given.get(kind), list, place, f"annotations.{kind}") or []
        regions += [_mark(entry, kind, number, frames, place) for number, entry in enumerate(listed)]
    masks = optional(given.get("masks"), list, place, "annotations.masks") or []
    pair = optional(given.get("dual_bbox"), dict, place, "annotations.dual_bbox")
    regions += [] if pair is None else _pair(pair, frames, place)
    return Marks(tuple(regions)) + mask_marks(masks, frames, folder, place, "annotations.masks")


def _task_name(identity: str, metadata: dict) -> tuple[object, str]:
    """Return the task name and its field; the release has none of its own, but its ids may carry one."""
    if metadata.get("original_type") is not None:
        return metadata["original_type"], "metadata.original_type"
    texts = [metadata["original_id"]] if isinstance(metadata.get("original_id"), str) else []
    found = next((match for match in map(_NAMES.search, [*texts, identity]) if match), None)
    return (found[1] if found else None), "metadata.original_type"


def _mark(entry: object, kind: str, number: int, frames: FrameList, place) -> Region:
    field = f"annotations.{kind}[{number}]"
    given = require(entry, dict, place, field)
    colour = given.get("color") or colour_of(number)
    if colour not in COLOURS:
        raise InputError(place, f"{field}.color", f"is {colour!r}", f"give one of {', '.join(COLOURS)} or null")
    frame = frames.check(given.get("image_index"), f"{field}.image_index")
    if kind == "points":
        return point_region(given.get("coords"), colour, frame, "xy", place, f"{field}.coords")
    return box_region(given.get("coords"), colour, frame, place, f"{field}.coords")


def _pair(pair: dict, frames: FrameList, place) -> list[Region]:
    """Mark the object of one frame, and the candidates of another with colours of their own."""
    field = "annotations.dual_bbox"
    source, target = (frames.find(pair.get(name), f"{field}.{name}") for name in ("source_image", "target_image"))
    boxes = require(pair.get("target_bboxes"), list, place, f"{field}.target_bboxes")
    return [
        box_region(pair.get("source_bbox"), colour_of(0), source, place, f"{field}.source_bbox"),
        *(
            box_region(box, colour_of(number), target, place, f"{field}.target_bboxes[{number}]")
            for number, box in enumerate(boxes)
        ),
    ]


FORMAT = Format("full", "train", read_json_list, convert)
