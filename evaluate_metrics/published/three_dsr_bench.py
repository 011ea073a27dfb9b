"""3DSRBench as scored by lmms-eval 0.7.3, `lmms_eval/tasks/3dsrbench/utils.py`.

An id is eight characters, then "-flip" for the mirrored image, then "-1" and so on for shifted options.
"""

import re
from collections.abc import Callable, Mapping, Sequence

CATEGORIES = {
    "height_higher": "height",
    "location_above": "location",
    "location_closer_to_camera": "location",
    "location_next_to": "location",
    "orientation_in_front_of": "orientation",
    "orientation_on_the_left": "orientation",
    "orientation_viewpoint": "orientation",
    "multi_object_closer_to": "multi_object",
    "multi_object_facing": "multi_object",
    "multi_object_viewpoint_towards_object": "multi_object",
    "multi_object_parallel": "multi_object",
    "multi_object_same_direction": "multi_object",
}
"""Task → its category."""
_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        r"^([A-D])[\.\s\)]",
        r"^([A-D])$",
        r"[Aa]nswer[:\s]+([A-D])",
        r"[Tt]he answer is[:\s]+([A-D])",
        r"\(([A-D])\)",
        r"([A-D])\.",
        r"\b([A-D])\b",
    )
]


def without_shift(question: str) -> str:
    """Return what the shifts of one question share: its id, mirrored or not.

    >>> [without_shift(name) for name in ("VIN6MS3J-1", "VIN6MS3J-flip", "VIN6MS3J-flip-2")]
    ['VIN6MS3J', 'VIN6MS3J-flip', 'VIN6MS3J-flip']
    """
    return question[:13] if "-flip" in question else question[:8]


def without_flip(question: str) -> str:
    """Return what a question and its mirror image share: its id and shift."""
    return question.replace("-flip", "")


def without_variant(question: str) -> str:
    """Return what all variants of a question share."""
    return question[:8]


def lmms(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return the accuracies in [0, 1]: of questions, of groups that are right as a whole, of categories."""
    ids = [row["id"] for row in references]
    hits = [_letter(prediction) == row["answer"] for prediction, row in zip(predictions, references, strict=True)]
    accuracies = {
        "vanilla_accuracy": sum(hits) / len(hits),
        "flip_accuracy": _whole(ids, hits, without_flip),
        "circular_accuracy": _whole(ids, hits, without_shift),
        "flip_circular_accuracy": _whole(ids, hits, without_variant),
    }
    for category in dict.fromkeys(CATEGORIES.values()):
        held = [hit for hit, row in zip(hits, references, strict=True) if CATEGORIES.get(row["task"]) == category]
        accuracies[f"{category}_accuracy"] = sum(held) / len(held) if held else 0.0
    return accuracies


def _whole(ids: Sequence[str], hits: Sequence[bool], key: Callable[[str], str]) -> float:
    """Return the share of groups of which every question is right."""
    groups: dict[str, bool] = {}
    for question, hit in zip(ids, hits, strict=True):
        groups[key(question)] = groups.get(key(question), True) and hit
    return sum(groups.values()) / len(groups)


def _letter(text: str) -> str | None:
    text = text.strip()
    for pattern in _PATTERNS:
        match = pattern.search(text)
        if match:
            return match[1]
    return None
