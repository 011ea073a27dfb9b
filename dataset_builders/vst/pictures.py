"""How a question calls the one picture that it is about."""

from dataset_builders.scene import Scene
from dataset_builders.tasks.visibility import end_frames


def named_pictures(scene: Scene) -> dict[int, str]:
    """Return the frames that a question can name, and how; no other can be told once frames are left out.

    >>> named_pictures(Scene("room", "vsi-meta", "unknown", "indoor"))
    {}
    """
    if len(scene.frames) == 1:
        return {0: "image"}
    return {index: f"{end} frame" for index, end in end_frames(scene).items()} if scene.frames else {}
