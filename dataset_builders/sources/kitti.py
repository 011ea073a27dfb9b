"""KITTI frames with 3-D boxes, in the layout of mmdetection3d's infos as JSON: image, LiDAR, camera, boxes.

One folder holds `annotations.json` and the files that it names:
    {"metainfo": {"DATASET": "KITTI"},
     "data_list": [{"sample_id": 8,
                    "images": {"CAM2": {"img_path": "000008.png", "height": 375, "width": 1242,
                                        "cam2img": 4 x 4, "lidar2cam": 4 x 4}},
                    "lidar_points": {"lidar_path": "000008.bin", "num_pts_feats": 4},
                    "instances": [{"bbox_label_3d": 2, "bbox_3d": [x, y, z, l, h, w, rot_y],
                                    "bbox": [x1, y1, x2, y2]}, ...]}, ...]}

A box stands on (x, y, z), its BOTTOM centre in the rectified frame of camera 0 (x right, y down, z forward), and its
length l points along x turned by rot_y about y. `cam2img` also holds the small way from camera 0 to camera 2, the one
that took the image. Label -1, DontCare, is a region with objects that nobody labelled: what is not labelled may still
be in the picture, so such a scene is not `complete`. `bbox`, which may be missing, is the object's box in the image;
what is asked about an object is asked of this box.

World: Z up, Y forward, origin on the road below camera 0. The cameras look level, 1.65 m above the road (Geiger et
al., "Vision meets Robotics: The KITTI Dataset", IJRR 2013, figure 3).

The LiDAR stands 8 cm above camera 0 and 27 cm behind it: it sees past edges what the camera does not. Its points give
the depth of the pixels that they fall in, without those that something nearer may hide, and those inside an object's
3-D box the depth of its nearest surface. They are not given to the objects, because they cover only the sides that
face the LiDAR.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.geometry import project
from dataset_builders.scene import Camera, Frame, ObjectBox, Scene, SceneObject, is_rotation, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.fields import numbers, read_json, require
from dataset_builders.sources.files import inside
from dataset_builders.sources.rgbd_files import SceneFolder
from dataset_builders.sources.sparse import sparse_depth, without_shadows
from dataset_builders.tasks.sightings import nearest_surface

LICENSE = "CC-BY-NC-SA-3.0 (KITTI); distributed by mmdetection3d under Apache-2.0"
FILE = "annotations.json"
CATEGORIES = ("pedestrian", "cyclist", "car", "van", "truck", "sitting person", "tram")
"""Label 0, 1, …, 6; label 7, Misc, is no name of an object."""
DONT_CARE, MISC = -1, 7
CAMERA_HEIGHT = 1.65
CAMERA_TO_WORLD = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, CAMERA_HEIGHT], [0, 0, 0, 1]])
SHADOW_WINDOW, SHADOW_RATIO = (21, 9), 1.1
"""Pixels: four scan lines high; as wide as the steps between points of one line and what 8 cm hide at 10 m."""
ROAD, LEAST_POINTS = 0.2, 10
"""Metres above the bottom of a box up to which points may be of the road; fewer points than these tell no depth."""

Bbox = tuple[float, float, float, float]


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
        labels = _labels(sample, place)
        named = [label for label in labels if label.number not in (DONT_CARE, MISC)]
        objects = tuple(label.object(instance_id, place) for instance_id, label in enumerate(named, start=1))
        boxes = {item.instance_id: label.box for item, label in zip(objects, named, strict=True) if label.box}
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=LICENSE,
            scale=ref.scale,
            objects=objects,
            frames=(_frame(SceneFolder(Path(self.folder), ref.scene_id), view, objects, boxes, place),),
            complete=all(label.number != DONT_CARE for label in labels),
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

    def pixels(self, box: Bbox) -> tuple[int, int, int, int]:
        """Round a box to pixels of the image, which it may reach over by less than one."""
        last = np.array([*self.size, *self.size]) - 1
        return tuple(np.clip(np.rint(box), 0, last).astype(int).tolist())

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


def _frame(folder: SceneFolder, view: _View, objects: Sequence[SceneObject], boxes: dict[int, Bbox], place) -> Frame:
    camera, depth = view.camera(place), None
    surfaces = dict.fromkeys(boxes, float("nan"))
    if view.lidar is not None:
        if not is_rotation(view.lidar_to_camera[:3, :3]) or not np.isfinite(view.lidar_to_camera).all():
            raise InputError(place, "images.CAM2.lidar2cam", "is not rigid", "give a rotation and metres")
        points = _points(folder, view)
        depth = without_shadows(sparse_depth(points, camera), SHADOW_WINDOW, SHADOW_RATIO)
        surfaces |= {item.instance_id: _surface(item, points, camera) for item in objects}
    shown = {number: ObjectBox(view.pixels(bbox), surfaces[number]) for number, bbox in boxes.items()}
    return Frame(camera, folder.color(view.image), depth, boxes=shown)


def _surface(item: SceneObject, points: np.ndarray, camera: Camera) -> float:
    """Return the mean depth, metres, of the nearest tenth of the points inside a box and off the road; or NaN."""
    local = (points - item.center) @ item.rotation.T
    off_road = points[:, 2] >= item.center[2] - item.size[1] / 2 + ROAD
    _, depths = project(points[(np.abs(local) <= item.size / 2).all(1) & off_road], camera)
    return nearest_surface(depths) if len(depths) >= LEAST_POINTS else float("nan")


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


@dataclass(frozen=True)
class _Label:
    """One annotated instance.

    Attributes:
        field: Where it is in the annotations.
        number: -1 to 7.
        solid: (7,) bottom centre x, y, z, length, height, width, turn, in the rectified frame of camera 0.
        box: x1, y1, x2, y2, pixels; None where the annotations hold none.
    """

    field: str
    number: int
    solid: np.ndarray
    box: Bbox | None

    def object(self, instance_id: int, place: str) -> SceneObject:
        """Put the box into the world."""
        if not np.isfinite(self.solid).all():
            raise InputError(place, f"{self.field}.bbox_3d", f"is {self.solid.tolist()}", "give seven finite numbers")
        x, y, z, length, height, width, turn = self.solid
        middle, (cos, sin) = CAMERA_TO_WORLD[:3] @ [x, y - height / 2, z, 1], (np.cos(turn), np.sin(turn))
        # Rows: along, up and across, so that the order of the lengths stays that of KITTI.
        rotation = np.array([[cos, -sin, 0], [0, 0, 1], [sin, cos, 0]])
        return SceneObject(instance_id, CATEGORIES[self.number], middle, np.array([length, height, width]), rotation)


def _labels(sample: dict, place: str) -> list[_Label]:
    labels = []
    for index, instance in enumerate(_field(sample, "instances", list, place)):
        field = f"instances[{index}]"
        number = _field(require(instance, dict, place, field), "bbox_label_3d", int, place, f"{field}.")
        if not DONT_CARE <= number <= MISC:
            raise InputError(place, f"{field}.bbox_label_3d", f"is {number}", f"use {DONT_CARE} to {MISC}")
        solid = numbers(instance.get("bbox_3d"), (7,), place, f"{field}.bbox_3d")
        box = None
        if "bbox" in instance:
            box = numbers(instance["bbox"], (4,), place, f"{field}.bbox")
            if not np.isfinite(box).all() or (box[:2] > box[2:]).any():
                raise InputError(place, f"{field}.bbox", f"is {box.tolist()}", "give x1, y1, x2, y2 in pixels")
        labels.append(_Label(field, number, solid, None if box is None else tuple(box.tolist())))
    return labels
