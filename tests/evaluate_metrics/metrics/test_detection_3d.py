from pathlib import Path

import evaluate
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.spatial.transform import Rotation

from dataset_builders.errors import InputError
from dataset_builders.sources.sunrgbd import SunRgbdSource
from evaluate_metrics import metrics
from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from evaluate_metrics.metrics.detection_3d.detection_3d import detection_3d

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
NAMES = ("AP", "AP15", "AP25", "AP50", "AR100")
BED = {"category": "bed", "center": [0.0, 2, 0], "size": [2.0, 1, 1], "rotation": np.eye(3).tolist(), "ignore": False}


def found(box, score=0.9, **more):
    return {name: value for name, value in box.items() if name != "ignore"} | {"score": score} | more


def moved(box, along_x):
    return box | {"center": [box["center"][0] + along_x, *box["center"][1:]]}


def scene(rng, num_images=8):
    """Draw references, some to be ignored, and detections of them, some displaced, doubled or of nothing."""
    references, predictions = [], []
    for _ in range(num_images):
        truths, boxes = [], []
        for _ in range(rng.integers(0, 7)):
            truths.append(
                {
                    "category": str(rng.choice(["bed", "chair", "lamp"])),
                    "center": (rng.normal(size=3) * 1.5).tolist(),
                    "size": rng.uniform(0.5, 2, 3).tolist(),
                    "rotation": Rotation.random(random_state=rng).as_matrix().tolist(),
                    "ignore": bool(rng.random() < 0.15),
                }
            )
        for truth in truths:
            for _ in range(rng.integers(0, 3)):
                center = (np.array(truth["center"]) + rng.normal(size=3) * rng.choice([0.05, 0.2, 0.5])).tolist()
                boxes.append(found(truth, float(rng.random()), center=center))
        if truths and rng.random() < 0.7:
            boxes.append(found(truths[0], float(rng.random()), center=(rng.normal(size=3) * 5).tolist()))
        references.append(truths)
        predictions.append(boxes)
    return predictions, references


class BoxEval(COCOeval):
    """COCO's own evaluation, of boxes in three dimensions and at the thresholds of Omni3D."""

    def _prepare(self):
        super()._prepare()  # which ignores crowds and nothing else
        for truths in self._gts.values():
            for truth in truths:
                truth["ignore"] = int(truth["box3d"]["ignore"])

    def computeIoU(self, imgId, catId):
        truths, boxes = self._gts[imgId, catId], self._dts[imgId, catId]
        order = np.argsort([-box["score"] for box in boxes], kind="mergesort")
        boxes = [boxes[place] for place in order][: self.params.maxDets[-1]]
        if not truths or not boxes:
            return []
        rows = ([one["box3d"] for one in boxes], [one["box3d"] for one in truths])
        return pairwise_iou(*(Boxes.of(one) for one in rows))


def by_coco(predictions, references):
    categories = sorted({box["category"] for boxes in references for box in boxes})
    flat = {"area": 1, "bbox": [0, 0, 1, 1], "iscrowd": 0}

    def annotations(images):
        rows = [(image, box) for image, boxes in enumerate(images) for box in boxes]
        return [
            flat
            | {"id": place, "image_id": image, "category_id": categories.index(box["category"]), "box3d": box}
            | {"score": box.get("score", 0)}
            for place, (image, box) in enumerate(rows, start=1)
        ]

    sides = []
    for rows in (annotations(references), annotations(predictions)):
        coco = COCO()
        images = [{"id": image} for image in range(len(references))]
        coco.dataset = {
            "images": images,
            "categories": [{"id": i} for i in range(len(categories))],
            "annotations": rows,
        }
        coco.createIndex()
        sides.append(coco)
    evaluation = BoxEval(*sides, iouType="bbox")
    evaluation.params.iouThrs = np.linspace(0.05, 0.5, 10)
    evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
    evaluation.evaluate()
    evaluation.accumulate()
    precision, recall = evaluation.eval["precision"][..., 0, -1], evaluation.eval["recall"][..., 0, -1]
    values = [precision, precision[2], precision[4], precision[9], recall]
    return {name: 100 * value[value > -1].mean() for name, value in zip(NAMES, values, strict=True)}


@pytest.mark.parametrize("seed", range(12))
def test_omni3d_is_what_coco_computes_on_the_same_overlaps(seed, capsys):
    predictions, references = scene(np.random.default_rng(seed))
    result = detection_3d(predictions, references, num_resamples=0)
    expected = by_coco(predictions, references)
    assert {name: result[name]["score"] for name in NAMES} == pytest.approx(expected, abs=1e-3)


def by_voc(predictions, references, threshold):
    """Average precision and recall of VOC, one detection at a time."""
    values = []
    for name in {box["category"] for boxes in references for box in boxes}:
        rows = [(box["score"], image, box) for image, boxes in enumerate(predictions) for box in boxes]
        rows = sorted((row for row in rows if row[2]["category"] == name), key=lambda row: -row[0])
        truths = [[box for box in boxes if box["category"] == name] for boxes in references]
        claimed, hits = set(), []
        for _, image, box in rows:
            overlaps = pairwise_iou(Boxes.of([box]), Boxes.of(truths[image]))[0].tolist()
            best = max(range(len(overlaps)), key=overlaps.__getitem__, default=None)
            hits.append(best is not None and overlaps[best] > threshold and (image, best) not in claimed)
            if hits[-1]:
                claimed.add((image, best))
        total, area = sum(map(len, truths)), 0.0
        precisions = [sum(hits[: place + 1]) / (place + 1) for place in range(len(hits))]
        for place, hit in enumerate(hits):
            area += hit / total * max(precisions[place:])
        values.append((100 * area, 100 * sum(hits) / total))
    return np.mean(values, axis=0)


