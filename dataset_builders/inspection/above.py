"""A stored scene from above: as its page draws it, and the picture that goes with one of its questions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from dataset_builders.birds_eye import birds_eye, view_areas
from dataset_builders.conversation import select_frames
from dataset_builders.frames import stored_cameras
from dataset_builders.general import RowError
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.visibility import seen_ids
from dataset_builders.top_view import TopView, top_view

MOST_AREAS = 12
"""Cameras whose views are drawn, evenly spread over the frames, so that those of a long video can be told apart."""


def scene_view(row: Mapping) -> TopView | None:
    """Lay out a scene with what its cameras see, world X to the right; None where there is nothing to draw.

    Args:
        row: Of the config `scenes`, labels as names.
    """
    try:
        cameras = stored_cameras(row)
    except RowError:
        cameras = []  # a page is shown all the same, and the image on it says what is wrong
    shown = [cameras[index] for index in select_frames(len(cameras), MOST_AREAS)] if cameras else []
    places = [item["center"][:2] for item in row["objects"]]
    places += [camera.camera_to_world[:2, 3].tolist() for camera in cameras]
    return top_view(row["objects"], row["camera_to_world"], row["scale"], areas=view_areas(shown, np.array(places)))


def objects_to_tell(scene: Scene, named: Sequence[str]) -> list[SceneObject]:
    """Choose what to show of a scene: objects of the named categories first, then what its frames may show."""
    seen = {one for frame in scene.frames for one in seen_ids(replace(scene, frames=(frame,)))}
    items = [item for item in scene.objects if item.category in named or item.instance_id in seen]
    return sorted(items, key=lambda item: (item.category not in named, item.instance_id))


def picture_from_above(scene: Scene, named: Sequence[str]) -> Image.Image:
    """Draw a scene with the frames of a question: cameras, what they see, and the objects to tell.

    Args:
        scene: With these frames and no others, see `stored_scene`.
        named: Categories that the question names.

    Raises:
        InputError: if there is nothing to draw.
    """
    items = objects_to_tell(scene, named)
    return birds_eye(scene, objects=[item.instance_id for item in items] if items else None)
