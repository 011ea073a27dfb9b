"""How a question calls the pictures that it is about."""

from dataset_builders.scene import Scene
from dataset_builders.tasks.frame_pairs import FramePair
from dataset_builders.tasks.visibility import end_frames

IMAGES = ("first image", "second image")
"""How a question calls two pictures once it has told which frames they are."""


def named_pictures(scene: Scene) -> dict[int, str]:
    """Return the frames that a question can name, and how; no other can be told once frames are left out.

    >>> named_pictures(Scene("room", "vsi-meta", "unknown", "indoor"))
    {}
    """
    if len(scene.frames) == 1:
        return {0: "image"}
    return {index: f"{end} frame" for index, end in end_frames(scene).items()} if scene.frames else {}


def told(scene: Scene, pair: FramePair) -> str:
    """Say which frames are the first and the second image."""
    if len(scene.frames) == 2:
        return "Here are two images of one place."
    (one, other), (early, late) = IMAGES, pair.names
    return f"The {one} is the {early}, and the {other} is the {late}."


def where(x: float, y: float) -> str:
    """Say where a place lies in a picture, or in a part of it.

    Args:
        x: Share of the width, from the left.
        y: Share of the height, from the top.

    >>> where(0.1, 0.9), where(0.5, 0.4), where(0.5, 0.1)
    ('at the lower left', 'in the middle', 'at the top')
    """
    column, row = (min(2, int(3 * share)) for share in (x, y))
    if row == 1:
        return ("on the left", "in the middle", "on the right")[column]
    side = ("upper", "lower")[row == 2]
    return (f"at the {side} left", "at the top" if row == 0 else "at the bottom", f"at the {side} right")[column]
