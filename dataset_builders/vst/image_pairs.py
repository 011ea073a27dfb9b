"""Two images of one place: which objects both show, and which only one of them (VST, appendix C.2).

An image shows an object where `shown_ids` has it. It alone shows it where nothing of it can be in the other one, not
even a pixel of its mask.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from dataset_builders.geometry import Boxes, project
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.frame_pairs import FramePair, end_pair, pointed_pairs
from dataset_builders.tasks.memo import once_per_item
from dataset_builders.vst.camera_boxes import present_ids, shown_ids
from dataset_builders.vst.pictures import IMAGES, told


@dataclass(frozen=True)
class Anchor:
    """An object that one of two images alone shows and that its name tells there.

    Attributes:
        item: The object.
        image: 0 for the first image, 1 for the second.
    """

    item: SceneObject
    image: int

    @property
    def name(self) -> str:
        """What a question calls it, such as "chair in the second image"."""
        return f"{self.item.category} in the {IMAGES[self.image]}"


@dataclass(frozen=True)
class ImagePair:
    """Two images that share an object, while one has an object of its own.

    Attributes:
        frames: Which; the first image is the earlier one.
        told: A sentence that says which frames are the first and the second image.
        shown: Per image, the ids of what it shows clearly.
        present: Per image, the ids of all of which it may show anything.
        anchors: Those of both images, in the order of the scene's objects.
    """

    frames: FramePair
    told: str
    shown: tuple[frozenset[int], frozenset[int]]
    present: tuple[frozenset[int], frozenset[int]]
    anchors: tuple[Anchor, ...]

    @property
    def indices(self) -> tuple[int, int]:
        """Of the frames."""
        return self.frames.early, self.frames.late

    @property
    def shared(self) -> frozenset[int]:
        """Ids of what both images show."""
        return self.shown[0] & self.shown[1]

    @property
    def own(self) -> tuple[frozenset[int], frozenset[int]]:
        """Per image, the ids of what it alone shows."""
        return self.shown[0] - self.present[1], self.shown[1] - self.present[0]


def image_pairs(scene: Scene, rng: np.random.Generator) -> Iterator[ImagePair]:
    """Yield pairs of images that share an object while one has an object of its own: the ends, then marked frames.

    Where not every object of a category has a box, a name tells none, and there are no anchors.
    """
    ends = end_pair(scene)
    for frames in chain([ends], pointed_pairs(scene, rng)) if ends else ():
        pair = _pair(scene, frames)
        if pair is not None:
            yield pair


def ties_of(scene: Scene, pair: ImagePair) -> list[SceneObject]:
    """List what both images show, objects with a name of their own first."""
    names = [item.category for item in scene.objects]
    shared = [item for item in scene.objects if item.instance_id in pair.shared]
    return sorted(shared, key=lambda item: (names.count(item.category), item.instance_id))


def indistinct(scene: Scene) -> int:
    """Count the objects that one of two images alone shows, but that no pair of images has for an anchor.

    As many pairs are looked at as `image_pairs` yields, drawn alike for every rule.
    """
    own, named = set(), set()
    for pair in image_pairs(scene, np.random.default_rng(0)):
        own |= pair.own[0] | pair.own[1]
        named |= {anchor.item.instance_id for anchor in pair.anchors}
    return len(own - named)


def _pair(scene: Scene, frames: FramePair) -> ImagePair | None:
    shown, present = zip(*(_showings(scene)[index] for index in (frames.early, frames.late)), strict=True)
    pair = ImagePair(frames, told(scene, frames), shown, present, ())
    if not pair.shared or not any(pair.own):
        return None
    return replace(pair, anchors=tuple(_anchors(scene, pair))) if scene.complete else pair


def _anchors(scene: Scene, pair: ImagePair) -> Iterator[Anchor]:
    """Yield those of the images' own objects that are the only ones of their category there."""
    there = [[item.category for item in scene.objects if item.instance_id in ids] for ids in pair.present]
    for item in scene.objects:
        for image, ids in enumerate(pair.own):
            if item.instance_id in ids and there[image].count(item.category) == 1:
                yield Anchor(item, image)


@once_per_item
def _showings(scene: Scene) -> tuple[tuple[frozenset[int], frozenset[int]], ...]:
    """Return for every frame the ids of what it shows clearly, and of what it may show anything of."""
    known, found = {item.instance_id for item in scene.objects}, []
    for index, frame in enumerate(scene.frames):
        shown = known.intersection(shown_ids(scene, index))
        labelled = frame.instances is not None or frame.boxes
        present = known & present_ids(scene, index) if labelled else shown | _reaching(scene, index)
        found.append((frozenset(shown), frozenset(present)))
    return tuple(found)


def _reaching(scene: Scene, index: int) -> set[int]:
    """Return the ids of all objects whose boxes can reach into a picture, whatever stands before them."""
    camera = scene.frames[index].camera
    pixels, depths = project(Boxes.of(scene.objects).corners().reshape(-1, 3), camera)
    pixels, ahead = pixels.reshape(-1, 8, 2), depths.reshape(-1, 8) > 0
    size = np.array([camera.width, camera.height])
    with np.errstate(invalid="ignore"):  # of corners behind the camera
        outside = ((pixels < -0.5).all(1) | (pixels >= size - 0.5).all(1)).any(1)
    reaches = np.where(ahead.all(1), ~outside, ahead.any(1))
    return {item.instance_id for item, reach in zip(scene.objects, reaches, strict=True) if reach}
