"""Average precision and recall of detections, by the conventions of Omni3D and of SUN RGB-D.

Both work category by category, best score first, with at most 100 detections per image and category, and average over
the categories that have objects.

omni3d (facebookresearch/omni3d at 778bd02, after COCO): a detection takes the free object that it overlaps most, from
the threshold on; precision is read at 101 recalls. `AP` and `AR100` are means over the thresholds .05, .10, …, .50.
sunrgbd (VoteNet, mmdetection3d at fe25f7a, after PASCAL VOC): a detection claims the object that it overlaps most,
above the threshold, and is false if that is taken; precision is integrated over recall. `AP` and `AR100` are
means over the thresholds .15, .25 and .50.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_DETECTIONS = 100
REPORTED = {"AP15": 0.15, "AP25": 0.25, "AP50": 0.5}
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Matches:
    """The detections of one category, best first, at one threshold.

    Attributes:
        image: (D,) index of the image of each.
        right: (D,) bool.
        counted: (D,) bool; False where it found an object that is to be ignored.
        objects: (I,) how many objects count in each image.
    """

    image: np.ndarray
    right: np.ndarray
    counted: np.ndarray
    objects: np.ndarray

    def curve(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return recall and precision after each detection, (R, D), with image i present times[r, i] times."""
        weight = times[:, self.image]
        right = np.cumsum(weight * (self.right & self.counted), axis=1)
        wrong = np.cumsum(weight * (~self.right & self.counted), axis=1)
        objects = (times @ self.objects)[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = right / objects
        return recall, right / np.maximum(right + wrong, np.finfo(float).eps)


@dataclass(frozen=True)
class Convention:
    """How detections are matched and precision is averaged.

    Attributes:
        thresholds: IoU thresholds over which `AP` and `AR100` are averaged.
        match: (D, G) IoUs, (G,) ignored objects, threshold → (D,) right, (D,) counted; best detection first.
        average: (R, D) recall and precision → (R,) average precision.
    """

    thresholds: np.ndarray
    match: Callable
    average: Callable


def match_free(ious: np.ndarray, ignored: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Give each detection the free object that it overlaps most; ignored objects only where no other is left."""
    right, counted = np.zeros(len(ious), dtype=bool), np.ones(len(ious), dtype=bool)
    taken = np.zeros(ious.shape[1], dtype=bool)
    for place, row in enumerate(ious):
        free = ~taken & (row >= min(threshold, 1 - 1e-10))
        for candidates in (free & ~ignored, free & ignored):
            if candidates.any():
                best = int(np.argmax(np.where(candidates, row, -1)))
                taken[best], right[place], counted[place] = True, True, not ignored[best]
                break
    return right, counted


def match_claimed(ious: np.ndarray, ignored: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Let each detection claim the object that it overlaps most; only the first claim is right."""
    right, counted = np.zeros(len(ious), dtype=bool), np.ones(len(ious), dtype=bool)
    taken = np.zeros(ious.shape[1], dtype=bool)
    for place, row in enumerate(ious):
        best = int(np.argmax(row)) if len(row) else 0
        if len(row) and row[best] > threshold:
            right[place], counted[place] = not taken[best], not ignored[best]
            taken[best] = True
    return right, counted


def at_recalls(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Average the best precision at or beyond each of 101 recalls; (R, D) twice → (R,)."""
    best = _envelope(precision)
    means = np.empty(len(recall))
    for place, (reached, row) in enumerate(zip(recall, best, strict=True)):
        found = np.searchsorted(reached, _RECALLS, side="left")
        means[place] = np.append(row, 0)[np.minimum(found, len(row))].mean()
    return means


def area(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Integrate the best precision at or beyond each recall; (R, D) twice → (R,)."""
    return (np.diff(recall, axis=1, prepend=0) * _envelope(precision)).sum(axis=1)


CONVENTIONS = {
    "omni3d": Convention(np.linspace(0.05, 0.5, 10), match_free, at_recalls),
    "sunrgbd": Convention(np.array(list(REPORTED.values())), match_claimed, area),
}


def scores(matches: list[list[Matches]], convention: Convention, times: np.ndarray) -> dict[str, np.ndarray]:
    """Return `AP`, `AP15`, `AP25`, `AP50` and `AR100`, each (R,) in [0, 1].

    Args:
        matches: Per category, per threshold of the convention.
        convention: One of `CONVENTIONS`.
        times: (R, I) how often each image is present; ones for the score itself, draws for its resamples. A category
            counts in the resamples that hold objects of it.
    """
    precision = np.empty((len(matches), len(convention.thresholds), len(times)))
    recall = np.empty_like(precision)
    for category, row in enumerate(matches):
        for place, one in enumerate(row):
            curve = one.curve(times)
            present = times @ one.objects > 0
            precision[category, place] = np.where(present, convention.average(*curve), np.nan)
            reached = curve[0][:, -1] if len(one.image) else np.zeros(len(times))
            recall[category, place] = np.where(present, reached, np.nan)
    figures = {"AP": _over_categories(precision.mean(axis=1))}
    for name, threshold in REPORTED.items():
        at = int(np.argmin(np.abs(convention.thresholds - threshold)))
        figures[name] = _over_categories(precision[:, at])
    return figures | {"AR100": _over_categories(recall.mean(axis=1))}


def _over_categories(figures: np.ndarray) -> np.ndarray:
    """Average the categories that are present, (K, R) → (R,); NaN where none is."""
    present = ~np.isnan(figures)
    sums = np.where(present, figures, 0).sum(axis=0)
    return np.divide(sums, present.sum(axis=0), out=np.full(len(sums), np.nan), where=present.any(axis=0))


def _envelope(precision: np.ndarray) -> np.ndarray:
    return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