@pytest.mark.parametrize("seed", range(8))
def test_sunrgbd_is_average_precision_of_voc(seed):
    predictions, references = scene(np.random.default_rng(seed))
    references = [[box | {"ignore": False} for box in boxes] for boxes in references]
    result = detection_3d(predictions, references, "sunrgbd", num_resamples=0)
    expected = [by_voc(predictions, references, threshold) for threshold in (0.15, 0.25, 0.5)]
    scores = [result[name]["score"] for name in NAMES]
    assert scores[1:4] == pytest.approx([ap for ap, _ in expected], abs=1e-3)
    assert scores[0] == pytest.approx(np.mean([ap for ap, _ in expected]), abs=1e-3)
    assert scores[4] == pytest.approx(np.mean([recall for _, recall in expected]), abs=1e-3)


@pytest.mark.parametrize("convention", ["omni3d", "sunrgbd"])
def test_the_objects_of_real_views_fed_back_are_all_found(convention):
    folder = DATA / "sunrgbd_boxes"
    if not folder.is_dir():
        pytest.skip("needs the SUN RGB-D views in ../shared/data/sunrgbd_boxes")
    source = SunRgbdSource(folder)
    references = [
        [
            {
                "category": one.category,
                "center": one.center,
                "size": one.size,
                "rotation": one.rotation,
                "ignore": False,
            }
            for one in source.load(ref).objects
        ]
        for ref in source.refs()
    ]
    assert (len(references), sum(map(len, references))) == (4, 17)
    rng = np.random.default_rng(0)
    predictions = [[found(box, float(rng.random())) for box in boxes] for boxes in references]
    result = detection_3d(predictions, references, convention)
    assert {name: result[name] for name in NAMES} == {name: {"score": 100, "interval": [100, 100]} for name in NAMES}


def test_a_detection_between_two_thresholds():
    # Shifted by d along 2 metres, IoU = (2 - d) / (2 + d): 0.6 m gives .538, 1 m gives .333.
    for shift, scores in ((0.6, (100, 100, 100)), (1.0, (100, 100, 0)), (1.4, (100, 0, 0))):
        result = detection_3d([[found(moved(BED, shift))]], [[BED]], "sunrgbd", num_resamples=0)
        assert tuple(result[name]["score"] for name in ("AP15", "AP25", "AP50")) == scores


def test_the_conventions_differ_where_two_detections_claim_one_object():
    near, far = BED, moved(BED, 1.2)
    # The second box overlaps the taken object more than the free one, which it overlaps enough.
    boxes = [found(near, 0.9), found(moved(BED, 0.5), 0.8)]
    omni, sun = (
        detection_3d([boxes], [[near, far]], name, num_resamples=0)["AR100"]["score"] for name in ("omni3d", "sunrgbd")
    )
    assert (omni, sun) == (95.0, 50.0)


def test_objects_to_be_ignored_are_neither_missed_nor_false():
    ignored = moved(BED, 10) | {"ignore": True}
    alone = detection_3d([[found(BED)]], [[BED]], num_resamples=0)
    for convention in ("omni3d", "sunrgbd"):
        result = detection_3d([[found(ignored, 0.95), found(BED)]], [[BED, ignored]], convention, num_resamples=0)
        assert result["AP"] == alone["AP"]
        assert (result["objects"], result["detections"]) == (1, 2)


def test_categories_do_not_find_each_other_and_weigh_equally():
    lamp = BED | {"category": "lamp"}
    result = detection_3d([[found(BED), found(BED, category="rug")]], [[BED, lamp]], num_resamples=0)
    assert result["AP"]["score"] == 50


def test_only_the_best_hundred_of_an_image_and_category_count():
    noise = [found(moved(BED, 50 + place), 0.5) for place in range(100)]
    assert detection_3d([[*noise, found(BED, 0.4)]], [[BED]], num_resamples=0)["AR100"]["score"] == 0
    assert detection_3d([[*noise[1:], found(BED, 0.4)]], [[BED]], num_resamples=0)["AR100"]["score"] == 100


def test_intervals_come_from_scenes():
    predictions, references = [[found(BED)], [], [found(BED)], []] * 5, [[BED]] * 20
    by_image = detection_3d(predictions, references)["AP50"]["interval"]
    pairs = detection_3d(predictions, references, scene_ids=[str(place // 2) for place in range(20)])["AP50"][
        "interval"
    ]
    assert by_image[0] < 50 < by_image[1]
    assert pairs == [pytest.approx(50, abs=1), pytest.approx(50, abs=1)]


def test_boxes_that_are_none_are_counted_and_find_nothing():
    broken = found(BED, size=[0.0, 1, 1])
    result = detection_3d([[broken]], [[BED]], num_resamples=0)
    assert (result["AP"]["score"], result["invalid"]) == (0, 1)
    with pytest.raises(InputError, match=r"references\[0\]: box 0: cannot be a box"):
        detection_3d([[]], [[BED | {"size": [0, 1, 1]}]])
    with pytest.raises(InputError, match="are of 1 images for 2"):
        detection_3d([[]], [[BED], []])
    with pytest.raises(InputError, match="are none that count"):
        detection_3d([[]], [[]])
    with pytest.raises(ValueError, match="convention must be one of omni3d, sunrgbd, got 'kitti'"):
        detection_3d([[]], [[BED]], "kitti")


def test_the_metric_of_evaluate_gives_what_the_function_gives():
    predictions, references = scene(np.random.default_rng(1))
    folder = metrics.__path__[0] + "/detection_3d"
    loaded = evaluate.load(folder).compute(predictions=predictions, references=references, num_resamples=50)
    assert loaded == detection_3d(predictions, references, num_resamples=50)
