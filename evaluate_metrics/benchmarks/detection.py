"""What the benchmarks of 3-D detection share: a question per image and category, as VST asks and scores them.

VST (benchmark/det3d at 842cd77) asks for one category at a time, of those that the image has, takes every box of the
reply for that category with a score of 1, and scores by the rules of Omni3D, a question being an image.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluate_metrics.benchmarks.base import make_record
from evaluate_metrics.benchmarks.media import ImageFile
from evaluate_metrics.detection_boxes import Boxes
from evaluate_metrics.detection_text import Detections, format_boxes, parse_boxes, read_boxes
from evaluate_metrics.metrics import function_of
from evaluate_metrics.parsing_answer import plain

WORDING = (
    "published (VST, table 23): camera parameters in words, the nine numbers of a box, the wanted JSON, and 'Detect "
    "the 3D bounding boxes of …', one category of the image at a time; the image in its own size"
)
_FORMAT = (
    "Camera coordinate: X-axis points rightward, Y-axis points downward, and Z-axis points forward. The origin point "
    "is the camera location. We take the camera coordinate system as the world coordinate system.\n"
    "3D bounding box format: [x_center, y_center, z_center, x_size, y_size, z_size, pitch, yaw, roll]\n"
    "* x_center, y_center, z_center: the center of the object in the camera coordinate, in meters. z_center is the "
    "depth of the object in space.\n"
    "* x_size, y_size, z_size: The dimensions of the object along the (XYZ) axes, in meters, when the rotation angles "
    "are zero.\n"
    "* pitch, yaw, roll: Euler angles representing rotations around the X, Y, and Z axes, respectively. Each angle is "
    "normalized to the range of (-1, 1) and is multiplied by 180 to convert it into degrees.\n"
    'Output a json list where each entry contains the object name in "label" and its 3D bounding box in "bbox_3d".\n'
)


@dataclass(frozen=True)
class Shot:
    """One image with its objects.

    Attributes:
        name: Of the image, unique.
        scene_id: Of images that are resampled together.
        path: The image.
        intrinsics: (3, 3), pixels.
        size: Width and height, pixels.
        categories: Of N objects.
        boxes: N, camera frame.
        ignored: (N,) bool, of objects that need not be found.
    """

    name: str
    scene_id: str
    path: Path
    intrinsics: np.ndarray
    size: tuple[int, int]
    categories: Sequence[str]
    boxes: Boxes
    ignored: np.ndarray


def questions(shot: Shot, source: str) -> Iterator[dict]:
    """Make a question of every category that an image has an object of which must be found."""
    order = np.argsort(shot.boxes.centers[:, 2], kind="stable")  # nearest first, as VST sorts them
    for category in sorted({name for name, ignored in zip(shot.categories, shot.ignored, strict=True) if not ignored}):
        chosen = np.array([place for place in order if shot.categories[place] == category])
        counted, ignored = (chosen[shot.ignored[chosen] == flag] for flag in (False, True))
        yield make_record(
            id=f"{shot.name}/{category}",
            scene_id=shot.scene_id,
            source=source,
            task="detection_3d",
            category=category,
            scale="indoor",
            answer_type="free_form",
            question=f"{_camera(shot)}{_FORMAT}Detect the 3D bounding boxes of {category}.",
            answer=_answer(category, shot.boxes, counted),
            ignored=_answer(category, shot.boxes, ignored),
            media=ImageFile(shot.path),
        )


def prompt(record: dict) -> str:
    """Write the published prompt."""
    return record["question"]


def columns(completions: Sequence[str | None], records: Sequence[dict]) -> dict:
    """Score completions by `detection_3d`.

    Returns:
        `robust`: boxes read as a person would, without those that a reply names as another category of the benchmark;
        `published`: nothing but the format, whatever the labels say. Both with `coverage`.
    """
    detection_3d = function_of("detection_3d")  # now, because `evaluate` imports torch
    known = {_key(record["category"]) for record in records}
    references = [_references(record) for record in records]
    scenes = [record["scene_id"] for record in records]
    results = {}
    for name, reader in (("robust", parse_boxes), ("published", read_boxes)):
        read = [None if text is None else reader(text) for text in completions]
        others = known if name == "robust" else set()
        predictions = [
            [] if one is None else _predictions(one, record["category"], others - {_key(record["category"])})
            for one, record in zip(read, records, strict=True)
        ]
        results[name] = detection_3d(predictions, references, "omni3d", scenes) | {
            "coverage": _coverage(completions, read, records)
        }
    return results


def _camera(shot: Shot) -> str:
    (width, height), focal = shot.size, shot.intrinsics[[0, 1], [0, 1]]
    across, down = (2 * np.degrees(np.arctan(length / (2 * f))) for length, f in zip(shot.size, focal, strict=True))
    return (
        "Here are the detailed camera parameters for the image.\n"
        f"Camera intrinsic parameters: Horizontal fov, hfov={across:.2f}, and vertical fov, vfov={down:.2f}. "
        f"Image width={width} and height={height}. We do not consider distortion parameters here.\n"
    )


def _answer(category: str, boxes: Boxes, chosen: np.ndarray) -> str:
    chosen = chosen.astype(int)
    some = Boxes(boxes.centers[chosen], boxes.sizes[chosen], boxes.rotations[chosen])
    return format_boxes([category] * len(chosen), some)


def _references(record: dict) -> list[dict]:
    return [
        box | {"ignore": ignore}
        for name, ignore in (("answer", False), ("ignored", True))
        for box in _rows(read_boxes(record[name]), record["category"])
    ]


def _predictions(found: Detections, category: str, others: set[str]) -> list[dict]:
    kept = [_key(label) not in others for label in found.labels]
    rows = _rows(found, category)
    return [row | {"score": 1.0} for row, keep in zip(rows, kept, strict=True) if keep]


def _rows(found: Detections, category: str) -> list[dict]:
    parts = zip(found.boxes.centers, found.boxes.sizes, found.boxes.rotations, strict=True)
    return [{"category": category, "center": c, "size": s, "rotation": r} for c, s, r in parts]


def _coverage(completions: Sequence, read: Sequence, records: Sequence[dict]) -> dict:
    ids = [record["id"] for record in records]
    rows = list(zip(ids, completions, read, strict=True))
    return {
        "questions": len(ids),
        "answered": sum(one is not None for one in read),
        "missing": [identity for identity, text, _ in rows if text is None],
        "unread": [identity for identity, text, one in rows if text is not None and one is None],
    }


def _key(label: str) -> str:
    """Make one name of "night_stand", "Night stand" and "nightstand"."""
    return plain(label).replace("_", "").replace("-", "").replace(" ", "")
