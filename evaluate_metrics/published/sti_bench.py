"""STI-Bench as scored by MINT-SJTU/STI-Bench at 43ddebe, `opensource_test.py`.

A letter is searched in six patterns in turn; where none fits, the last character of the whole text counts. The scorer
fails at an empty text; here an empty text is wrong.
"""

import re
from collections.abc import Mapping, Sequence

from evaluate_metrics.published.means import mean, means_by

_PATTERNS = [
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        r"\(([A-E])\)",
        r"Ans\s*=\s*['\"]?([A-E])['\"]?",
        r"Answer\s*[:=]\s*([A-E])",
        r"Option\s+([A-E])",
        r"\b([A-E])\s*(?:is|was)\s*correct",
        r"\b([A-E])[\.\)]\s*$",
    )
]


def own(predictions: Sequence[str], references: Sequence[Mapping]) -> dict:
    """Return `overall`, `by_task` and `by_scene` in [0, 1]; the scene is told from the name of the video."""
    values = [
        float(_letter(prediction) == row["answer"]) for prediction, row in zip(predictions, references, strict=True)
    ]
    return {
        "overall": mean(values),
        "by_task": means_by([row["task"] for row in references], values),
        "by_scene": means_by([scene_type(row["scene_id"]) for row in references], values),
    }


def scene_type(video: str) -> str:
    """Tell the kind of scene from the name of its video file.

    >>> [scene_type(name) for name in ("camera_7.mp4", "scene0011_00.mp4", "000012.mp4", "x.mp4")]
    ['outdoor', 'indoor', 'desktop', 'unknown']
    """
    stem = video.split(".")[0]
    if "camera" in video:
        return "outdoor"
    if video.startswith("scene"):
        return "indoor"
    return "desktop" if stem.isdigit() and len(stem) == 6 else "unknown"


def _letter(text: str) -> str | None:
    for pattern in _PATTERNS:
        match = pattern.search(text)
        if match:
            return match[1].upper()
    last = text.strip()[-1:]
    return last if last in tuple("ABCDE") else None
