"""VST, Parquet: conversations for SFT, single questions for RL, both with their images.

The images of a row become a scene of their own. Names of tasks are the kinds of data of the VST paper (appendix C,
tables 20–37), in lower case with underscores; where they stand depends on the file, see `_task_name`.
"""

import json
import re
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.importers.base import Asked, Format, read_id, read_turns, source_scale
from dataset_builders.importers.reading import Reading, read_text
from dataset_builders.importers.rows import Row, read_parquet
from dataset_builders.importers.vocabulary import known_source, our_task, terms
from dataset_builders.sources.fields import require

TASKS = {
    "depth": "depth_estimation",
    "depth_estimation": "depth_estimation",
    "relative_depth": "depth_estimation",
    "distance": "relative_distance",
    "relative_distance": "relative_distance",
    "absolute_distance": "absolute_distance",
    "measurement": "object_size",
    "correspondence": "object_matching",
    "object_object": "position_comparison",
    "camera_object": "position_comparison",
    "camera": "view_change_inference",
    "camera_camera": "view_change_inference",
    "camera_motion": "view_change_inference",
    "video_counting": "object_counting",
    "counting": "object_counting",
    "video_spatiotemporal": "appearance_order",
    "appearance_order": "appearance_order",
    "route_planning": "route_planning",
    "room_size": "room_size",
}
# Kinds of VST data that are none of the 19 tasks.
OTHERS = {
    "object_detection_3d": "predicts boxes in space",
    "3d_object_detection": "predicts boxes in space",
    "3d_object_detection_mi": "predicts boxes in space",
    "3d_grounding": "predicts boxes in space",
    "scene_caption": "describes a whole scene",
    "object_object_video": "mixes distances and directions",
    "math": "is general reasoning",
    "ocr": "is general reasoning",
    "knowledge": "is general reasoning",
    "general": "is general reasoning",
}
UNSPECIFIC = "mm_qa"  # what the published converter writes into `type` whatever the task


def convert(row: Row, folder: Path) -> Asked:
    """Read a row.

    Raises:
        InputError: naming the field that cannot be used.
    """
    content, place = row.content, row.place
    name, task = _task(content, place)
    data_source = require(content.get("data_source"), str, place, "data_source")
    source = known_source([data_source, *(image["path"] or "" for image in row.images[:1])])
    scale, stated_by = source_scale(source)
    identity = read_id(content, "id", place)
    readings = (
        read_turns(content["conversations"], "from", "value", place, "conversations")
        if "conversations" in content
        else (_question(content, place),)
    )
    return Asked(
        original_id=identity,
        original_task=name,
        task=task,
        source=source or data_source,
        scene_id=f"{identity}-{row.index}",
        readings=readings,
        scale=scale,
        scale_from=stated_by,
        license=terms(source or ""),
    )


def _question(content: dict, place) -> Reading:
    """Read a row of RL: the answer to be compared with is `answer_gt`, what leads to it `thought`."""
    question = require(content.get("question"), str, place, "question")
    answer = require(content.get("answer_gt"), str, place, "answer_gt")
    thought = content.get("thought")
    reply = f"<think>{thought}</think><answer>{answer}</answer>" if thought else answer
    return read_text(question, reply)


def _task(content: dict, place) -> tuple[str, str]:
    """Return the published name of the task and ours."""
    name, field = _task_name(content, place)
    key = re.sub(r"[\W_]+", "_", name.lower()).strip("_")
    if key in OTHERS:
        problem = f"is {name!r}, which {OTHERS[key]} and is none of our tasks"
        raise InputError(place, field, problem, "take such rows out of the file first")
    return name, our_task(key if key in TASKS else name, TASKS, place, field)


def _task_name(content: dict, place) -> tuple[str, str]:
    """Find the name: `meta_info.question_type` in RL, `type` in SFT, `data_source` where that is unspecific."""
    info = content.get("meta_info")
    if isinstance(info, str):
        try:
            info = json.loads(info)
        except ValueError:
            raise InputError(place, "meta_info", "is not complete JSON", "give a JSON text") from None
    if isinstance(info, dict) and info.get("question_type"):
        return require(info["question_type"], str, place, "meta_info.question_type"), "meta_info.question_type"
    if "conversations" not in content:
        raise InputError(place, "meta_info.question_type", "is missing", f"give one of {', '.join(TASKS)}")
    field = "data_source" if content.get("type") == UNSPECIFIC else "type"
    return require(content.get(field), str, place, field), field


FORMAT = Format("vst", "train", read_parquet, convert)
