"""Boxes as nine numbers in the frame of a camera, and the camera in words (VST, appendix A.1 and table 23).

A box is [x, y, z, x_size, y_size, z_size, pitch, yaw, roll]: camera frame x right, y down, z forward; metres; angles
in half turns about the camera's axes X, then Y, then Z, all fixed, as the detection reward reads them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes, project
from dataset_builders.scene import Camera, Scene, SceneObject, has_intrinsics
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.visibility import seen_ids
from dataset_builders.taxonomy import SCALE_NAMES

DECIMALS = 2
"""Of every number (VST, appendix A.1)."""
SCALES = frozenset(SCALE_NAMES) - {"tiny_tabletop"}
"""At which two decimals of a metre tell one object from another."""

BOX_FORMAT = """3D bounding box format: [x_center, y_center, z_center, x_size, y_size, z_size, pitch, yaw, roll]
* x_center, y_center, z_center: the center of the object in the camera coordinate, in meters. z_center is its depth.
* x_size, y_size, z_size: the dimensions of the object along the (XYZ) axes, in meters, when all angles are zero.
* pitch, yaw, roll: Euler angles of rotations around the X, Y and Z axes, in this order. Each is normalized to the \
range of (-1, 1) and is multiplied by 180 to convert it into degrees.
"""


@dataclass(frozen=True)
class CameraBox:
    """An object that a picture shows, as a box in the frame of its camera.

    Attributes:
        item: The object.
        numbers: The nine numbers, rounded.
    """

    item: SceneObject
    numbers: tuple[float, ...]


def camera_text(camera: Camera, picture: str) -> str:
    """Give the parameters of a camera in words, and the format of boxes in its frame.

    >>> camera = Camera(np.array([[100.0, 0, 49.5], [0, 100, 39.5], [0, 0, 1]]), np.eye(4), 200, 80)
    >>> print(camera_text(camera, "image").splitlines()[1])
    Camera intrinsic parameters: horizontal fov, hfov=90.00, and vertical fov, vfov=43.60, in degrees.
    """
    return (
        f"Here are the detailed camera parameters for the {picture}.\n"
        f"Camera intrinsic parameters: {lens_text(camera)}\n"
        "Camera coordinate: the X-axis points rightward, the Y-axis downward and the Z-axis forward. The origin is "
        f"the location of the camera.\n{BOX_FORMAT}"
    )


def lens_text(camera: Camera) -> str:
    """Give the fields of view and the size of the image in words, as `camera_text` does."""
    size = np.array([camera.width, camera.height])
    horizontal, vertical = np.degrees(2 * np.arctan(size / (2 * np.diagonal(camera.intrinsics)[:2])))
    return (
        f"horizontal fov, hfov={horizontal:.2f}, and vertical fov, vfov={vertical:.2f}, in degrees.\n"
        f"Image width={camera.width} and height={camera.height}. Distortion is not considered."
    )


def box_numbers(item: SceneObject, camera: Camera) -> np.ndarray:
    """Return the nine numbers of an object's box, (9,), not rounded.

    A box has no front, so 24 triples of angles describe it. Of its axes Y is the one nearest to straight down in the
    world, so that y_size is the vertical extent; X is then the one that turns the box the least from the camera.
    """
    to_camera = camera.camera_to_world[:3, :3]
    rows, down = item.rotation @ to_camera, -item.rotation[:, 2]
    vertical = int(np.abs(down).argmax())
    y = rows[vertical] * (1 if down[vertical] > 0 else -1)
    level = [axis for axis in range(3) if axis != vertical]
    turns = {(axis, sign): _right_handed(sign * rows[axis], y) for axis in level for sign in (1, -1)}
    across, sign = max(turns, key=lambda choice: round(np.trace(turns[choice]), 9))
    ahead = next(axis for axis in level if axis != across)
    center = (item.center - camera.camera_to_world[:3, 3]) @ to_camera
    angles = Rotation.from_matrix(turns[across, sign]).as_euler("xyz") / np.pi
    return np.concatenate([center, item.size[[across, vertical, ahead]], angles])


def _right_handed(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the rotation whose columns are two axes and the third that goes with them, (3, 3)."""
    return np.column_stack([x, y, np.cross(x, y)])


