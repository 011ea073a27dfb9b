"""MMSI-Bench as scored by OpenRobotLab/MMSI-Bench at 4e28bff, `vlmeval/dataset/mmsi_bench.py`, without a judge."""

import re
from collections.abc import Mapping, Sequence

_QUOTED = (re.compile(r"``([^`]*)``"), re.compile(r"`([^`]*)`"))
# A capital that a word follows is taken for an article.
_LETTER = re.compile(r"\b[A-D]\b(?!\s[a-zA-Z])")


def own(predictions: Sequence[str], references: Sequence[Mapping]) -> dict:
    """Return `overall`, the mean over questions, and `categories` in [0, 1]."""
    hits = [
        _letter(prediction) == row["answer"].lower().strip()
        for prediction, row in zip(predictions, references, strict=True)
    ]
    tasks = [row["task"] for row in references]
    return {
        "overall": sum(hits) / len(hits),
        "categories": {task: _share(hits, tasks, task) for task in dict.fromkeys(tasks)},
    }


def _share(hits: list[bool], tasks: list[str], task: str) -> float:
    return sum(hit for hit, one in zip(hits, tasks, strict=True) if one == task) / tasks.count(task)


def _letter(text: str) -> str | None:
    """Read what stands in backquotes, else anywhere: the first capital A to D on its own."""
    for pattern in _QUOTED:
        match = pattern.search(text)
        text = match[1] if match else text
    letter = _LETTER.search(text)
    return letter[0].lower() if letter else None
