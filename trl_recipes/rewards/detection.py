"""The reward of VST for boxes in three dimensions (section 3.3, Eq. 3): how well they overlap, and how many are right.

A box is [x, y, z, x_size, y_size, z_size, pitch, yaw, roll] in the camera frame (x right, y down, z forward): centre
and sizes in metres, angles about the axes X, Y and Z in half turns, so in (-1, 1) (VST, table 23). The paper leaves
open in which order they turn; its code applies X first, then Y, then Z, about fixed axes. A reply is a JSON list of
{"bbox_3d": [...], "label": name}, alone or in a fenced block.
"""

import json
from functools import lru_cache

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from evaluate_metrics.parsing_answer import plain
from trl_recipes.rewards.tags import read_reply, reply_texts

# The overlap above which a matched box is a true positive.
TRUE_POSITIVE = 0.25

# A list of more boxes than this many per object is a search, not a detection; it also bounds the time.
MOST_PER_OBJECT = 2

# Characters; about as many as a hundred boxes take.
MAX_LIST = 10_000

# Metres, and half turns; a number beyond it is no measure of anything seen, and would overflow.
_LARGEST = 1e6


def detection_reward(completions, answer, alpha: float = 0.5, **_) -> list[float | None]:
    """Score the boxes of each reply by `detection_score`; None where the right answer is not a list of boxes.

    >>> boxes = '[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0], "label": "cup"}]'
    >>> detection_reward([f"<answer>{boxes}</answer>", "<answer>B</answer>"], [boxes, "B"])
    [1.0, None]
    """
    rows = zip(reply_texts(completions), answer, strict=True)
    return [
        detection_score(read_reply(text).parts.get("answer", ""), right, alpha) if are_boxes(right) else None
        for text, right in rows
    ]


def are_boxes(answer: str) -> bool:
    """Tell whether a right answer is a list of boxes."""
    return answer.lstrip().startswith("[") and _objects(answer) is not None


def detection_score(text: str, answer: str, alpha: float = 0.5) -> float:
    """Return α · mean IoU of the matched boxes + (1 - α) · F1.

    Boxes are matched to objects of the same label, one to one, so that the sum of their exact overlaps is largest.
    The mean is over the pairs that overlap at all; those that overlap by more than `TRUE_POSITIVE` are true positives.

    Args:
        text: The boxes of a reply.
        answer: The right boxes.
        alpha: The weight of the overlap (VST: 0.5).

    Returns:
        In [0, 1]; 0 where the reply is not such a list, 1 for none where there are none.
    """
    named, right = read_boxes(text), _objects(answer)
    if named is None:
        return 0.0
    (labels, boxes), (objects, true) = named, right
    if not labels or not objects:
        return float(len(labels) == len(objects))
    if len(labels) > MOST_PER_OBJECT * len(objects):
        return 0.0
    ious = pairwise_iou(boxes, true) * (np.array(labels)[:, None] == np.array(objects)[None])
    matched = ious[linear_sum_assignment(ious, maximize=True)]
    overlapping = matched[matched > 0]
    mean = float(overlapping.mean()) if len(overlapping) else 0.0
    f1 = 2 * int((matched > TRUE_POSITIVE).sum()) / (len(labels) + len(objects))
    return alpha * mean + (1 - alpha) * f1


def read_boxes(text: str) -> tuple[list[str], Boxes] | None:
    """Read a list of boxes; None if it is none.

    Returns:
        The labels in lower case, and the boxes; those that cannot be (no volume, not finite) stay in, and match
        nothing.
    """
    if len(text) > MAX_LIST:
        return None
    _, opening, fenced = text.partition("```")
    try:
        rows = json.loads(fenced.rpartition("```")[0].removeprefix("json") if opening else text)
        labels = [plain(str(row["label"])) for row in rows]
        numbers = np.array([row["bbox_3d"] for row in rows], dtype=float).reshape(-1, 9)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    if len(numbers) != len(labels):
        return None
    numbers[~(np.abs(numbers) <= _LARGEST)] = np.nan
    turned = np.isfinite(numbers[:, 6:]).all(axis=1)
    # A rotation's columns are the axes that it turns X, Y and Z into; `Boxes` holds axes as rows.
    axes = np.full((len(numbers), 3, 3), np.nan)
    axes[turned] = Rotation.from_euler("xyz", numbers[turned, 6:] * np.pi).as_matrix().transpose(0, 2, 1)
    return labels, Boxes(numbers[:, :3], numbers[:, 3:6], axes)


@lru_cache(maxsize=256)  # all replies of a group are compared with the same objects
def _objects(answer: str) -> tuple[list[str], Boxes] | None:
    return read_boxes(answer)