def camera_boxes(scene: Scene, index: int) -> list[CameraBox]:
    """List the objects that a picture shows and that its edges do not cut off, the nearest center first.

    Left out: what it does not show; boxes of which a corner lies behind the camera or outside the picture; boxes so
    thin that a side would be rounded to nothing. None where the intrinsics are unknown.
    """
    return boxes_in(scene.frames[index].camera, whole_objects(scene, index))


def whole_objects(scene: Scene, index: int) -> list[SceneObject]:
    """List the objects that a picture shows with all corners of their boxes; none where intrinsics are unknown."""
    camera = scene.frames[index].camera
    if not has_intrinsics(camera) or not scene.objects:
        return []
    pixels, depths = project(Boxes.of(scene.objects).corners().reshape(-1, 3), camera)
    size = np.array([camera.width, camera.height])
    with np.errstate(invalid="ignore"):  # of corners behind the camera
        inside = ((pixels >= -0.5) & (pixels < size - 0.5)).all(1) & (depths > 0)
    whole, shown = inside.reshape(-1, 8).all(1), shown_ids(scene, index)
    return [item for item, fits in zip(scene.objects, whole, strict=True) if fits and item.instance_id in shown]


def boxes_in(camera: Camera, objects: Iterable[SceneObject]) -> list[CameraBox]:
    """Return the boxes of objects in the frame of a camera, the nearest center first, without those too thin."""
    boxes = []
    for item in objects:
        numbers = np.round(box_numbers(item, camera), DECIMALS) + 0.0  # no negative zero
        if (numbers[3:6] > 0).all():
            boxes.append(CameraBox(item, tuple(numbers.tolist())))
    return sorted(boxes, key=lambda box: (box.numbers[2], box.numbers))


def half_seen(scene: Scene, index: int) -> set[str]:
    """Return the categories of which a picture shows so little of an object that one may or may not count it."""
    doubtful = present_ids(scene, index) - set(shown_ids(scene, index))
    return {item.category for item in scene.objects if item.instance_id in doubtful}


def left_out(scene: Scene) -> dict[str, int]:
    """Count pictures without intrinsics, and objects that pictures show although their boxes reach behind the camera.

    Each object counts once per picture.
    """
    unknown = behind = 0
    for index, frame in enumerate(scene.frames):
        if not has_intrinsics(frame.camera):
            unknown += 1
        elif scene.objects:
            shown = shown_ids(scene, index)
            items = [item for item in scene.objects if item.instance_id in shown]
            behind += len(items) - len(ahead_of(frame.camera, items))
    return {"images without intrinsics": unknown, "boxes that reach behind the camera": behind}


def ahead_of(camera: Camera, objects: Sequence[SceneObject]) -> list[SceneObject]:
    """List the objects no corner of whose boxes lies behind a camera."""
    depths = project(Boxes.of(objects).corners().reshape(-1, 3), camera)[1].reshape(-1, 8)
    return [item for item, row in zip(objects, depths, strict=True) if (row > 0).all()]


def present_ids(scene: Scene, index: int) -> set[int]:
    """Return the ids of all that a frame's masks or boxes have, however small; none where it has neither."""
    frame = scene.frames[index]
    if frame.instances is None:
        return set(frame.boxes)
    return set(np.flatnonzero(np.bincount(frame.instances.ravel())).tolist())


def shown_ids(scene: Scene, index: int) -> Collection[int]:
    """Return the ids of what a frame shows: its large masks, or what no measured surface hides."""
    frame = scene.frames[index]
    if frame.instances is not None or frame.boxes:
        return sightings(frame).keys()
    return seen_ids(replace(scene, frames=(frame,)))
