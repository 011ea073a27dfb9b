"""The older bench, JSON lines: `Question Number`, `Scene Source`, `Frames Path`, `Question`, `Question Type`, ….

It states no scale of its own: that of its `Scene Source` (or of the folder of its frames) counts.
"""

from pathlib import Path, PurePosixPath

from dataset_builders.errors import InputError
from dataset_builders.importers.base import Asked, Format, read_id, source_scale
from dataset_builders.importers.marks import optional
from dataset_builders.importers.reading import Reading, read_choice, read_regression, read_text
from dataset_builders.importers.rows import Row, read_json_lines
from dataset_builders.importers.vocabulary import SPACEVISTA_TASKS, known_source, our_task, terms
from dataset_builders.sources.fields import require

KINDS = ("multiple choice", "regression")


def convert(row: Row, folder: Path) -> Asked:
    """Read a row.

    Raises:
        InputError: naming the field that cannot be used.
    """
    content, place = row.content, row.place
    task = our_task(content.get("TaskType"), SPACEVISTA_TASKS, place, "TaskType")
    scene_source = require(content.get("Scene Source"), str, place, "Scene Source")
    frames = require(content.get("Frames Path"), str, place, "Frames Path")
    source = known_source([scene_source, frames])
    scale, stated_by = source_scale(source)
    return Asked(
        original_id=read_id(content, "Question Number", place),
        original_task=content["TaskType"],
        task=task,
        source=source or scene_source.lower(),
        scene_id=PurePosixPath(frames).name or frames,
        readings=(_reading(content, place),),
        scale=scale,
        scale_from=stated_by,
        license=terms(source or ""),
    )


def _reading(content: dict, place) -> Reading:
    question = require(content.get("Question"), str, place, "Question")
    answer = content.get("Answer")
    if isinstance(answer, bool) or not isinstance(answer, int | float | str):
        problem = "is missing" if answer is None else f"is a {type(answer).__name__}"
        raise InputError(place, "Answer", problem, "give a text or a number")
    kind = content.get("Question Type")
    if kind not in KINDS:
        raise InputError(place, "Question Type", f"is {kind!r}", f"give one of {', '.join(KINDS)}")
    if kind == "regression":
        return read_regression(question, str(answer), place, "Answer")
    options = optional(content.get("options"), list, place, "options") or []
    if options:
        texts = [require(option, str, place, "options") for option in options]
        return read_choice(question, texts, str(answer), place, "Answer")
    reading = read_text(question, str(answer))
    if not reading.options:
        raise InputError(place, "options", "are missing", "list them, here or in Question")
    return reading


FORMAT = Format("older-bench", "test", read_json_lines, convert)
