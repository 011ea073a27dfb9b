"""What all formats share: from a published row to rows of ours, and back."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dataset_builders.errors import InputError
from dataset_builders.importers.marks import Marks
from dataset_builders.importers.reading import Reading, read_text
from dataset_builders.importers.rows import Row
from dataset_builders.importers.vocabulary import SOURCES, UNKNOWN_TERMS
from dataset_builders.question import Region
from dataset_builders.record import ENGINE_VERSION
from dataset_builders.sources.fields import require
from dataset_builders.taxonomy import SCALE_NAMES

_EMPTY = asdict(Region(0, "", ""))
ROLES = {"human": "user", "gpt": "assistant"}


@dataclass(frozen=True)
class Asked:
    """What a published row asks.

    Attributes:
        original_id: As published.
        original_task: Name of the task, as published.
        task: One of `TASK_NAMES`.
        source: Where the scene comes from, in lower case.
        scene_id: Of its scene.
        readings: Its texts, one for each turn of a conversation.
        scale: One of `SCALE_NAMES`; None where the row states none.
        scale_from: What states the scale.
        prompt_type: One of `PROMPT_TYPES`.
        marks: On frames.
        license: Terms of use of the scene.
    """

    original_id: Any
    original_task: str
    task: str
    source: str
    scene_id: str
    readings: tuple[Reading, ...]
    scale: str | None
    scale_from: str
    prompt_type: str = "text"
    marks: Marks = field(default_factory=Marks)
    license: str = UNKNOWN_TERMS


@dataclass(frozen=True)
class Format:
    """A published format.

    Attributes:
        name: What the command calls it.
        split: What its rows are meant for, `train` or `test`.
        read: File → rows.
        convert: Row and the folder of the file → what the row asks.
    """

    name: str
    split: str
    read: Callable[[Path], Iterator[Row]]
    convert: Callable[[Row, Path], Asked]


def source_scale(source: str | None) -> tuple[str | None, str]:
    """Return the scale that a source is known for and what states it; `(None, "")` for a source that is not known.

    >>> source_scale("uco3d"), source_scale("elsewhere")
    (('tiny_tabletop', 'source uco3d'), (None, ''))
    """
    return (SOURCES[source][0], f"source {source}") if source in SOURCES else (None, "")


def read_id(content: dict, name: str, place) -> str | int:
    """Return the original id, a text or a whole number.

    Raises:
        InputError: if it is neither.
    """
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        problem = "is missing" if value is None else f"is a {type(value).__name__}"
        raise InputError(place, name, problem, "give a text or a whole number")
    return value


def read_turns(messages: object, role: str, text: str, place, field: str) -> tuple[Reading, ...]:
    """Read a conversation: one question per turn of user and assistant; a system prompt is passed over.

    Args:
        messages: List of objects.
        role: Key of who speaks; `human` and `gpt` are other names of `user` and `assistant`.
        text: Key of what is said.
        place: Row, for errors.
        field: Name, for errors.

    Raises:
        InputError: if they do not speak in turn.
    """
    spoken = []
    for number, message in enumerate(require(messages, list, place, field)):
        name = f"{field}[{number}]"
        speaker = require(require(message, dict, place, name).get(role), str, place, f"{name}.{role}")
        spoken.append((ROLES.get(speaker, speaker), require(message.get(text), str, place, f"{name}.{text}")))
    if spoken and spoken[0][0] == "system":
        spoken = spoken[1:]
    speakers = [speaker for speaker, _ in spoken]
    if not spoken or speakers != ["user", "assistant"] * (len(spoken) // 2):
        problem = f"are spoken by {', '.join(speakers) or 'nobody'}"
        raise InputError(place, field, problem, "give user and assistant in turn")
    pairs = zip(spoken[::2], spoken[1::2], strict=True)
    return tuple(read_text(question, answer) for (_, question), (_, answer) in pairs)


def to_record(asked: Asked, row: Row, format_name: str, scale: str | None = None) -> dict:
    """Make a row of the dataset.

    Args:
        asked: What the published row asks.
        row: The published row; its text is kept in the provenance.
        format_name: Name of its format.
        scale: For rows that state none.

    Raises:
        InputError: if a text is empty, or no scale is stated.
    """
    for reading in asked.readings:
        _check_texts(reading, row)
    if (asked.scale or scale) is None:
        problem = f"is not stated (source {asked.source or 'unknown'})"
        raise InputError(row.place, "scale", problem, f"name it with --scale: {', '.join(SCALE_NAMES)}")
    provenance = {
        "rule": f"import.{format_name}",
        "original_id": asked.original_id,
        "original_task": asked.original_task,
        "scale_from": asked.scale_from if asked.scale else "--scale",
        "masks": list(asked.marks.references),
        "row": row.index,
        "engine": ENGINE_VERSION,
        "original": row.text,
    }
    # The published text is kept once, with the row.
    first, *rest = (
        _turn_row(reading, asked.task, {"rule": provenance["rule"], "turn": place} if place else provenance)
        for place, reading in enumerate(asked.readings)
    )
    return {
        "id": _digest([format_name, row.index, 0, row.text]),
        "scene_id": asked.scene_id,
        "source": asked.source,
        "license": asked.license,
        "scale": asked.scale or scale,
        "prompt_type": asked.prompt_type,
        **first,
        "regions": [_region_row(region) for region in asked.marks.regions],
        "video": asked.scene_id if row.images else None,
        "key_frames": sorted({region.frame_index for region in asked.marks.regions}),
        "turns": rest,
    }


def _check_texts(reading: Reading, row: Row) -> None:
    for name in ("question", "answer"):
        if not getattr(reading, name):
            raise InputError(row.place, name, "is empty", "give a text")
    try:
        " ".join([reading.question, reading.answer, reading.rationale, *reading.options]).encode()
    except UnicodeEncodeError:
        raise InputError(row.place, "row", "holds half a character (a lone surrogate)", "mend its text") from None


def _turn_row(reading: Reading, task: str, provenance: dict) -> dict:
    return {
        "task": task,
        "answer_type": reading.answer_type,
        "question": reading.question,
        "options": list(reading.options),
        "answer": reading.answer,
        "unit": reading.unit,
        "anchors": {"semantics": [], "scale_value": None, "scale_unit": None},
        "rationale": reading.rationale,
        "provenance": json.dumps(provenance, ensure_ascii=False),
    }


def to_scene(record: dict, row: Row) -> dict | None:
    """Make the row of the `scenes` config that holds the images of a published row, None if it has none."""
    if not row.images:
        return None
    kept = {name: record[name] for name in ("scene_id", "source", "license", "scale")}
    rest = {"room_size": None, "intrinsics": [], "camera_to_world": [], "objects": []}
    return kept | {"frames": list(row.images)} | rest


def export(records: Iterable[dict], scenes: Iterable[dict] = ()) -> list[dict]:
    """Give back the published rows that records were made from, in the order of their file.

    Args:
        records: Rows of an imported dataset.
        scenes: Rows of its `scenes` config, whose frames are the images of published rows.

    Returns:
        The same objects as in the file, keys in the same order.
    """
    images = {scene["scene_id"]: [dict(frame) for frame in scene["frames"]] for scene in scenes}
    rows = {}
    for record in records:
        provenance = json.loads(record["provenance"])
        rows[provenance["row"]] = (provenance["original"], record["video"])
    exported = []
    for _, (text, video) in sorted(rows.items()):
        content = json.loads(text)
        exported.append(content if video is None else content | {"images": images[video]})
    return exported


def _region_row(region: Region) -> dict:
    listed = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(region).items()
        if name in ("point", "bbox")
    }
    return _EMPTY | {
        "frame_index": region.frame_index,
        "kind": region.kind,
        "colour": region.colour,
        "mask": region.mask,
        **listed,
    }


def _digest(parts: list) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
