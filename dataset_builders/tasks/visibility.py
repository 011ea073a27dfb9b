"""Which objects a scene shows, so that nothing is asked that cannot be seen.

An object is seen where its visible mask, or box, in some frame is large enough (see `sightings`). A frame with neither
shows an object where the centre of its box lies in the picture and no known depth puts another surface before the
box. A scene without frames is known by its boxes alone: all of them count as seen.
"""

from collections.abc import Sequence

import numpy as np

from dataset_builders.geometry import Boxes, project
from dataset_builders.scene import Frame, Scene, SceneObject
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.tasks.sightings import mask_sizes, sightings


@once_per_item
def seen_ids(scene: Scene) -> set[int]:
    """Return the instance ids of all objects that some frame shows."""
    if not scene.frames:
        return {item.instance_id for item in scene.objects}
    return {found for frame in scene.frames for found in _shown(frame, scene.objects)}


@once_per_item
def seen_categories(scene: Scene) -> dict[str, list[SceneObject]]:
    """Group the objects by category, without the categories of which some instance is not seen or has no box."""
    if not scene.complete:
        return {}
    seen = seen_ids(scene)
    groups = scene.by_category()
    return {name: group for name, group in groups.items() if all(item.instance_id in seen for item in group)}


def seen_unique_objects(scene: Scene) -> list[SceneObject]:
    """List the seen objects that are the only one of their category, in alphabetical order."""
    return [group[0] for group in seen_categories(scene).values() if len(group) == 1]


def frames_with_masks(scene: Scene) -> list[int]:
    """Return the indices of the frames whose pixels are known to be of which object."""
    return [index for index, frame in enumerate(scene.frames) if frame.instances is not None]


def frames_with_sightings(scene: Scene) -> list[int]:
    """Return the indices of the frames in which it is known, by masks or boxes, where the objects are."""
    return [index for index, frame in enumerate(scene.frames) if frame.instances is not None or frame.boxes]


def end_frames(scene: Scene) -> dict[int, str]:
    """Return the indices of the first and last frame and how a question calls them.

    Every selection of frames keeps these two, and no other frame can be told by words once frames are left out.
    """
    last = {len(scene.frames) - 1: "last"} if len(scene.frames) > 1 else {}
    return {0: "first", **last}


def _shown(frame: Frame, objects: Sequence[SceneObject]) -> list[int]:
    if frame.instances is not None:
        return list(mask_sizes(frame.instances))
    if frame.boxes:
        return list(sightings(frame))
    boxes = Boxes.of(objects)
    pixels, depths = project(boxes.centers, frame.camera)
    size = np.array([frame.camera.width, frame.camera.height])
    visible = (depths > 0) & ((pixels >= -0.5) & (pixels < size - 0.5)).all(1)
    if frame.depth is not None:
        columns, rows = np.clip(np.rint(np.nan_to_num(pixels)), 0, size - 1).astype(int).T
        surfaces = frame.depth[rows, columns]
        visible &= (surfaces == 0) | (surfaces >= depths - np.linalg.norm(boxes.halves, axis=1))
    return [item.instance_id for item, shown in zip(objects, visible, strict=True) if shown]
