"""KITTI frames with 3-D boxes, in the layout of mmdetection3d's infos as JSON: image, LiDAR, camera, boxes.

One folder holds `annotations.json` and the files that it names:
    {"metainfo": {"DATASET": "KITTI"},
     "data_list": [{"sample_id": 8,
                    "images": {"CAM2": {"img_path": "000008.png", "height": 375, "width": 1242,
                                        "cam2img": 4 x 4, "lidar2cam": 4 x 4}},
                    "lidar_points": {"lidar_path": "000008.bin", "num_pts_feats": 4},
                    "instances": [{"bbox_label_3d": 2, "bbox_3d": [x, y, z, l, h, w, rot_y]}, ...]}, ...]}

A box stands on (x, y, z), its BOTTOM centre in the rectified frame of camera 0 (x right, y down, z forward), and its
length l points along x turned by rot_y about y. `cam2img` also holds the small way from camera 0 to camera 2, the one
that took the image. Label -1, DontCare, is a region with objects that nobody labelled: what is not labelled may still
be in the picture, so such a scene is not `complete`.

World: Z up, Y forward, origin on the road below camera 0. The cameras look level, 1.65 m above the road (Geiger et
al., "Vision meets Robotics: The KITTI Dataset", IJRR 2013, figure 3).

The LiDAR stands 8 cm above camera 0 and 27 cm behind it: it sees past edges what the camera does not. Its points give
the depth of the pixels that they fall in, without those that something nearer may hide. They are not given to the
objects, because they cover only the sides that face the LiDAR.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, is_rotation, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.fields import numbers, read_json, require
from dataset_builders.sources.files import inside
from dataset_builders.sources.rgbd_files import SceneFolder
from dataset_builders.sources.sparse import sparse_depth, without_shadows

LICENSE = "CC-BY-NC-SA-3.0 (KITTI); distributed by mmdetection3d under Apache-2.0"
FILE = "annotations.json"
CATEGORIES = ("pedestrian", "cyclist", "car", "van", "truck", "sitting person", "tram")
"""Label 0, 1, …, 6; label 7, Misc, is no name of an object."""
DONT_CARE, MISC = -1, 7
CAMERA_HEIGHT = 1.65
CAMERA_TO_WORLD = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, CAMERA_HEIGHT], [0, 0, 0, 1]])
SHADOW_WINDOW, SHADOW_RATIO = (21, 9), 1.1
"""Pixels: four scan lines high; as wide as the steps between points of one line and what 8 cm hide at 10 m."""


@dataclass(frozen=True)
class KittiSource:
    """Street views, each a scene of one frame.

    Attributes:
        folder: Holds `annotations.json` and the images and point clouds that it names.
    """

    folder: Path | str
    name: ClassVar[str] = "kitti"

    def __post_init__(self):
        """Read the annotations.

        Raises:
            InputError: if there is no such folder, or its annotations are missing or broken.
        """
        if not Path(self.folder).is_dir():
            raise InputError(self.folder, "--input", "is not a folder", f"give one that holds {FILE}")
        self.refs()

    def refs(self) -> list[SceneRef]:
        """List the samples, in the order of the file."""
        return [SceneRef(scene_id, "outdoor") for scene_id in self._samples]

    def load(self, ref: SceneRef) -> Scene:
        """Load one sample.

        Raises:
            InputError: if a field or a file is missing, broken or outside the folder.
        """
        sample, place = self._samples[ref.scene_id], f"{FILE} {ref.scene_id}"
        view = _View.read(sample, place)
        labels = _boxes(sample, place)
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=LICENSE,
            scale=ref.scale,
            objects=tuple(_objects(labels, place)),
            frames=(_frame(SceneFolder(Path(self.folder), ref.scene_id), view, place),),
            complete=all(label != DONT_CARE for _, label, _ in labels),
        )
        return validate_scene(scene, place)

    @cached_property
    def _samples(self) -> dict[str, dict]:
        content = read_json(inside(Path(self.folder), FILE), FILE, dict)
        dataset = require(content.get("metainfo"), dict, FILE, "metainfo").get("DATASET")
        if dataset != "KITTI":
            raise InputError(FILE, "metainfo.DATASET", f"is {dataset!r}", "give annotations of KITTI")
        samples: dict[str, dict] = {}
        for index, sample in enumerate(require(content.get("data_list"), list, FILE, "data_list")):
            field = f"data_list[{index}]"
            number = require(require(sample, dict, FILE, field).get("sample_id"), int, FILE, f"{field}.sample_id")
            if f"{number:06d}" in samples:
                raise InputError(FILE, f"{field}.sample_id", f"repeats {number}", "list each sample once")
            samples[f"{number:06d}"] = sample
        if not samples:
            raise InputError(FILE, "data_list", "is empty", "give at least one sample")
        return samples


@dataclass(frozen=True)
class _View:
    """What the annotations say about an image and its point cloud.

    Attributes:
        image: File name.
        size: Width and height, pixels.
        projection: (4, 4), the rectified frame of camera 0 to pixels.
        lidar: File name; None if there is none.
        lidar_columns: Numbers per point.
        lidar_to_camera: (4, 4), to camera 0.
    """

    image: str
    size: tuple[int, int]
    projection: np.ndarray
    lidar: str | None
    lidar_columns: int
    lidar_to_camera: np.ndarray

    @classmethod
    def read(cls, sample: dict, place: str) -> "_View":
        """Read the fields of a sample."""
        image = _field(_field(sample, "images", dict, place), "CAM2", dict, place, "images.")
        lidar = _field(sample, "lidar_points", dict, place) if "lidar_points" in sample else None
        path = "images.CAM2."
        return cls(
            image=_field(image, "img_path", str, place, path),
            size=(_field(image, "width", int, place, path), _field(image, "height", int, place, path)),
            projection=numbers(image.get("cam2img"), (4, 4), place, f"{path}cam2img"),
            lidar=lidar and _field(lidar, "lidar_path", str, place, "lidar_points."),
            lidar_columns=lidar and _field(lidar, "num_pts_feats", int, place, "lidar_points."),
            lidar_to_camera=lidar and numbers(image.get("lidar2cam"), (4, 4), place, f"{path}lidar2cam"),
        )

    def camera(self, place: str) -> Camera:
        """Split the projection into camera matrix and pose."""
        intrinsics = self.projection[:3, :3]
        focal = intrinsics[[0, 1], [0, 1]]
        if not np.isfinite(self.projection).all() or (focal <= 0).any() or not np.allclose(intrinsics[2], [0, 0, 1]):
            raise InputError(place, "images.CAM2.cam2img", "is not a camera matrix", "give fx 0 cx tx, 0 fy cy ty, …")
        offset = np.eye(4)
        offset[:3, 3] = -np.linalg.solve(intrinsics, self.projection[:3, 3])
        return Camera(intrinsics, CAMERA_TO_WORLD @ offset, *self.size)


def _field(container: dict, name: str, kind: type, place: str, path: str = "") -> Any:
    return require(container.get(name), kind, place, f"{path}{name}")


def _frame(folder: SceneFolder, view: _View, place: str) -> Frame:
    camera = view.camera(place)
    depth = None
    if view.lidar is not None:
        if not is_rotation(view.lidar_to_camera[:3, :3]) or not np.isfinite(view.lidar_to_camera).all():
            raise InputError(place, "images.CAM2.lidar2cam", "is not rigid", "give a rotation and metres")
        points = _points(folder, view)
        seen = sparse_depth(points, camera)
        depth = without_shadows(seen, SHADOW_WINDOW, SHADOW_RATIO)
    return Frame(camera, folder.color(view.image), depth)


def _points(folder: SceneFolder, view: _View) -> np.ndarray:
    """Read the LiDAR's points as (P, 3) metres, world."""
    path, place = folder.path(view.lidar), folder.place(view.lidar)
    raw = path.read_bytes()
    if not raw or view.lidar_columns < 3 or len(raw) % (4 * view.lidar_columns):
        problem = f"holds {len(raw)} bytes, which is not a number of points of {view.lidar_columns} float32"
        raise InputError(place, "points", problem, "copy the file again, it may be truncated")
    points = np.frombuffer(raw, np.float32).reshape(-1, view.lidar_columns)[:, :3]
    if not np.isfinite(points).all():
        raise InputError(place, "points", "are not all finite", "give finite metres")
    to_world = CAMERA_TO_WORLD @ view.lidar_to_camera
    return points.astype(float) @ to_world[:3, :3].T + to_world[:3, 3]


