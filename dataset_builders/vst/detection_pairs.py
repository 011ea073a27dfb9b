"""Where are all objects of some categories that two images show, as boxes in the frame of the first camera?

VST calls it 3D Object Detection-MI: the boxes of `detection`, with the first image's camera for the world.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene, has_intrinsics
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.vst.camera_boxes import (
    SCALES,
    CameraBox,
    ahead_of,
    boxes_in,
    camera_text,
    lens_text,
    present_ids,
    shown_ids,
    whole_objects,
)
from dataset_builders.vst.detection import MOST_BOXES, MOST_TOGETHER, NEEDS, boxes_text
from dataset_builders.vst.image_pairs import ImagePair, image_pairs
from dataset_builders.vst.pictures import IMAGES
from dataset_builders.vst.reasoning import described


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the boxes of all objects of one to three categories in either of two images, nearest first.

    Needs: boxes, frames, intrinsics of both images, metric.
    Rule: objects that one of the images shows with all corners of their boxes; the numbers are those of
        `camera_boxes.box_numbers` for the first camera. At least one of them is whole in the second image alone.
    Dropped: boxes of which a corner lies behind the first camera, as the question says; categories of which an object
        is in an image but whole in neither; over 20 boxes.
    Source: VST, appendix C.2.
    """
    yield from take_turns(_of_pair(scene, pair, rng) for pair in image_pairs(scene, rng))


def _of_pair(scene: Scene, pair: ImagePair, rng: np.random.Generator) -> Iterator[Fact]:
    cameras = [scene.frames[index].camera for index in pair.indices]
    if not all(map(has_intrinsics, cameras)):
        return
    first, second = ({item.instance_id for item in whole_objects(scene, index)} for index in pair.indices)
    doubtful, groups = _doubtful(scene, pair) - first - second, {}
    dropped = {item.category for item in scene.objects if item.instance_id in doubtful}
    whole = [item for item in scene.objects if item.instance_id in first | second and item.category not in dropped]
    for box in boxes_in(cameras[0], ahead_of(cameras[0], whole)):
        groups.setdefault(box.item.category, []).append(box)
    together = (
        chosen for size in range(1, MOST_TOGETHER + 1) for chosen in shuffled(rng, combinations(sorted(groups), size))
    )
    for chosen in together:
        boxes = sorted((box for name in chosen for box in groups[name]), key=lambda box: (box.numbers[2], box.numbers))
        if len(boxes) <= MOST_BOXES and any(box.item.instance_id not in first for box in boxes):
            yield _fact(scene, pair, chosen, boxes)


def _doubtful(scene: Scene, pair: ImagePair) -> set[int]:
    """Return the ids of what an image shows so little of that one may or may not count it."""
    return {one for index in pair.indices for one in present_ids(scene, index) - set(shown_ids(scene, index))}


def _fact(scene: Scene, pair: ImagePair, chosen: Sequence[str], boxes: Sequence[CameraBox]) -> Fact:
    cameras, ids = [scene.frames[index].camera for index in pair.indices], [box.item.instance_id for box in boxes]
    depths = joined([f"{box.item.category} {box.numbers[2]:.2f} m" for box in boxes], "and")
    return Fact(
        rule="vst.detection_pair",
        task="position_comparison",
        answer_type="free_form",
        prompt_type=pair.frames.prompt_type,
        answer=boxes_text(boxes),
        semantics=tuple(chosen),
        needs_scale=True,
        measured={
            "instance_ids": ids,
            "labels_complete": scene.complete,
            "depths_m": [tidy(box.numbers[2]) for box in boxes],
        },
        regions=pair.frames.regions,
        key_frames=pair.indices,
        words={
            "told": pair.told,
            "camera": f"{camera_text(cameras[0], IMAGES[0])}The {IMAGES[1]} has {lens_text(cameras[1])}\n",
            "things": joined(chosen, "and"),
            "depths": depths,
            **described(scene, pair.indices, ids),
        },
    )


def _left_out(scene: Scene) -> dict[str, int]:
    """Count images without intrinsics, and objects of second images whose boxes reach behind the first camera.

    Pairs of images are those that `image_pairs` yields, drawn alike for every scene.
    """
    behind = 0
    for pair in image_pairs(scene, np.random.default_rng(0)):
        early, late = pair.indices
        whole = whole_objects(scene, late)
        behind += len(whole) - len(ahead_of(scene.frames[early].camera, whole))
    unknown = sum(not has_intrinsics(frame.camera) for frame in scene.frames)
    return {"images without intrinsics": unknown, "boxes that reach behind the first camera": behind}


RULES = (Rule("vst.detection_pair", "position_comparison", NEEDS, SCALES, generate, _left_out),)
