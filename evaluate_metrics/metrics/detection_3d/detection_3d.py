"""Detection of oriented 3-D boxes: AP at IoU 0.15, 0.25 and 0.50, their mean, and AR@100, with exact overlaps."""

from collections.abc import Mapping, Sequence

import datasets
import evaluate
import numpy as np

from dataset_builders.errors import InputError
from evaluate_metrics.bootstrap import NUM_RESAMPLES, SEED, interval, scene_draws
from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from evaluate_metrics.detection_scores import CONVENTIONS, MAX_DETECTIONS, Matches, scores

_FLOATS = datasets.List(datasets.Value("float64"), length=3)
_BOX = {
    "category": datasets.Value("string"),
    "center": _FLOATS,
    "size": _FLOATS,
    "rotation": datasets.List(_FLOATS, length=3),
}
# Resamples that are scored at a time, which bounds the memory.
_CHUNK = 100


def detection_3d(
    predictions: Sequence[Sequence[Mapping]],
    references: Sequence[Sequence[Mapping]],
    convention: str = "omni3d",
    scene_ids: Sequence[str] | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> dict:
    """Score detections, image by image.

    Args:
        predictions: For each of N images, boxes with `category`, `score`, `center` (3), `size` (3, full lengths) and
            `rotation` (3 x 3, rows are the axes), metres, in any frame that the references share. A box without volume
            or with a rotation that is none finds nothing.
        references: For each image, the same without `score`, and `ignore` true for objects that need not be found.
        convention: "omni3d" or "sunrgbd", see `evaluate_metrics.detection_scores`.
        scene_ids: The scene of each image, the unit of resampling; each image is its own scene by default.
        num_resamples: Of the scenes, for the intervals.

    Returns:
        `AP`, `AP15`, `AP25`, `AP50` and `AR100` in percent, each with its 95 % interval; `images`, `objects`,
        `detections` and `invalid` count what they stand on.

    Raises:
        InputError: if the numbers of images differ, there is no object, or a reference box cannot be one.
        ValueError: for another convention.
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    _check(predictions, references)
    names = sorted({box["category"] for boxes in references for box in boxes if not box["ignore"]})
    rule = CONVENTIONS[convention]
    matches = [_matches(name, predictions, references, rule) for name in names]
    ids = [str(place) for place in range(len(references))] if scene_ids is None else scene_ids
    figures = scores(matches, rule, np.ones((1, len(references))))
    draws = scene_draws(ids, num_resamples, SEED)
    chunks = [scores(matches, rule, draws[start : start + _CHUNK]) for start in range(0, num_resamples, _CHUNK)]
    return {
        **{name: _figure(figure[0], [chunk[name] for chunk in chunks]) for name, figure in figures.items()},
        "images": len(references),
        "objects": sum(not box["ignore"] for boxes in references for box in boxes),
        "detections": sum(map(len, predictions)),
        "invalid": sum(int((~Boxes.of(list(boxes)).valid()).sum()) for boxes in predictions),
    }


def _figure(score: float, resampled: list[np.ndarray]) -> dict:
    bounds = interval(100 * np.concatenate(resampled)) if resampled else ()
    return {"score": round(100 * float(score), 4), "interval": [round(bound, 4) for bound in bounds]}


def _matches(name: str, predictions: Sequence, references: Sequence, rule) -> list[Matches]:
    """Match the detections of a category at every threshold, image by image, and put all of them in one order."""
    images, ranks, found = [], [], [[] for _ in rule.thresholds]
    objects = np.zeros(len(references))
    for image, (boxes, truths) in enumerate(zip(predictions, references, strict=True)):
        boxes = sorted((box for box in boxes if box["category"] == name), key=lambda box: -box["score"])
        boxes, truths = boxes[:MAX_DETECTIONS], [truth for truth in truths if truth["category"] == name]
        ignored = np.array([truth["ignore"] for truth in truths], dtype=bool)
        objects[image] = len(truths) - ignored.sum()
        ious = pairwise_iou(Boxes.of(boxes), Boxes.of(truths))
        images += [image] * len(boxes)
        ranks += [box["score"] for box in boxes]
        for place, threshold in enumerate(rule.thresholds):
            found[place].append(rule.match(ious, ignored, threshold))
    order = np.argsort(-np.array(ranks, dtype=float), kind="stable")
    joined = [[np.concatenate(part)[order] for part in zip(*one, strict=True)] for one in found]
    return [Matches(np.array(images, dtype=int)[order], *one, objects) for one in joined]


def _check(predictions: Sequence, references: Sequence) -> None:
    if len(predictions) != len(references):
        problem = f"are of {len(predictions)} images for {len(references)} images of references"
        raise InputError("predictions", "rows", problem, "give a list, which may be empty, for each image")
    if not any(not box["ignore"] for boxes in references for box in boxes):
        raise InputError("references", "boxes", "are none that count", "give the objects to be found")
    for image, boxes in enumerate(references):
        for place in np.flatnonzero(~Boxes.of(list(boxes)).valid()):
            problem = f"cannot be a box (size {boxes[place]['size']})"
            raise InputError(f"references[{image}]", f"box {place}", problem, "give positive sizes and a rotation")


class Detection3d(evaluate.Metric):
    """`detection_3d` as a metric of the evaluate library."""

    def _info(self) -> evaluate.MetricInfo:
        features = datasets.Features(
            predictions=datasets.List(_BOX | {"score": datasets.Value("float64")}),
            references=datasets.List(_BOX | {"ignore": datasets.Value("bool")}),
        )
        return evaluate.MetricInfo(
            description=__doc__, citation="", inputs_description=detection_3d.__doc__, features=features
        )

    def _compute(self, predictions, references, convention="omni3d", scene_ids=None, num_resamples=NUM_RESAMPLES):
        return detection_3d(predictions, references, convention, scene_ids, num_resamples)
