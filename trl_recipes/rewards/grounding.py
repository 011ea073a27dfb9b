"""The grounding reward: do the points and boxes named in the reasoning lie on what the question marks?

Faithful GRPO asks a judge whether reasoning is grounded in the picture. Where the record holds the marked regions, no
judge is needed for its coordinates.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from dataset_builders.masks import decode_mask
from trl_recipes.rewards.tags import read_reply, reply_texts

# Pixels: the side of one visual token of Qwen2.5-VL, within which a point cannot be told from its neighbours.
TOKEN_SIDE = 28

# More shapes than this many per region are a search, not a reference; it also bounds the time.
MOST_PER_REGION = 4

# Characters of reasoning that are read.
MAX_REASONING = 20_000

_NUMBER = r"\s{0,2}(-?[0-9]{1,5}(?:\.[0-9]{1,6})?)\s{0,2}"
_SHAPE = re.compile(rf"[(\[]{_NUMBER},{_NUMBER}(?:,{_NUMBER},{_NUMBER})?[)\]]")


def grounding_reward(completions, regions, **_) -> list[float | None]:
    """Agreement of the coordinates in the reasoning with the regions of the question.

    Points are written (x, y), boxes [x1, y1, x2, y2], in pixels of the frame as the record holds it; the shape of the
    brackets does not matter. Shapes are matched to regions one to one so that the sum of their credits is largest:
    for a point 1 inside a box or mask, and 1 - d / TOKEN_SIDE at d pixels from a point; for a box its IoU with a box,
    or with the box round a mask. The sum over the larger number of the two is the reward.

    Args:
        completions: Replies.
        regions: The `regions` column; rows without points, boxes and masks get None.

    Returns:
        Rewards in [0, 1], or None where nothing is marked.

    >>> cup = {"kind": "bbox", "point": None, "bbox": [10.0, 10.0, 30.0, 30.0], "mask": None}
    >>> replies = ["<think>The cup at (20, 20) is nearer.</think>", "<think>It is in [10, 10, 30, 20].</think>"]
    >>> grounding_reward(replies, [[cup], [cup]])
    [1.0, 0.5]
    """
    rows = zip(reply_texts(completions), map(_marked, regions), strict=True)
    return [_agreement(read_reply(text).parts.get("think", ""), marked) if marked else None for text, marked in rows]


def _marked(regions: Sequence[Mapping] | None) -> list[Mapping]:
    return [region for region in regions or () if region["kind"] in ("point", "bbox", "mask")]


def _agreement(reasoning: str, regions: Sequence[Mapping]) -> float:
    if len(reasoning) > MAX_REASONING:
        return 0.0
    found = _SHAPE.findall(reasoning)
    shapes = list(dict.fromkeys(tuple(float(number) for number in one if number) for one in found))
    if not 0 < len(shapes) <= MOST_PER_REGION * len(regions):
        return 0.0
    credits = np.array([[credit(shape) for shape in shapes] for credit in map(_crediting, regions)])
    return float(credits[linear_sum_assignment(credits, maximize=True)].sum() / max(credits.shape))


def _crediting(region: Mapping):
    """Return the function that credits a shape, (x, y) or (x1, y1, x2, y2), for one region."""
    mask = decode_mask(region["mask"]) if region["kind"] == "mask" else None

    def credit(shape: tuple[float, ...]) -> float:
        if len(shape) == 2:
            return _point_credit(shape, region, mask)
        if mask is not None:
            return _box_iou(shape, _box_round(mask)) if mask.any() else 0.0
        return _box_iou(shape, region["bbox"]) if region["kind"] == "bbox" else 0.0

    return credit


def _point_credit(point: tuple[float, ...], region: Mapping, mask: np.ndarray | None) -> float:
    x, y = point
    if mask is not None:
        row, column = int(np.floor(y)), int(np.floor(x))
        return float(0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and mask[row, column])
    if region["kind"] == "bbox":
        left, top, right, bottom = region["bbox"]
        return float(left <= x <= right and top <= y <= bottom)
    return max(0.0, 1.0 - float(np.hypot(x - region["point"][0], y - region["point"][1])) / TOKEN_SIDE)


def _box_round(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _box_iou(box: Sequence[float], other: Sequence[float]) -> float:
    sides = [max(0.0, min(box[i + 2], other[i + 2]) - max(box[i], other[i])) for i in (0, 1)]
    shared = sides[0] * sides[1]
    union = sum(max(0.0, one[2] - one[0]) * max(0.0, one[3] - one[1]) for one in (box, other)) - shared
    return shared / union if union > 0 else 0.0
