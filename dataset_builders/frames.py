"""Scene → row of the config `scenes`: what is stored once per scene."""

import io

import numpy as np
from PIL import Image

from dataset_builders.scene import Scene

JPEG_QUALITY = 90


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
