"""Free text → the boxes that it names; text that names none, or not clearly, → None.

A box is [x, y, z, x_size, y_size, z_size, pitch, yaw, roll] in the camera frame (x right, y down, z forward): centre
and sizes in metres, angles about the axes X, Y and Z in half turns, so in (-1, 1) (VST, table 23). The paper leaves
open in which order they turn; its code applies X first, then Y, then Z, about fixed axes. An answer is a JSON list of
{"bbox_3d": [...], "label": name}.

`read_boxes` takes that and nothing else; `parse_boxes` reads as a person would.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from evaluate_metrics.parsing_answer import extract_answer, plain

TRUE_POSITIVE = 0.25
"""The overlap above which a matched box is a true positive (VST, section 3.3)."""

DECIMALS = 4
"""Of the numbers of a right answer: a tenth of a millimetre, a fiftieth of a degree."""

# Metres, and half turns; a number beyond it is no measure of anything seen, and would overflow.
_LARGEST = 1e6
# Objects of an answer hold no others; neither pattern can look at a character twice.
_OBJECT = re.compile(r"\{[^{}]*\}")
_BETWEEN = re.compile(r"[\s,]*")
_EMPTY = re.compile(r"\[\s*\]")
_TRAILING = re.compile(r",\s*(?=[}\]])")


class Detections(NamedTuple):
    """Boxes with their names.

    Attributes:
        labels: N, in lower case.
        boxes: N; those that cannot be (no volume, not finite) stay in, and match nothing.
    """

    labels: list[str]
    boxes: Boxes


def read_boxes(text: str) -> Detections | None:
    """Read a list of boxes, alone or in a fenced block; None if the text is none.

    >>> read_boxes('[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0], "label": "Cup"}]').labels
    ['cup']
    """
    _, opening, fenced = text.partition("```")
    try:
        rows = json.loads(fenced.rpartition("```")[0].removeprefix("json") if opening else text)
        labels = [plain(str(row["label"])) for row in rows]
        numbers = np.array([row["bbox_3d"] for row in rows], dtype=float).reshape(-1, 9)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return Detections(labels, to_boxes(numbers)) if len(numbers) == len(labels) else None


def parse_boxes(text: str) -> Detections | None:
    """Read the boxes of a reply; None where it names none, or two lists that differ.

    Prose and fences around the list do not matter, nor do single quotes, trailing commas, and a list that is cut off:
    its whole boxes count, and the last one if nothing but brackets is missing. A box of other than nine finite numbers
    finds nothing, but counts as found. Time is linear in the length of the text.

    >>> parse_boxes('I see one: [{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0], "label": "cup"}, {"bbox_3d": [1, 0').labels
    ['cup']
    """
    claim = extract_answer(text)
    whole = read_boxes(claim) if claim.startswith("[") else None
    if whole is not None:
        return whole
    lists = _lists(claim)
    if not lists:
        nothing = _EMPTY.search(claim) is not None and "bbox_3d" not in claim
        return Detections([], to_boxes(np.empty((0, 9)))) if nothing else None
    if any(other != lists[0] for other in lists):
        return None
    labels, numbers = zip(*lists[0], strict=True)
    return Detections(list(labels), to_boxes(np.array(numbers, dtype=float)))


def format_boxes(labels: Sequence[str], boxes: Boxes, decimals: int = DECIMALS) -> str:
    """Write boxes as an answer; what cannot be a box is left out.

    Args:
        labels: N names.
        boxes: N, in the camera frame.
        decimals: Of every number; VST writes 2.
    """
    rows = []
    for place in np.flatnonzero(boxes.valid()):
        # Rows of a rotation of `Boxes` are the axes; scipy's columns are.
        turn = Rotation.from_matrix(boxes.rotations[place].T)
        angles = turn.as_euler("xyz", suppress_warnings=True) / np.pi
        numbers = (*boxes.centers[place], *boxes.sizes[place], *angles)
        row = [round(float(number), decimals) + 0.0 for number in numbers]
        rows.append({"bbox_3d": row, "label": labels[place]})
    return json.dumps(rows, ensure_ascii=False)


def are_boxes(answer: str) -> bool:
    """Tell whether a right answer is a list of boxes."""
    return answer.lstrip().startswith("[") and read_boxes(answer) is not None


def matched_overlaps(found: Detections, right: Detections) -> np.ndarray:
    """Match boxes to objects of the same label, one to one, so that the sum of their exact overlaps is largest.

    Returns:
        (min(N, M),) overlaps of the pairs, 0 for those that only share a place in the matching.
    """
    same = np.array(found.labels)[:, None] == np.array(right.labels)[None]
    ious = pairwise_iou(found.boxes, right.boxes) * same
    return ious[linear_sum_assignment(ious, maximize=True)]


def f1(found: Detections, right: Detections) -> float:
    """Return the F1 score of boxes at an overlap above `TRUE_POSITIVE`, in [0, 1]; 1 for none where there are none."""
    if not found.labels or not right.labels:
        return float(len(found.labels) == len(right.labels))
    true_positives = int((matched_overlaps(found, right) > TRUE_POSITIVE).sum())
    return 2 * true_positives / (len(found.labels) + len(right.labels))


def to_boxes(numbers: np.ndarray) -> Boxes:
    """Turn the numbers of boxes, (N, 9), into boxes in the camera frame; what cannot be a measure becomes NaN."""
    numbers = np.where(np.abs(numbers) <= _LARGEST, numbers, np.nan)
    turned = np.isfinite(numbers[:, 6:]).all(axis=1)
    # A rotation's columns are the axes that it turns X, Y and Z into; `Boxes` holds axes as rows.
    axes = np.full((len(numbers), 3, 3), np.nan)
    if turned.any():
        axes[turned] = Rotation.from_euler("xyz", numbers[turned, 6:] * np.pi).as_matrix().transpose(0, 2, 1)
    return Boxes(numbers[:, :3], numbers[:, 3:6], axes)


_Row = tuple[str, tuple[float, ...]]
_NO_BOX = (np.inf,) * 9  # which equals itself, as NaN does not


def _lists(claim: str) -> list[list[_Row]]:
    """Find the lists of boxes in a text, in order; boxes outside any bracket make one list."""
    lists: list[list[_Row]] = []
    loose: list[_Row] = []
    end, current = 0, loose
    for start, stop, text in _objects(claim):
        if _BETWEEN.fullmatch(claim, end, start) is None or not end:
            current = loose
            if _opens(claim, start):
                current = []
                lists.append(current)
        row = _row(text)
        if row is not None:
            current.append(row)
        end = stop
    return [one for one in (*lists, loose) if one]


def _opens(claim: str, start: int) -> bool:
    """Tell whether a bracket stands before an object."""
    while start and claim[start - 1].isspace():
        start -= 1
    return start > 0 and claim[start - 1] == "["


def _objects(claim: str) -> Iterable[tuple[int, int, str]]:
    """Find the objects of a text: where they start and end, and their text; the last may lack its end."""
    end = 0
    for match in _OBJECT.finditer(claim):
        end = match.end()
        yield match.start(), end, match[0]
    start = claim.rfind("{", end)
    if start >= 0:
        tail = claim[start:].rstrip("`, \t\r\n")
        yield start, len(claim), tail + "}"


def _row(text: str) -> _Row | None:
    """Read one object; None if it is no box with a name."""
    if "bbox_3d" not in text or "label" not in text:
        return None
    quoted = text if '"' in text else text.replace("'", '"')
    try:
        content = json.loads(_TRAILING.sub("", quoted), parse_int=float)
    except (ValueError, RecursionError):
        return None
    label, numbers = content.get("label"), content.get("bbox_3d")
    if not isinstance(label, str) or not isinstance(numbers, list):
        return None
    right = len(numbers) == 9 and all(isinstance(number, float) and np.isfinite(number) for number in numbers)
    return plain(label), tuple(numbers) if right else _NO_BOX