def _boxes(sample: dict, place: str) -> list[tuple[str, int, np.ndarray]]:
    """Read the instances: field, label and (7,) box in the frame of camera 0."""
    boxes = []
    for index, instance in enumerate(_field(sample, "instances", list, place)):
        field = f"instances[{index}]"
        label = _field(require(instance, dict, place, field), "bbox_label_3d", int, place, f"{field}.")
        if not DONT_CARE <= label <= MISC:
            raise InputError(place, f"{field}.bbox_label_3d", f"is {label}", f"use {DONT_CARE} to {MISC}")
        boxes.append((f"{field}.bbox_3d", label, numbers(instance.get("bbox_3d"), (7,), place, f"{field}.bbox_3d")))
    return boxes


def _objects(boxes: list[tuple[str, int, np.ndarray]], place: str) -> Iterator[SceneObject]:
    named = [(field, CATEGORIES[label], box) for field, label, box in boxes if label not in (DONT_CARE, MISC)]
    for instance_id, (field, category, box) in enumerate(named, start=1):
        if not np.isfinite(box).all():
            raise InputError(place, field, f"is {box.tolist()}", "give seven finite numbers")
        (x, y, z, length, height, width, _), (cos, sin) = box, (np.cos(box[6]), np.sin(box[6]))
        middle = CAMERA_TO_WORLD[:3] @ [x, y - height / 2, z, 1]
        # Rows: along, up and across, so that the order of the lengths stays that of KITTI.
        rotation = np.array([[cos, -sin, 0], [0, 0, 1], [sin, cos, 0]])
        yield SceneObject(instance_id, category, middle, np.array([length, height, width]), rotation)
