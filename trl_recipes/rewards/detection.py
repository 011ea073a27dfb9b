"""The reward of VST for boxes in three dimensions (section 3.3, Eq. 3): how well they overlap, and how many are right.

A reply is a JSON list of {"bbox_3d": [...], "label": name}, alone or in a fenced block; see
`evaluate_metrics.detection_text` for the numbers. It must be exactly that, so that a policy learns the format.
"""

from functools import lru_cache

from evaluate_metrics.detection_text import TRUE_POSITIVE, Detections, matched_overlaps, read_boxes
from trl_recipes.rewards.tags import read_reply, reply_texts

# A list of more boxes than this many per object is a search, not a detection; it also bounds the time.
MOST_PER_OBJECT = 2

# Characters; about as many as a hundred boxes take.
MAX_LIST = 10_000


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
    found, right = _read(text), _objects(answer)
    if found is None:
        return 0.0
    if not found.labels or not right.labels:
        return float(len(found.labels) == len(right.labels))
    if len(found.labels) > MOST_PER_OBJECT * len(right.labels):
        return 0.0
    matched = matched_overlaps(found, right)
    overlapping = matched[matched > 0]
    mean = float(overlapping.mean()) if len(overlapping) else 0.0
    f1 = 2 * int((matched > TRUE_POSITIVE).sum()) / (len(found.labels) + len(right.labels))
    return alpha * mean + (1 - alpha) * f1


def _read(text: str) -> Detections | None:
    return None if len(text) > MAX_LIST else read_boxes(text)


@lru_cache(maxsize=256)  # all replies of a group are compared with the same objects
def _objects(answer: str) -> Detections | None:
    return _read(answer)
