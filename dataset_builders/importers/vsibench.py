"""VSI-Bench: its official fields, and those of the copy in the layout of Video-R1; all its scenes are indoor."""

import re
from pathlib import Path, PurePosixPath

from dataset_builders.errors import InputError
from dataset_builders.importers.base import Asked, Format, read_id
from dataset_builders.importers.marks import optional
from dataset_builders.importers.reading import Reading, read_choice, read_regression
from dataset_builders.importers.rows import Row, read_json
from dataset_builders.importers.vocabulary import our_task, terms
from dataset_builders.sources.fields import require

TASKS = {
    "object_counting": "object_counting",
    "object_size_estimation": "object_size",
    "room_size_estimation": "room_size",
    "object_abs_distance": "absolute_distance",
    "object_rel_distance": "relative_distance",
    "object_rel_direction_easy": "position_comparison",
    "object_rel_direction_medium": "position_comparison",
    "object_rel_direction_hard": "position_comparison",
    "obj_appearance_order": "appearance_order",
    "route_planning": "route_planning",
}


def convert(row: Row, folder: Path) -> Asked:
    """Read a row.

    Raises:
        InputError: naming the field that cannot be used.
    """
    content, place = row.content, row.place
    copied = "problem_id" in content
    key, kind, text = (
        ("problem_id", "original_question_type", "problem") if copied else ("id", "question_type", "question")
    )
    source, scene_id = _copied_scene(content, place) if copied else _official_scene(content, place)
    answer, field = _solution(content, place) if copied else _ground_truth(content, place)
    question = require(content.get(text), str, place, text)
    options = optional(content.get("options"), list, place, "options") or []
    return Asked(
        original_id=read_id(content, key, place),
        original_task=str(content.get(kind)),
        task=our_task(content.get(kind), TASKS, place, kind),
        source=source,
        scene_id=scene_id,
        readings=(_reading(question, options, answer, place, field),),
        scale="indoor",
        scale_from="format",
        license=terms(source),
    )


def _official_scene(content: dict, place) -> tuple[str, str]:
    return tuple(require(content.get(name), str, place, name) for name in ("dataset", "scene_name"))


def _copied_scene(content: dict, place) -> tuple[str, str]:
    path = PurePosixPath(require(content.get("path"), str, place, "path"))
    if len(path.parts) < 2:
        raise InputError(place, "path", f"is {str(path)!r}", "give ./<dataset>/<scene>.mp4")
    return path.parent.name, path.stem


def _ground_truth(content: dict, place) -> tuple[str, str]:
    return require(content.get("ground_truth"), str, place, "ground_truth"), "ground_truth"


def _solution(content: dict, place) -> tuple[str, str]:
    text = require(content.get("solution"), str, place, "solution")
    if re.fullmatch(r"<answer>[^<]+</answer>", text.strip()) is None:
        raise InputError(place, "solution", f"is {text!r}", "give <answer>…</answer>")
    return text, "solution"


def _reading(question: str, options: list, answer: str, place, field: str) -> Reading:
    if not options:
        return read_regression(question, answer, place, field)
    return read_choice(question, [require(text, str, place, "options") for text in options], answer, place, field)


FORMAT = Format("vsibench", "test", read_json, convert)
