"""The published questions of VSI-Bench: read them, and answer them by the functions that decide our own questions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dataset_builders.errors import InputError
from dataset_builders.record import LETTERS
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.sources.fields import read_json, require
from dataset_builders.tasks.counting import count_instances
from dataset_builders.tasks.distance import category_distances, closest_category, surface_distances
from dataset_builders.tasks.position import SECTORS, relative_direction
from dataset_builders.tasks.size import longest_side
from dataset_builders.taxonomy import METRES


class Unanswerable(Exception):
    """The scene does not hold what a question is about; the message is the reason."""


class PublishedRow(NamedTuple):
    """One published question.

    Attributes:
        row_id: `problem_id`.
        kind: `original_question_type`.
        scene_id: Name of the video.
        text: The question.
        options: Texts of the options in the order of their letters; empty where the answer is a number.
        answer: The text of the right option, or a number.
    """

    row_id: int
    kind: str
    scene_id: str
    text: str
    options: tuple[str, ...]
    answer: str | float


@dataclass(frozen=True)
class Kind:
    """How to answer one type of published question.

    Attributes:
        pattern: Finds the names in the question; its groups are given to `answer`.
        answer: Decides from the scene, raising `Unanswerable`.
        compare: `choice`, `count` or `measure`.
    """

    pattern: re.Pattern
    answer: Callable[..., str | float]
    compare: str


def read_questions(path: Path) -> list[PublishedRow]:
    """Read the published questions.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    return [_row(raw, f"{path} row {index}") for index, raw in enumerate(read_json(path, path, list))]


def answer(row: PublishedRow, scene: Scene) -> str | float:
    """Answer a published question: the text of an option, a count, or a measure in the published unit.

    Raises:
        Unanswerable: if the scene does not hold what is asked, with the reason.
    """
    if row.kind not in KINDS:
        raise Unanswerable(NOT_FROM_BOXES.get(row.kind, "no rule of ours answers this type"))
    names = KINDS[row.kind].pattern.search(row.text)
    if names is None:
        raise Unanswerable("the question is not worded as published")
    return KINDS[row.kind].answer(scene, *names.groups())


def _row(raw: object, place: str) -> PublishedRow:
    require(raw, dict, place, "row")
    solution = re.fullmatch(r"<answer>(.+)</answer>", require(raw.get("solution"), str, place, "solution").strip())
    if solution is None:
        raise InputError(place, "solution", f"is {raw['solution']!r}", "give <answer>…</answer>")
    options = tuple(_option(text, place) for text in require(raw.get("options") or [], list, place, "options"))
    return PublishedRow(
        row_id=require(raw.get("problem_id"), int, place, "problem_id"),
        kind=require(raw.get("original_question_type"), str, place, "original_question_type"),
        scene_id=Path(require(raw.get("path"), str, place, "path")).stem,
        text=require(raw.get("problem"), str, place, "problem"),
        options=options,
        answer=_published_answer(solution[1], options, place),
    )


def _option(text: object, place: str) -> str:
    """Return the text of an option without its letter."""
    match = re.fullmatch(r"[A-Z]\. (.+)", require(text, str, place, "options"))
    if match is None:
        raise InputError(place, "options", f"has {text!r}", "give a letter, a dot, a blank and the text")
    return match[1]


def _published_answer(text: str, options: tuple[str, ...], place: str) -> str | float:
    if options:
        if text not in LETTERS[: len(options)]:
            raise InputError(place, "solution", f"is {text!r}", f"give one of the {len(options)} letters")
        return options[LETTERS.index(text)]
    try:
        return float(text)
    except ValueError:
        raise InputError(place, "solution", f"is {text!r}", "give a number") from None


def _only(scene: Scene, category: str) -> SceneObject:
    group = scene.by_category().get(category, [])
    if len(group) != 1:
        raise Unanswerable(f"the scene has {len(group) or 'no'} boxes of a category that must be the only one")
    return group[0]


def _count(scene: Scene, category: str) -> float:
    count = count_instances(scene, category)
    if count == 0:
        raise Unanswerable("the scene has no object of the category")
    return float(count)


def _size(scene: Scene, category: str) -> float:
    return longest_side(_only(scene, category)) / METRES["cm"]


def _room_size(scene: Scene) -> float:
    if scene.room_size is None:
        raise Unanswerable("the scene has no room size")
    return scene.room_size


def _distance(scene: Scene, first: str, second: str) -> float:
    return float(surface_distances(_only(scene, first), [_only(scene, second)])[0])


def _closest(scene: Scene, candidates: str, primary: str) -> str:
    groups, names = scene.by_category(), candidates.split(", ")
    if not set(names) <= set(groups):
        raise Unanswerable("the scene has no object of a candidate category")
    return closest_category(category_distances(_only(scene, primary), {name: groups[name] for name in names}))


def _direction(level: str) -> Callable[[Scene, str, str, str], str]:
    def decide(scene: Scene, standing: str, facing: str, target: str) -> str:
        return relative_direction(*(_only(scene, name) for name in (standing, facing, target)), level).label

    return decide


STANDING = re.compile(r"standing by the (.+) and facing the (.+), is the (.+?) to (?:my|the) ")
KINDS = {
    "object_counting": Kind(re.compile(r"^How many (.+)\(s\) are in this room\?"), _count, "count"),
    "object_size_estimation": Kind(
        re.compile(r"longest dimension \(.*\) of the (.+), measured in centimeters\?"), _size, "measure"
    ),
    "room_size_estimation": Kind(re.compile(r"size of this room \(in square meters\)\?"), _room_size, "measure"),
    "object_abs_distance": Kind(
        re.compile(r"distance between the (.+) and the (.+) \(in meters\)\?"), _distance, "measure"
    ),
    "object_rel_distance": Kind(
        re.compile(r"which of these objects \((.+)\) is the closest to the (.+)\?"), _closest, "choice"
    ),
    **{f"object_rel_direction_{level}": Kind(STANDING, _direction(level), "choice") for level in SECTORS},
}
NOT_FROM_BOXES = {
    "obj_appearance_order": "needs the frames, which this source lacks",
    "route_planning": "needs the frames and a map of free floor, which this source lacks",
}
