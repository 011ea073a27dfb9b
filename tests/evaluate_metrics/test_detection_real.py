"""The round trip of detection on real SUN RGB-D views: labels → questions → answers in words → scores."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import qmc

from dataset_builders.sources.sunrgbd import SunRgbdSource
from evaluate_metrics.benchmarks import BENCHMARKS, open_benchmark
from evaluate_metrics.detection_boxes import Boxes, pairwise_iou
from evaluate_metrics.detection_text import format_boxes, read_boxes

VIEWS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "sunrgbd_boxes"
pytestmark = pytest.mark.skipif(not VIEWS.is_dir(), reason="needs the SUN RGB-D views in ../shared/data/sunrgbd_boxes")
NAMES = ("AP", "AP15", "AP25", "AP50", "AR100")
POINTS = qmc.Sobol(3, seed=0).random_base2(18) - 0.5


@pytest.fixture(scope="module")
def benchmark():
    return open_benchmark(BENCHMARKS["sunrgbd-detection"], str(VIEWS), "test", 4)


def in_camera_frame():
    """Yield view, category, center, size and axes of the objects, moved into the camera frame without the loader."""
    source = SunRgbdSource(VIEWS)
    for ref in source.refs():
        scene = source.load(ref)
        world_to_camera = np.linalg.inv(scene.frames[0].camera.camera_to_world)
        for item in scene.objects:
            center = world_to_camera[:3, :3] @ item.center + world_to_camera[:3, 3]
            yield ref.scene_id, item.category, center, item.size, item.rotation @ world_to_camera[:3, :3].T


def by_samples(one, other):
    """Return the overlap of two boxes, each (center, size, axes), by counting dense points of the first."""
    world = POINTS * one[1] @ one[2] + one[0]
    inside = np.abs((world - other[0]) @ other[2].T) <= other[1] / 2
    shared = inside.all(axis=1).mean() * one[1].prod()
    return shared / (one[1].prod() + other[1].prod() - shared)


def test_every_object_is_asked_for_where_the_labels_put_it(benchmark):
    objects = list(in_camera_frame())
    assert len(objects) == 17
    asked = {record["id"]: read_boxes(record["answer"]).boxes for record in benchmark.records}
    for view, category, *box in objects:
        truth = Boxes(*(part[None] for part in box))
        assert pairwise_iou(asked[f"{view}/{category}"], truth).max() > 0.998  # answers are rounded to 0.1 mm
    assert sum(len(boxes.centers) for boxes in asked.values()) == 17
    # The camera of table 23 of VST is that of these views.
    assert all("hfov=69.16, and vertical fov, vfov=53.17" in benchmark.prompt(row) for row in benchmark.records)


def test_the_right_answers_score_100_at_every_threshold(benchmark):
    replies = {record["id"]: f"Here you are:\n```json\n{record['answer']}\n```" for record in benchmark.records}
    columns = benchmark.scores(replies)
    for protocol in ("robust", "published"):
        assert {name: columns[protocol][name] for name in NAMES} == {
            name: {"score": 100, "interval": [100, 100]} for name in NAMES
        }
        assert (columns[protocol]["objects"], columns[protocol]["detections"]) == (17, 17)


@pytest.mark.parametrize("shift", [(0.1, 0, 0), (0, -0.15, 0), (0, 0, 0.25), (0.2, 0.1, -0.2)])
@pytest.mark.parametrize("turn", [0.0, 0.05])
def test_moved_boxes_score_the_overlap_that_dense_samples_count(benchmark, shift, turn):
    replies, expected = {}, []
    for record in benchmark.records:
        rows = json.loads(record["answer"])
        right = _first(read_boxes(record["answer"]).boxes)
        for row in rows:
            row["bbox_3d"][:3] = (np.array(row["bbox_3d"][:3]) + shift).tolist()
            row["bbox_3d"][7] += turn
        replies[record["id"]] = json.dumps(rows)
        moved = read_boxes(replies[record["id"]]).boxes
        exact = float(pairwise_iou(moved, read_boxes(record["answer"]).boxes)[0, 0])
        assert exact == pytest.approx(by_samples(right, _first(moved)), abs=1e-3)
        expected.append((record["category"], exact, len(rows)))
    # Every answer here is one box, so an object is found at the thresholds below its overlap.
    assert {count for *_, count in expected} == {1}
    found = benchmark.scores(replies)["robust"]
    for name, threshold in (("AP15", 0.15), ("AP25", 0.25), ("AP50", 0.5)):
        categories = {category for category, *_ in expected}
        means = [
            _average_precision([iou >= threshold for c, iou, _ in expected if c == name_]) for name_ in categories
        ]
        assert found[name]["score"] == pytest.approx(100 * np.mean(means), abs=1e-3)


def _first(boxes):
    return boxes.centers[0], boxes.sizes[0], boxes.rotations[0]


def _average_precision(hits):
    """Return the average precision of detections of one score, one for each object, at 101 recalls (COCO)."""
    precisions = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    recalls = np.cumsum(hits) / len(hits)
    reached = [precisions[recalls >= level - 1e-12] for level in np.linspace(0, 1, 101)]
    return np.mean([values.max() if len(values) else 0 for values in reached])


def test_answers_of_two_decimals_lose_little(benchmark):
    """VST rounds to two decimals; what that costs on real boxes, the thinnest of which measures 0.3 m."""
    for record in benchmark.records:
        right = read_boxes(record["answer"])
        rounded = read_boxes(format_boxes(right.labels, right.boxes, 2))
        assert np.diag(pairwise_iou(rounded.boxes, right.boxes)).min() > 0.9
