"""What a question is asked about: a scene with known geometry.

Frames of reference: the world has Z up; a camera follows OpenCV (x right, y down, z forward); all lengths are metres.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALES

MIDDLE = 0.5
"""Share of a box's sides that certainly is the object."""


def is_rotation(matrix: np.ndarray, tolerance: float = 1e-3) -> bool:
    """Tell whether a (3, 3) matrix is orthonormal (either handedness: published box axes come in both).

    >>> is_rotation(np.eye(3)), is_rotation(2 * np.eye(3))
    (True, False)
    """
    return bool(np.isfinite(matrix).all() and np.allclose(matrix @ matrix.T, np.eye(3), atol=tolerance))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        intrinsics: (3, 3), pixels; pixel (0, 0) is the centre of the top left pixel; NaN where they are unknown.
        camera_to_world: (4, 4), rigid, metres.
        width: Pixels.
        height: Pixels.
    """

    intrinsics: np.ndarray
    camera_to_world: np.ndarray
    width: int
    height: int


def has_intrinsics(camera: Camera) -> bool:
    """Tell whether it is known how the camera projects."""
    focal = np.diagonal(camera.intrinsics)[:2]
    return bool(np.isfinite(camera.intrinsics).all() and (focal > 0).all())


@dataclass(frozen=True)
class ObjectBox:
    """Where a frame shows an object, from a source that publishes boxes in the picture instead of masks.

    Attributes:
        bbox: x1, y1, x2, y2, pixels, inclusive, inside the frame.
        surface: Metres along the optical axis to the nearest surface that was measured; NaN where none was.
    """

    bbox: tuple[int, int, int, int]
    surface: float = float("nan")


@dataclass(frozen=True)
class Frame:
    """One image of a scene with what is known about its pixels.

    Attributes:
        camera: Where it was taken from.
        color: (H, W, 3) uint8 RGB.
        depth: (H, W) float32, metres along the optical axis, 0 where unknown; None where the source has no depth.
        instances: (H, W) int32, `SceneObject.instance_id` of the visible object, 0 for background; None if unknown.
        boxes: `SceneObject.instance_id` → where the frame shows it, where boxes are known instead of `instances`.
    """

    camera: Camera
    color: np.ndarray
    depth: np.ndarray | None = None
    instances: np.ndarray | None = None
    boxes: Mapping[int, ObjectBox] = field(default_factory=dict)


@dataclass(frozen=True)
class SceneObject:
    """An object as an oriented box.

    Attributes:
        instance_id: Unique in its scene, from 1.
        category: Lower-case English noun, e.g. `"trash bin"`.
        center: (3,) metres, world.
        size: (3,) metres, full lengths along the box's own axes.
        rotation: (3, 3); ROW i is the unit direction of axis i in the world.
        points: (N, 3) metres, world: points measured on its surface; None where the source has none.
    """

    instance_id: int
    category: str
    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray
    points: np.ndarray | None = None


@dataclass(frozen=True)
class Scene:
    """A place with known geometry; what a source lacks is empty or None, never guessed.

    Attributes:
        scene_id: Unique within the source.
        source: Name of the source, e.g. `synthetic`.
        license: Terms of the underlying data, as an SPDX identifier or in words.
        scale: One of `SCALE_NAMES`.
        objects: Oriented boxes.
        frames: Images in temporal order.
        room_size: Square metres of floor, where the scene is a room.
        metric: Whether lengths are metres; False where the scale of a reconstruction is unknown, and then no question
            that rests on a length is asked.
        complete: Whether every object of the categories in `objects` has a box; False where labels leave some out, and
            then no question counts objects or tells one by its name.
    """

    scene_id: str
    source: str
    license: str
    scale: str
    objects: tuple[SceneObject, ...] = ()
    frames: tuple[Frame, ...] = ()
    room_size: float | None = None
    metric: bool = True
    complete: bool = True
    metadata: dict = field(default_factory=dict)

    @cached_property
    def extent(self) -> float | None:
        """Longest side, metres, of the upright box round all objects: the scale anchor; None without objects.

        The paper leaves "the estimated scene scale" open (Eq. 3); this reading is ours.
        """
        if not self.objects:
            return None
        reach = np.array([(item.size / 2) @ np.abs(item.rotation) for item in self.objects])
        centers = np.array([item.center for item in self.objects])
        return float(((centers + reach).max(axis=0) - (centers - reach).min(axis=0)).max())

    def by_category(self) -> dict[str, list[SceneObject]]:
        """Group the objects by category, categories in alphabetical order."""
        groups: dict[str, list[SceneObject]] = {}
        for item in sorted(self.objects, key=lambda item: (item.category, item.instance_id)):
            groups.setdefault(item.category, []).append(item)
        return groups

    def unique_objects(self) -> list[SceneObject]:
        """List the objects that are the only one of their category, so that a name identifies them."""
        if not self.complete:
            return []
        return [group[0] for group in self.by_category().values() if len(group) == 1]


def validate_scene(scene: Scene, place) -> Scene:
    """Return the scene, or refuse it by naming the file (`place`), the field and the fix.

    Raises:
        InputError: on a box that is not finite, positive and orthonormal, a repeated instance id, a
            pose that is not rigid or lies inside an object, or a frame whose depth or instances differ in size from
            its colours or whose boxes lie outside it.
    """
    if scene.scale not in SCALES:
        raise InputError(place, "scale", f"is {scene.scale!r}", f"use one of {', '.join(SCALES)}")
    if not scene.objects and not scene.frames:
        raise InputError(place, "objects", "the scene has no objects and no frames", "remove it or annotate it")
    seen: set[int] = set()
    for item in scene.objects:
        where = f"object {item.instance_id} ({item.category})"
        if item.instance_id in seen or item.instance_id < 1:
            raise InputError(place, where, "instance id is repeated or below 1", "number objects 1, 2, …")
        seen.add(item.instance_id)
        if not np.isfinite(item.center).all():
            raise InputError(place, f"{where} center", f"is {item.center.tolist()}", "give finite metres")
        if not np.isfinite(item.size).all() or (item.size <= 0).any():
            raise InputError(place, f"{where} size", f"is {item.size.tolist()}", "give positive lengths in metres")
        if not is_rotation(item.rotation):
            raise InputError(place, f"{where} rotation", "rows are not orthonormal", "give unit axes as rows")
    for index, frame in enumerate(scene.frames):
        _validate_frame(frame, f"frame {index}", place)
        _refuse_inside(frame.camera, f"frame {index}", scene.objects, place)
    return scene


def _refuse_inside(camera: Camera, where: str, objects: tuple[SceneObject, ...], place) -> None:
    """Refuse a camera in the solid middle of an object; a box reaches over what surrounds the thing itself."""
    position = camera.camera_to_world[:3, 3]
    for item in objects:
        if (np.abs(item.rotation @ (position - item.center)) < MIDDLE * item.size / 2).all():
            problem = f"is inside object {item.instance_id} ({item.category})"
            raise InputError(place, f"{where} pose", problem, "correct the pose or the box, in metres")


def _validate_frame(frame: Frame, where: str, place) -> None:
    pose, shape = frame.camera.camera_to_world, frame.color.shape[:2]
    if pose.shape != (4, 4) or not is_rotation(pose[:3, :3]) or not np.isfinite(pose).all():
        raise InputError(place, f"{where} pose", "is not a rigid 4x4 matrix", "give camera-to-world in metres")
    if np.linalg.det(pose[:3, :3]) < 0 or not np.allclose(pose[3], [0, 0, 0, 1], atol=1e-4):
        raise InputError(place, f"{where} pose", "mirrors or projects", "give a proper rotation and last row 0 0 0 1")
    if shape != (frame.camera.height, frame.camera.width):
        size = f"{frame.camera.width}x{frame.camera.height}"
        raise InputError(place, f"{where} color", f"is {shape[1]}x{shape[0]}, the camera {size}", "make them agree")
    for name, pixels in (("depth", frame.depth), ("instances", frame.instances)):
        if pixels is not None and pixels.shape != shape:
            problem = f"is {pixels.shape[1]}x{pixels.shape[0]}, the colour image {shape[1]}x{shape[0]}"
            raise InputError(place, f"{where} {name}", problem, f"give {name} registered to the colour image")
    for instance_id, (x1, y1, x2, y2) in ((instance_id, box.bbox) for instance_id, box in frame.boxes.items()):
        if not (0 <= x1 <= x2 < shape[1] and 0 <= y1 <= y2 < shape[0]):
            problem = f"is {[x1, y1, x2, y2]} in an image of {shape[1]}x{shape[0]}"
            raise InputError(place, f"{where} box of object {instance_id}", problem, "give x1, y1, x2, y2 inside it")
