"""SpaceVista-Bench, `bench_final.json` or `bench_all_clean_corrected.json`: questions with marks as in `full`."""

from collections.abc import Callable
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.importers.base import Asked, Format, read_id
from dataset_builders.importers.full import read_annotations, read_prompt
from dataset_builders.importers.marks import FrameList
from dataset_builders.importers.reading import Reading, read_regression, read_text, split_reply, strip_markers
from dataset_builders.importers.rows import Row, read_json
from dataset_builders.importers.vocabulary import (
    CATEGORIES,
    LENGTHS,
    SPACEVISTA_TASKS,
    known_source,
    our_task,
    terms,
)
from dataset_builders.sources.fields import require


def convert(row: Row, folder: Path) -> Asked:
    """Read a row.

    Raises:
        InputError: naming the field that cannot be used.
    """
    content, place = row.content, row.place
    metadata = require(content.get("metadata"), dict, place, "metadata")
    frames = FrameList(content.get("videos"), place)
    source = known_source(frames.paths[:1])
    scale, stated_by = _scale(metadata, place)
    return Asked(
        original_id=read_id(content, "id", place),
        original_task=str(metadata.get("original_type")),
        task=our_task(metadata.get("original_type"), SPACEVISTA_TASKS, place, "metadata.original_type"),
        source=source or "spacevista-bench",
        scene_id=frames.scene_id,
        readings=(_reading(content, place),),
        scale=scale,
        scale_from=stated_by,
        prompt_type=read_prompt(content, place),
        marks=read_annotations(content.get("annotations"), frames, folder, place),
        license=terms(source or ""),
    )


def _scale(metadata: dict, place) -> tuple[str, str]:
    """Return the scale and the field that states it; the category comes first, as results are listed by it."""
    for name, known in (("category", CATEGORIES), ("scale", LENGTHS)):
        if metadata.get(name) is not None:
            if metadata[name] not in known:
                problem = f"is {metadata[name]!r}"
                raise InputError(place, f"metadata.{name}", problem, f"give one of {', '.join(known)}")
            return known[metadata[name]], f"metadata.{name}"
    raise InputError(place, "metadata.category", "is missing", f"give one of {', '.join(CATEGORIES)}")


def _reading(content: dict, place) -> Reading:
    question = require(content.get("question"), str, place, "question")
    answer = require(content.get("answer"), str, place, "answer")
    kind = content.get("answer_type")
    if kind not in READINGS:
        raise InputError(place, "answer_type", f"is {kind!r}", f"give one of {', '.join(READINGS)}")
    return READINGS[kind](question, answer, place)


def _choice(question: str, answer: str, place) -> Reading:
    """Read a question whose options are part of its text; without any (yes or no), the answer is free form."""
    reading = read_text(question, answer)
    return reading if reading.options else _words(question, answer, place)


def _number(question: str, answer: str, place) -> Reading:
    return read_regression(question, answer, place, "answer")


def _words(question: str, answer: str, place) -> Reading:
    text, rationale = split_reply(answer)
    return Reading(strip_markers(question), (), text, "", "free_form", rationale)


READINGS: dict[str, Callable[[str, str, object], Reading]] = {"mc": _choice, "numerical": _number, "text": _words}
FORMAT = Format("bench", "test", read_json, convert)
