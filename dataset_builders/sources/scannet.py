"""Labelled point clouds of rooms in the layout that mmdetection3d writes for ScanNet: objects with points, no images.

One scene is five arrays in a folder, `vert.npy` and so on, or one of several scenes in a folder, `<scene>_vert.npy`:
    vert.npy        (N, 6)  x y z in metres, Z up, walls along the axes; red green blue
    ins_label.npy   (N,)    instance of each point, 0 for none
    sem_label.npy   (N,)    NYU40 class of each point, 0 for none
    bbox.npy        (B, 7)  centre, full size, NYU40 class of a box along the axes
    bbox_idx.npy    (B,)    instance of each box

ScanNet has boxes for 18 classes only. An instance of another class gets the extent of its points as its box, which is
how those boxes were made from the points before they were thinned out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.scene import Scene, SceneObject, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.files import inside, read_array, scene_folders
from dataset_builders.sources.floor_area import floor_area
from dataset_builders.sources.nyu40 import NAMELESS, NYU40, SINGULAR, STRUCTURE

LICENSE = "ScanNet Terms of Use (non-commercial research); distributed by mmdetection3d under Apache-2.0"
FEWEST_POINTS = 50
"""An instance without a box and with fewer points has no reliable extent (OpenSpatial's filter)."""
FLOOR = NYU40.index("floor") + 1


@dataclass(frozen=True)
class ScannetSource:
    """Rooms as labelled point clouds.

    Attributes:
        folder: One scene, or a folder with one sub-folder per scene, or a folder of `<scene>_vert.npy` and so on.
    """

    folder: Path | str
    name: ClassVar[str] = "scannet"

    def __post_init__(self):
        """Refuse a folder without a scene."""
        self.refs()

    def refs(self) -> list[SceneRef]:
        """List the rooms in alphabetical order."""
        return [SceneRef(scene_id, "indoor") for scene_id in self._scenes]

    def load(self, ref: SceneRef) -> Scene:
        """Load one room; walls, floor and ceiling are not objects, the floor gives the room's size.

        Raises:
            InputError: if an array is missing, truncated or pickled, or the arrays contradict each other.
        """
        cloud = _Cloud.read(*self._scenes[ref.scene_id], ref.scene_id)
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license=LICENSE,
            scale=ref.scale,
            objects=tuple(_objects(cloud)),
            room_size=floor_area(cloud.points[cloud.classes == FLOOR, :2]),
        )
        return validate_scene(scene, ref.scene_id)

    @cached_property
    def _scenes(self) -> dict[str, tuple[Path, str]]:
        """Folder and beginning of the file names of each scene."""
        folder = Path(self.folder)
        flat = [path.name.removesuffix("_vert.npy") for path in sorted(folder.glob("*_vert.npy"))]
        if flat:
            return {scene_id: (folder, f"{scene_id}_") for scene_id in flat}
        return {scene_id: (path, "") for scene_id, path in scene_folders(folder, "vert.npy").items()}


@dataclass(frozen=True)
class _Cloud:
    """The arrays of one scene.

    Attributes:
        place: How messages call the scene.
        points: (N, 3) metres, world.
        instances: (N,) instance of each point, 0 for none.
        classes: (N,) NYU40 class of each point, 0 for none.
        boxes: Instance → (7,) centre, size and class.
    """

    place: str
    points: np.ndarray
    instances: np.ndarray
    classes: np.ndarray
    boxes: dict[int, np.ndarray]

    @classmethod
    def read(cls, folder: Path, prefix: str, scene_id: str) -> "_Cloud":
        """Read the five arrays and compare their lengths."""

        def array(name: str, columns: int | None = None) -> np.ndarray:
            place = f"{scene_id}/{prefix}{name}"
            return read_array(inside(folder, f"{prefix}{name}", place), place, columns)

        def labels(name: str, length_of: str, length: int, largest: int = 2**31 - 1) -> np.ndarray:
            place, values = f"{scene_id}/{prefix}{name}", array(name)
            if len(values) != length:
                raise InputError(place, "length", f"is {len(values)}", f"give {length} rows as in {length_of}")
            if ((values < 0) | (values > largest) | (values % 1 != 0)).any():
                problem = f"reach from {values.min()} to {values.max()}"
                raise InputError(place, "labels", problem, f"use whole numbers from 0 to {largest}")
            return values.astype(int)

        vertices = array("vert.npy", 6)
        if len(vertices) == 0:
            raise InputError(f"{scene_id}/{prefix}vert.npy", "points", "are none", "give at least one point")
        instances = labels("ins_label.npy", "vert.npy", len(vertices))
        classes = labels("sem_label.npy", "vert.npy", len(vertices), len(NYU40))
        boxes = array("bbox.npy", 7)
        owners = labels("bbox_idx.npy", "bbox.npy", len(boxes))
        boxed = dict(zip(owners.tolist(), boxes, strict=True))
        if len(boxed) != len(boxes):
            place = f"{scene_id}/{prefix}bbox_idx.npy"
            raise InputError(place, "instance", "has more than one box", "give each instance one box")
        return cls(scene_id, vertices[:, :3].astype(float), instances, classes, boxed)


def _objects(cloud: _Cloud) -> Iterator[SceneObject]:
    """Yield the instances that have a name.

    A category with an instance of unknown extent is left out as a whole: neither its number nor its sizes are known.
    """
    members = _members(cloud.instances)
    for owner in cloud.boxes:
        if owner not in members:
            raise InputError(
                cloud.place, f"bbox_idx {owner}", "is the instance of no point", "use ids of ins_label.npy"
            )
    names = {instance_id: _name(cloud, instance_id, rows) for instance_id, rows in members.items()}
    unsure = {
        names[instance_id]
        for instance_id, rows in members.items()
        if instance_id not in cloud.boxes and not _is_measured(cloud.points[rows])
    }
    for instance_id, rows in members.items():
        if names[instance_id] and names[instance_id] not in unsure:
            points = cloud.points[rows]
            box = cloud.boxes.get(instance_id, _extent(points))
            yield SceneObject(instance_id, names[instance_id], box[:3], box[3:6], np.eye(3), points)


def _members(instances: np.ndarray) -> dict[int, np.ndarray]:
    """Group the rows of points by instance: id → rows."""
    order = np.argsort(instances, kind="stable")
    ids, starts = np.unique(instances[order], return_index=True)
    groups = zip(ids.tolist(), np.split(order, starts[1:]), strict=True)
    return {instance_id: rows for instance_id, rows in groups if instance_id > 0}


def _name(cloud: _Cloud, instance_id: int, rows: np.ndarray) -> str:
    """Return what most points of an instance are, or nothing if that is no name of an object."""
    label = int(np.bincount(cloud.classes[rows]).argmax())
    box = cloud.boxes.get(instance_id)
    if box is not None and box[6] != label:
        problem = f"has class {box[6]:g}, most of its points {label}"
        raise InputError(
            cloud.place, f"box of instance {instance_id}", problem, "make bbox.npy and bbox_idx.npy agree"
        )
    name = NYU40[label - 1] if label else ""
    return "" if name in STRUCTURE | NAMELESS else SINGULAR.get(name, name)


def _is_measured(points: np.ndarray) -> bool:
    return len(points) >= FEWEST_POINTS and bool((np.ptp(points, axis=0) > 0).all())


def _extent(points: np.ndarray) -> np.ndarray:
    """Return centre and size, (6,), of the box along the axes around points, (P, 3)."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.concatenate([(low + high) / 2, high - low])
