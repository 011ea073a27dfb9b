"""SPAR-Bench as scored by fudan-zvg/spar at 1679885, `lmms-eval/lmms_eval/tasks/sparbench/utils.py`.

Quirks kept: an empty text is right in every choice, because it is contained in the answer; the error of a view change
is relative to the predicted value, not to the true one; and `view_change_infer` counts in no level but in the overall.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from evaluate_metrics.mra import mean_relative_accuracy
from evaluate_metrics.published.means import means_by, sum_in_order
from evaluate_metrics.published.reading import to_float

_KINDS = ("oc", "oo")
_SEVERAL_VIEWS = tuple(f"{what}_prediction_{kind}_mv" for what in ("depth", "distance") for kind in _KINDS)
LOW = (*(f"{what}_prediction_{kind}" for what in ("depth", "distance") for kind in _KINDS), *_SEVERAL_VIEWS)
"""Tasks that ask for metres."""
VIEW_CHANGE = "view_change_infer"
MIDDLE = (VIEW_CHANGE, "position_matching", "camera_motion_infer")
HIGH = (
    "obj_spatial_relation_oo",
    "obj_spatial_relation_oc_mv",
    "obj_spatial_relation_oo_mv",
    "spatial_imagination_oc",
    "spatial_imagination_oo",
    "spatial_imagination_oc_mv",
    "spatial_imagination_oo_mv",
    "distance_infer_center_oo",
    "distance_infer_center_oo_mv",
)
MOTIONS = (
    ("move_right", "move_left"),
    ("move_up", "move_down"),
    ("move_forward", "move_backward"),
    ("rotate_right", "rotate_left"),
    ("rotate_up", "rotate_down"),
)
"""The five numbers of a view change, each the first name less the second."""
_DIGITS = re.compile(r"(?<!\^)\d+\.\d+|(?<!\^)\d+")


def own(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return a figure per task, their mean `overall`, and the levels `Low`, `Middle`, `High`, in [0, 1]."""
    values = [_score(prediction, row) for prediction, row in zip(predictions, references, strict=True)]
    means = means_by([row["task"] for row in references], values)
    levels = {"Low": LOW, "Middle": MIDDLE[1:], "High": HIGH}
    figures = {_key(task): figure for task, figure in means.items()}
    figures["overall"] = sum_in_order(means.values()) / len(means)
    for level, tasks in levels.items():
        held = [figure for task, figure in means.items() if task in tasks]
        figures[level] = float(np.mean(held)) if held else float("nan")
    return figures


def motions(text: str) -> list[float]:
    """Read "move_right:0.5,rotate_up:10" as the five numbers of `MOTIONS`.

    Raises:
        ValueError: if the text is not of that form.

    >>> motions("move_left:0.5,rotate_up:10")
    [-0.5, 0, 0, 0, 10.0]
    """
    named = {}
    for item in text.split(","):
        name, value = item.split(":")
        named[name] = float(value)
    return [named.get(one, 0) - named.get(other, 0) for one, other in MOTIONS]


def _key(task: str) -> str:
    if task == VIEW_CHANGE:
        return f"{task}_vci_metric"
    return f"{task}_MRA:.5:.95:.05" if task in LOW else f"{task}_accuracy"


def _score(prediction: str, row: Mapping) -> float:
    if row["task"] == VIEW_CHANGE:
        return _view_change(prediction, row["answer"])
    if row["task"] not in LOW:
        guess, truth = prediction.lower(), row["answer"].lower()
        return float(guess in truth or guess[0] == truth)
    numbers = _DIGITS.findall(prediction) or (["-1"] if row["task"] in _SEVERAL_VIEWS else [])
    if not numbers:
        return 0.0
    guess = to_float(numbers[-1] if row["task"] in _SEVERAL_VIEWS else numbers[0])
    truth = to_float(row["answer"])
    return 0.0 if truth is None else mean_relative_accuracy(guess, truth, "official")


def _view_change(prediction: str, answer: str) -> float:
    try:
        pairs = list(zip(motions(prediction), motions(answer), strict=True))
    except ValueError:
        return 0.0
    return float(np.mean([mean_relative_accuracy(truth, guess, "official") for guess, truth in pairs]))
