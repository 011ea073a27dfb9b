"""What a teacher is shown of a question: its frames with their marks, the place from above, cameras and objects."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image

from dataset_builders.birds_eye import drawn_names
from dataset_builders.conversation import draw_regions, select_frames
from dataset_builders.frames import JPEG_QUALITY, stored_scene
from dataset_builders.inspection.above import objects_to_tell, picture_from_above
from dataset_builders.inspection.files import DatasetFiles, Group, read_group
from dataset_builders.inspection.statistics import with_names
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.visibility import seen_ids
from dataset_builders.vst.camera_boxes import box_numbers

NUM_FRAMES = 8
"""Frames of a question that is about no one in particular."""
CACHED_SCENES = 8


@dataclass(frozen=True)
class Sight:
    """What goes with a question.

    Attributes:
        images: `data:` addresses of its frames, in their order.
        from_above: `data:` address of the picture from above.
        cameras: Of each image, `position`, metres, and `looks`, of unit length, in the first camera's axes.
        objects: `name`, `position` and `size`, metres, in the first camera's axes, and `in_images`, which may show it.
    """

    images: tuple[str, ...]
    from_above: str
    cameras: list[dict]
    objects: list[dict]


class Sights:
    """Makes the sights of the questions of a dataset folder."""

    def __init__(self, files: DatasetFiles):
        """Find the scenes."""
        self._places: dict[tuple[str, ...], tuple[Group, int]] = {}
        self._frames: dict[tuple[str, ...], int] = {}
        for group, table in files.groups("scenes", ["source", "scene_id", "camera_to_world"]):
            for number, row in enumerate(table.to_pylist()):
                if row["camera_to_world"]:
                    place = group.split, row["source"], row["scene_id"]
                    self._places[place], self._frames[place] = (group, number), len(row["camera_to_world"])
        self._read = lru_cache(CACHED_SCENES)(self._scene_row)

    def __contains__(self, row: Mapping) -> bool:
        """Tell whether a question has frames of known cameras."""
        return row["video"] is not None and _place(row) in self._places

    def num_images(self, row: Mapping) -> int:
        """Return how many frames a question is shown with."""
        return len(self._indices(row))

    def of(self, row: Mapping) -> Sight:
        """Show a question; its key frames or, where it has none, up to `NUM_FRAMES` of the video.

        Args:
            row: Of the `questions` config, with its `split`.

        Raises:
            RowError: if a frame cannot be decoded.
        """
        stored, indices = self._read(_place(row)), self._indices(row)
        scene = stored_scene(stored, indices)
        images = []
        for index, frame in zip(indices, scene.frames, strict=True):
            marks = [region for region in row["regions"] if region["frame_index"] == index]
            images.append(_address(draw_regions(Image.fromarray(frame.color), marks), "JPEG", quality=JPEG_QUALITY))
        named = row["anchors"]["semantics"]
        above = _address(picture_from_above(scene, named), "PNG")
        return Sight(tuple(images), above, _cameras(scene), _objects(scene, objects_to_tell(scene, named)))

    def _indices(self, row: Mapping) -> list[int]:
        return sorted(row["key_frames"]) or select_frames(self._frames[_place(row)], NUM_FRAMES)

    def _scene_row(self, place: tuple[str, ...]) -> dict:
        group, number = self._places[place]
        return with_names(read_group(group).slice(number, 1), "scenes").to_pylist()[0]


def _place(row: Mapping) -> tuple[str, ...]:
    return row["split"], row["source"], row["scene_id"]


def _cameras(scene: Scene) -> list[dict]:
    first, poses = scene.frames[0].camera.camera_to_world, [frame.camera.camera_to_world for frame in scene.frames]
    return [
        {
            "position": _numbers((pose[:3, 3] - first[:3, 3]) @ first[:3, :3]),
            "looks": _numbers(pose[:3, 2] @ first[:3, :3]),
        }
        for pose in poses
    ]


def _objects(scene: Scene, items: Sequence[SceneObject]) -> list[dict]:
    shown, rows = [seen_ids(replace(scene, frames=(frame,))) for frame in scene.frames], []
    for name, item in zip(drawn_names(scene, items), items, strict=True):
        numbers = box_numbers(item, scene.frames[0].camera)
        seen = [item.instance_id in ids for ids in shown]
        rows.append(
            {"name": name, "position": _numbers(numbers[:3]), "size": _numbers(numbers[3:6]), "in_images": seen}
        )
    return rows


def _numbers(values: np.ndarray) -> list[float]:
    return [float(f"{value:.3g}") + 0.0 for value in values.round(6).tolist()]  # no negative zero


def _address(image: Image.Image, kind: str, **options: int) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
