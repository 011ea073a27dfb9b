"""SUN RGB-D views with oriented 3-D boxes, in the layout of the VoteNet and mmdetection3d preparation.

One folder holds, for each view,
    000001.jpg        RGB
    000001.depth.png  16 bit millimetres, registered to the colours; 0 means unknown
    000001.calib.txt  line 1: tilt of the camera, 3 x 3; line 2: camera matrix, 3 x 3; both COLUMN by column
    000001.label.txt  a line per object: class, 2-D box (xmin ymin width height), centre (x y z), HALF lengths (w l h),
                      orientation (ox oy)

The world is the upright frame of the view: x right, y forward, z up, metres, origin at the camera. The camera frame
is reached by the transposed tilt and (x, -z, y). A box has half length l along (ox, oy), w across it and h upwards.
Pixels count from 1 in the files and from 0 here.

The labels leave out some things that the picture shows (of two lamps, one), so a scene is not `complete`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, is_rotation, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.rgbd_files import SceneFolder

LICENSE = "SUN RGB-D, academic use only; distributed by mmdetection3d under Apache-2.0"
LABEL_NAME = re.compile(r"(\d+)\.label\.txt")
UPRIGHT_TO_CAMERA = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Of a camera without tilt: x right, y forward, z up → x right, y down, z forward."""


@dataclass(frozen=True)
class SunRgbdSource:
    """Indoor views, each a scene of one RGB-D frame.

    Attributes:
        folder: Holds `000001.label.txt` and so on.
    """

    folder: Path | str
    name: ClassVar[str] = "sunrgbd"

    def __post_init__(self):
        """Refuse a folder without a view."""
        if not self._stems:
            raise InputError(self.folder, "000001.label.txt", "no such file is here", "give the folder of the views")

    def refs(self) -> list[SceneRef]:
        """List the views in the order of their numbers."""
        return [SceneRef(stem, "indoor") for stem in self._stems]

    def load(self, ref: SceneRef) -> Scene:
        """Load one view.

        Raises:
            InputError: if a file is missing, broken or outside the folder, or its content cannot be right.
        """
        folder = SceneFolder(Path(self.folder), Path(self.folder).resolve().name)
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=LICENSE,
            scale=ref.scale,
            objects=tuple(read_objects(folder, f"{ref.scene_id}.label.txt")),
            frames=(_frame(folder, ref.scene_id),),
            complete=False,
        )
        return validate_scene(scene, folder.place(f"{ref.scene_id}.label.txt"))

    @cached_property
    def _stems(self) -> tuple[str, ...]:
        folder = Path(self.folder)
        matches = (LABEL_NAME.fullmatch(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
        return tuple(sorted(match[1] for match in matches if match))


def read_calibration(folder: SceneFolder, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the tilt of a camera, (3, 3), and its matrix, (3, 3), for pixels that count from 0.

    Raises:
        InputError: if the file is missing or holds anything else.
    """
    lines = _lines(folder, name)
    if len(lines) != 2:
        raise InputError(folder.place(name), "lines", f"are {len(lines)}", "give two: tilt, camera matrix")
    tilt, intrinsics = (
        _floats(line, 9, folder.place(name), field).reshape(3, 3).T
        for line, field in zip(lines, ("tilt", "camera matrix"), strict=True)
    )
    if not is_rotation(tilt) or np.linalg.det(tilt) < 0:
        raise InputError(folder.place(name), "tilt", "is not a rotation", "give a 3 x 3 rotation, column by column")
    if (intrinsics[[0, 1], [0, 1]] <= 0).any() or not np.allclose(intrinsics[2], [0, 0, 1]):
        problem = "is not one, or not stored column by column"
        raise InputError(folder.place(name), "camera matrix", problem, "give fx 0 0 0 fy 0 cx cy 1")
    intrinsics[:2, 2] -= 1
    return tilt, intrinsics


def _frame(folder: SceneFolder, stem: str) -> Frame:
    tilt, intrinsics = read_calibration(folder, f"{stem}.calib.txt")
    pose = np.eye(4)
    pose[:3, :3] = tilt @ UPRIGHT_TO_CAMERA.T
    color = folder.color(f"{stem}.jpg")
    height, width = color.shape[:2]
    depth = folder.depth(f"{stem}.depth.png", (height, width), "millimetre")
    return Frame(Camera(intrinsics, pose, width, height), color, depth)


def read_objects(folder: SceneFolder, name: str) -> Iterator[SceneObject]:
    """Read the objects of a label file, in the upright frame of the view; axes are front, side and up.

    Raises:
        InputError: naming the line that cannot be one.
    """
    for number, (category, *words) in enumerate(_lines(folder, name), start=1):
        place, field = folder.place(name), f"line {number} ({category})"
        values = _floats(words, 12, place, field)
        center, (across, along, up), (x, y) = values[4:7], values[7:10], values[10:]
        if not np.isclose(np.hypot(x, y), 1, atol=1e-3):
            raise InputError(place, field, f"orientation {x:g} {y:g} has not length 1", "give a unit direction")
        direction = np.array([x, y]) / np.hypot(x, y)
        rotation = np.array([[*direction, 0], [-direction[1], direction[0], 0], [0, 0, 1]])
        yield SceneObject(number, category.replace("_", " "), center, 2 * np.array([along, across, up]), rotation)


def _lines(folder: SceneFolder, name: str) -> list[list[str]]:
    """Read the words of each line that is not blank."""
    text = folder.text(name)
    if not text.strip():
        raise InputError(folder.place(name), "text", "is empty", "copy the file again, it may be truncated")
    return [line.split() for line in text.splitlines() if line.strip()]


def _floats(words: list[str], count: int, place: str, field: str) -> np.ndarray:
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        values = np.empty(0)
    if len(values) != count or not np.isfinite(values).all():
        raise InputError(place, field, f"does not hold {count} finite numbers", "copy the file again")
    return values
