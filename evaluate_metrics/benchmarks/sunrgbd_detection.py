"""SUN RGB-D in the layout of VoteNet's preparation, the views of Total3D's test split.

    image/000001.jpg, calib/000001.txt, and label/000001.txt or label_v1/000001.txt   (`sunrgbd_trainval`), or
    000001.jpg, 000001.calib.txt and 000001.label.txt in one folder

What the files hold is told in `dataset_builders.sources.sunrgbd`. Both number the views as the toolbox of SUN RGB-D
does, the 5050 test views first. Total3D (GAP-LAB-CUHK-SZ/Total3DUnderstanding at 97b5564) leaves some of these out:
its list `data/sunrgbd/splits/test.json` ("…/123.pkl", …) is used where it lies in the folder as `splits/test.json` or
`test.json`; the pickled files that it names are not. Categories are those of the labels.
"""

import re
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from dataset_builders.errors import InputError
from dataset_builders.scene import Camera
from dataset_builders.sources.fields import read_json, require
from dataset_builders.sources.rgbd_files import SceneFolder
from dataset_builders.sources.sunrgbd import UPRIGHT_TO_CAMERA, read_calibration, read_objects
from dataset_builders.vst.camera_boxes import box_numbers
from evaluate_metrics.benchmarks.base import Definition, find_one
from evaluate_metrics.benchmarks.detection import WORDING, Shot, columns, prompt, questions
from evaluate_metrics.detection_text import to_boxes

TEST_VIEWS = 5050
"""Views up to this number are for testing, in VoteNet and in Total3D (`utils/generate_data.py`)."""
_LABELS = ("label/[0-9]*.txt", "label_v1/[0-9]*.txt", "[0-9]*.label.txt")
_LISTED = re.compile(r"(?:.*/)?(\d{1,9})\.pkl")


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions of the test views, whatever split is asked for.

    Raises:
        InputError: naming the file and field that cannot be used.
    """
    lists = [path for name in ("splits/test.json", "test.json") if (path := folder / name).is_file()][:1]
    listed = _listed(lists[0]) if lists else None
    labels = [path for path in find_one(folder, _LABELS, "labels") if _number(path) is not None]
    chosen = [path for path in labels if _is_test(_number(path), listed)]
    if listed is not None and len(chosen) < len(listed):
        problem = f"names {len(listed)} views, and {len(chosen)} of them have labels"
        raise InputError(lists[0], "views", problem, "prepare all views, or shorten the list")
    files, records = [*lists], []
    for path in chosen:
        calibration = _beside(path, "calib", ".calib.txt")
        records += questions(_shot(folder, path, calibration, _beside(path, "image", ".jpg")), "sunrgbd")
        files += [path, calibration]
    return records, files


def _number(path: Path) -> int | None:
    stem = path.name.split(".")[0]
    return int(stem) if stem.isascii() and stem.isdigit() else None


def _is_test(number: int, listed: set[int] | None) -> bool:
    return number in listed if listed is not None else 1 <= number <= TEST_VIEWS


def _listed(path: Path) -> set[int]:
    """Read the numbers of the views of a split of Total3D."""
    found = set()
    for entry in read_json(path, path.name, list):
        match = _LISTED.fullmatch(require(entry, str, path.name, "entry"))
        if match is None:
            raise InputError(path.name, "entry", f"is {entry[:60]!r}", "take data/sunrgbd/splits/test.json of Total3D")
        found.add(int(match[1]))
    return found


def _beside(label: Path, folder: str, suffix: str) -> Path:
    """Return the file of the same view in either layout."""
    stem = label.name.split(".")[0]
    if label.name.endswith(".label.txt"):
        return label.with_name(f"{stem}{suffix}")
    return label.parent.parent / folder / f"{stem}.{suffix.rsplit('.', 1)[1]}"


def _shot(folder: Path, label: Path, calibration: Path, image: Path) -> Shot:
    scene = SceneFolder(folder, folder.resolve().name)
    names = [path.relative_to(folder).as_posix() for path in (label, calibration, image)]
    tilt, intrinsics = read_calibration(scene, names[1])
    # A view without an object has an empty label file.
    objects = list(read_objects(scene, names[0])) if label.read_bytes().strip() else []
    width, height = _size(scene, image, names[2])
    pose = np.eye(4)
    pose[:3, :3] = tilt @ UPRIGHT_TO_CAMERA.T
    camera = Camera(intrinsics, pose, width, height)
    boxes = to_boxes(np.array([box_numbers(one, camera) for one in objects]).reshape(-1, 9))
    for place in np.flatnonzero(~boxes.valid()):
        problem = f"cannot be a box (half sizes {(boxes.sizes[place] / 2).tolist()})"
        raise InputError(scene.place(names[0]), f"line {place + 1}", problem, "copy the file again")
    return Shot(
        name=label.name.split(".")[0],
        scene_id=label.name.split(".")[0],
        path=image,
        intrinsics=intrinsics,
        size=(width, height),
        categories=[one.category for one in objects],
        boxes=boxes,
        ignored=np.zeros(len(objects), dtype=bool),
    )


def _size(scene: SceneFolder, path: Path, name: str) -> tuple[int, int]:
    """Read the size of an image without its pixels."""
    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError:
        raise InputError(scene.place(name), "file", "is missing", "add it or remove its labels") from None
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(scene.place(name), "image", f"cannot be read ({error})", "copy the file again") from None


DEFINITION = Definition("sunrgbd-detection", None, read, prompt, WORDING, columns=columns)
