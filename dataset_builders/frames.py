"""Scene → row of the config `scenes`, what is stored once per scene, and back."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from dataset_builders.general import open_picture, picture_size
from dataset_builders.scene import Camera, Frame, Scene, SceneObject

JPEG_QUALITY = 90
BOX = ("center", "size", "rotation")


def scene_row(scene: Scene) -> dict:
    """Turn a scene into a row; frames become JPEG."""
    return {
        "scene_id": scene.scene_id,
        "source": scene.source,
        "license": scene.license,
        "scale": scene.scale,
        "room_size": scene.room_size,
        "frames": [{"bytes": _jpeg(frame.color), "path": None} for frame in scene.frames],
        "intrinsics": [frame.camera.intrinsics.tolist() for frame in scene.frames],
        "camera_to_world": [frame.camera.camera_to_world.tolist() for frame in scene.frames],
        "objects": [
            {
                "instance_id": item.instance_id,
                "category": item.category,
                "center": item.center.tolist(),
                "size": item.size.tolist(),
                "rotation": item.rotation.tolist(),
            }
            for item in scene.objects
        ],
    }


def _jpeg(color: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(color).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def stored_cameras(row: Mapping) -> list[Camera]:
    """Return the cameras of a row, one per frame; no frame is decoded.

    Raises:
        RowError: if a frame is not a picture.
    """
    sizes = [picture_size(frame, row["scene_id"], f"frame {place}") for place, frame in enumerate(row["frames"])]
    # An importer may know the pictures but not where they were taken.
    known = zip(row["intrinsics"], row["camera_to_world"], sizes, strict=False)
    return [Camera(np.array(intrinsics), np.array(pose), *size) for intrinsics, pose, size in known]


def stored_scene(row: Mapping, indices: Sequence[int]) -> Scene:
    """Turn a row back into a scene with some of its frames; masks, depths and measured points are not stored.

    Args:
        row: Labels as names.
        indices: Of the frames, in the order in which the scene shall have them.

    Raises:
        RowError: if a frame cannot be decoded.
    """
    cameras = stored_cameras(row)
    objects = (
        SceneObject(item["instance_id"], item["category"], *(np.array(item[name]) for name in BOX))
        for item in row["objects"]
    )
    frames = (
        Frame(cameras[index], np.asarray(open_picture(row["frames"][index], row["scene_id"], f"frame {index}")))
        for index in indices
    )
    fields = {name: row[name] for name in ("scene_id", "source", "license", "scale", "room_size")}
    return Scene(**fields, objects=tuple(objects), frames=tuple(frames))
