"""Single RGB-D frames of things on a table, as UOIS and PoseCNN publish them, as a source of scenes.

A folder holds one of
    UOIS      X.rgb.png, X.depth.png (millimetres) and camera_params.json (fx, fy, x_offset, y_offset)
    PoseCNN   X-color.png, X-depth.png (tenths of a millimetre), camera.json (its first camera is that of the colours)
              and optionally classes.txt with extents.txt: the sizes of the objects that can be on the table
    scene.json  optional: {"license": "..."}
so the layout says how depth is encoded. The distortion that camera.json lists moves no pixel by half a pixel and is
left out.

Every frame is a scene. Its pose comes from the plane of the table (see `table_plane`). A scene has no objects: neither
layout says which pixels are which object, and parts that stand out of the table tell them wrongly wherever things
touch or are stacked (2 connected parts for 8 things in one of the five frames of UOIS).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, Scene, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.fields import numbers, read_json, require
from dataset_builders.sources.rgbd_files import SceneFolder
from dataset_builders.sources.table_plane import find_table

LEAST_SHARE = 0.25
"""Of the nearest half of the points: a plane with fewer is not a table that things stand on."""


def _uois_camera(raw: dict, place: str) -> np.ndarray:
    """Return (4,) fx, fy, cx, cy, pixels."""
    return np.array([numbers(raw.get(name), (), place, name) for name in ("fx", "fy", "x_offset", "y_offset")])


def _posecnn_camera(raw: dict, place: str) -> np.ndarray:
    """Return (4,) fx, fy, cx, cy, pixels, of the first camera of the rig."""
    cameras = require(require(raw.get("rig"), dict, place, "rig").get("camera"), list, place, "rig.camera")
    first = require(cameras[0] if cameras else None, dict, place, "rig.camera[0]")
    field = "rig.camera[0].camera_model"
    model = require(first.get("camera_model"), dict, place, field)
    params = require(model.get("params"), list, place, f"{field}.params")
    return numbers(params[:4], (4,), place, f"{field}.params")


@dataclass(frozen=True)
class Layout:
    """How a data set names its files and writes its depth.

    Attributes:
        color: End of the names of colour images.
        depth: End of the names of depth images.
        calibration: File with the intrinsics.
        encoding: Of the depth.
        read_camera: Content and place of the calibration → fx, fy, cx, cy.
    """

    color: str
    depth: str
    calibration: str
    encoding: str
    read_camera: Callable[[dict, str], np.ndarray]


LAYOUTS = (
    Layout(".rgb.png", ".depth.png", "camera_params.json", "millimetre", _uois_camera),
    Layout("-color.png", "-depth.png", "camera.json", "ycb", _posecnn_camera),
)


@dataclass(frozen=True)
class TabletopSource:
    """The frames of a folder, each of them a scene.

    Attributes:
        folder: In one of the layouts above.
    """

    folder: Path | str

    name = "tabletop"

    def __post_init__(self):
        """Refuse a folder without frames.

        Raises:
            InputError: if it is none, or in neither layout.
        """
        if not Path(self.folder).is_dir():
            raise InputError(self.folder, "--input", "is not a folder", "give a folder of RGB-D frames of tabletops")
        if not self._stems:
            known = " or ".join(f"*{layout.color} with {layout.calibration}" for layout in LAYOUTS)
            raise InputError(self.folder, "frames", "none in a known layout", f"give {known}")

    def refs(self) -> list[SceneRef]:
        """List the frames in alphabetical order, under the name of the folder and their own."""
        return [SceneRef(scene_id, "tabletop") for scene_id in self._stems]

    def load(self, ref: SceneRef) -> Scene:
        """Read one frame and find its table.

        Raises:
            InputError: if a file is missing, unreadable or outside the folder, or no table is in the picture.
        """
        files, layout, stem = self._files, self._layout, self._stems[ref.scene_id]
        color = files.color(stem + layout.color)
        depth = files.depth(stem + layout.depth, color.shape[:2], layout.encoding)
        intrinsics = self._intrinsics()
        table = find_table(depth, intrinsics)
        if table is None or table.share < LEAST_SHARE:
            found = "none" if table is None else f"only {table.share:.0%} of the near points"
            problem = f"no table plane under the camera ({found})"
            raise InputError(files.place(stem + layout.depth), "depth", problem, "leave this frame out")
        camera = Camera(intrinsics, table.camera_to_world(), color.shape[1], color.shape[0])
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=files.about()["license"],
            scale=ref.scale,
            frames=(Frame(camera, color, depth),),
            metadata={"table_share": round(table.share, 3), "known_sizes": self.known_sizes()},
        )
        return validate_scene(scene, ref.scene_id)

    def known_sizes(self) -> dict[str, list[float]]:
        """Read extents.txt: class → lengths along the axes of its model, metres; empty without the file.

        Raises:
            InputError: if the file does not hold three positive numbers for each line of classes.txt.
        """
        if not self._files.has("extents.txt"):
            return {}
        classes = self._files.text("classes.txt").split()
        rows = [line.split() for line in self._files.text("extents.txt").splitlines() if line.strip()]
        extents = numbers(rows, (len(classes), 3), self._files.place("extents.txt"), "extents")
        if not (np.isfinite(extents) & (extents > 0)).all():
            raise InputError(self._files.place("extents.txt"), "extents", "are not positive", "give metres")
        return dict(zip(classes, extents.tolist(), strict=True))

    @property
    def _files(self) -> SceneFolder:
        return SceneFolder(Path(self.folder), Path(self.folder).resolve().name)

    @cached_property
    def _layout(self) -> Layout | None:
        return next((layout for layout in LAYOUTS if self._files.has(layout.calibration)), None)

    @cached_property
    def _stems(self) -> dict[str, str]:
        """Scene id → how the names of its files begin."""
        if self._layout is None:
            return {}
        end, prefix = self._layout.color, Path(self.folder).resolve().name
        stems = [name.removesuffix(end) for name in self._files.listing() if name.endswith(end)]
        return {f"{prefix}-{stem}": stem for stem in stems}

    def _intrinsics(self) -> np.ndarray:
        name = self._layout.calibration
        place = self._files.place(name)
        fx, fy, cx, cy = camera = self._layout.read_camera(read_json(self._files.path(name), place, dict), place)
        if not np.isfinite(camera).all() or min(fx, fy) <= 0:
            raise InputError(place, "intrinsics", f"are {camera.tolist()}", "give fx, fy > 0, cx, cy in pixels")
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
