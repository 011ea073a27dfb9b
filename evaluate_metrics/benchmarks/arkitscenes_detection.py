"""ARKitScenes in the form of Omni3D: `Omni3D/ARKitScenes_test.json`, images beside that folder.

The file is COCO-like (facebookresearch/omni3d at 778bd02, DATA.md): an image has `file_path` and `K`, an object
`category_name`, `center_cam` in metres in the camera frame (x right, y down, z forward), `dimensions` [width, height,
length], and `R_cam`, whose columns are the axes of the box: length, height and width lie along them. Objects that
Omni3D leaves out of its score (`is_ignore` with the thresholds of configs/Base.yaml) need not be found.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.sources.fields import numbers, read_json, require
from evaluate_metrics.benchmarks.base import Definition, find_one, member
from evaluate_metrics.benchmarks.detection import WORDING, Shot, columns, prompt, questions
from evaluate_metrics.detection_boxes import Boxes

FILES = ("Omni3D/ARKitScenes_test.json", "ARKitScenes_test.json")
MIN_HEIGHT, MAX_HEIGHT = 0.05, 1.5
"""Of the projected box, in parts of the image height."""
MAX_TRUNCATION, MIN_VISIBILITY, MAX_DEPTH_ERROR = 0.75, 0.25, 0.5
NO_CATEGORIES = ("dontcare", "ignore", "void")


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions of the test file, whatever split is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    (path,) = find_one(folder, FILES, "annotations of ARKitScenes")
    content = read_json(path, path, dict)
    objects = defaultdict(list)
    for one in require(content.get("annotations"), list, path, "annotations"):
        objects[require(one, dict, path, "annotations").get("image_id")].append(one)
    images = require(content.get("images"), list, path, "images")
    shots = [_shot(folder, require(image, dict, path, "images"), objects) for image in images]
    return [record for shot in shots for record in questions(shot, "arkitscenes")], [path]


def is_ignored(one: Mapping, height: float) -> bool:
    """Tell whether an object need not be found.

    Args:
        one: An object of the file; what it lacks, or states as -1, is not known and decides nothing.
        height: Of the image, pixels.
    """
    if one.get("behind_camera", False) or not one.get("valid3D", True) or one["category_name"] in NO_CATEGORIES:
        return True
    truncation, visibility = one.get("truncation", -1), one.get("visibility", -1)
    box = next(
        (one[name] for name in ("bbox2D_trunc", "bbox2D_proj") if any(value != -1 for value in one.get(name, [-1]))),
        None,
    )
    part = None if box is None else (box[3] - box[1]) / height
    return bool(
        min(one["dimensions"]) <= 0
        or one.get("lidar_pts", -1) == 0
        or one.get("segmentation_pts", -1) == 0
        or one.get("depth_error", -1) > MAX_DEPTH_ERROR
        or truncation >= MAX_TRUNCATION
        or 0 <= visibility <= MIN_VISIBILITY
        or (part is not None and not MIN_HEIGHT < part < MAX_HEIGHT)
    )


def _shot(folder: Path, image: Mapping, objects: Mapping[object, list]) -> Shot:
    name = require(image.get("file_path"), str, "image", "file_path")
    place = f"image {name}"
    width, height = (require(image.get(side), int, place, side) for side in ("width", "height"))
    intrinsics = numbers(image.get("K"), (3, 3), place, "K")
    if width <= 0 or height <= 0 or not (np.isfinite(intrinsics).all() and (intrinsics[[0, 1], [0, 1]] > 0).all()):
        raise InputError(place, "K", "is no camera matrix of an image", "give fx 0 cx, 0 fy cy, 0 0 1 in pixels")
    rows = objects.get(image.get("id"), [])
    boxes, ignored = [], []
    for row in rows:
        where = f"object {row.get('id')}"
        require(row.get("category_name"), str, where, "category_name")
        try:
            ignored.append(is_ignored(row, height))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            problem = f"cannot be read ({type(error).__name__}: {error})"
            raise InputError(where, "fields", problem, "take the file from its repository again") from None
        boxes.append(_box(row, where))
    kept = _known(boxes, ignored)
    return Shot(
        name=PurePosixPath(name).with_suffix("").as_posix(),
        scene_id=PurePosixPath(name).parent.as_posix(),
        path=member(folder, name, place),
        intrinsics=intrinsics,
        size=(width, height),
        categories=[rows[index]["category_name"] for index in kept],
        boxes=Boxes.of([boxes[index] for index in kept]),
        ignored=np.array([ignored[index] for index in kept], dtype=bool),
    )


def _box(row: Mapping, place: str) -> dict:
    width, height, length = numbers(row.get("dimensions"), (3,), place, "dimensions")
    return {
        "center": numbers(row.get("center_cam"), (3,), place, "center_cam"),
        "size": [length, height, width],
        "rotation": numbers(row.get("R_cam"), (3, 3), place, "R_cam").T,
        "place": place,
    }


def _known(boxes: list[dict], ignored: Iterable[bool]) -> list[int]:
    """Return which objects have a box; those that need not be found may have none.

    Raises:
        InputError: if an object that must be found has none.
    """
    valid = Boxes.of(boxes).valid()
    for box, good, free in zip(boxes, valid, ignored, strict=True):
        if not good and not free:
            problem = f"cannot be a box (size {list(map(float, box['size']))})"
            raise InputError(box["place"], "R_cam", problem, "take the file from its repository again")
    return np.flatnonzero(valid).tolist()


DEFINITION = Definition("arkitscenes-detection", None, read, prompt, WORDING, columns=columns)
