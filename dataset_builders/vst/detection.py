"""Where are all objects of some categories, as boxes in the frame of the camera (VST, table 23)?"""

import json
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.vst.camera_boxes import SCALES, CameraBox, camera_boxes, camera_text, half_seen, left_out
from dataset_builders.vst.pictures import named_pictures

MOST_BOXES = 20
"""In an answer, so that it stays readable for a model."""
MOST_TOGETHER = 3
"""Categories in a question."""


def boxes_text(boxes: Sequence[CameraBox]) -> str:
    """Write boxes as the JSON list of table 23, in the order given."""
    rows = (json.dumps({"bbox_3d": list(box.numbers), "label": box.item.category}) for box in boxes)
    return f"[{', '.join(rows)}]"


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the boxes of all objects of one to three categories in a picture, nearest first.

    Needs: boxes, frames, intrinsics, metric.
    Rule: `camera_boxes`; the question says that objects which the picture cuts off do not count.
    Dropped: categories of which an object is seen too little to tell whether it counts; over 20 boxes.
    Source: VST, appendix A.1, C.2 and table 23. Labels of a source that leaves objects out are taken as they are, as
        VST takes them; `measured` tells.
    """
    pictures = named_pictures(scene)
    yield from take_turns(_of_picture(scene, index, pictures[index], rng) for index in shuffled(rng, pictures))


def _of_picture(scene: Scene, index: int, picture: str, rng: np.random.Generator) -> Iterator[Fact]:
    groups = boxes_by_category(scene, index)
    names = sorted(groups)
    together = (set_ for size in range(1, MOST_TOGETHER + 1) for set_ in shuffled(rng, combinations(names, size)))
    for chosen in together:
        boxes = sorted((box for name in chosen for box in groups[name]), key=lambda box: (box.numbers[2], box.numbers))
        if len(boxes) <= MOST_BOXES:
            yield detection_fact(scene, index, picture, chosen, boxes)


def boxes_by_category(scene: Scene, index: int) -> dict[str, list[CameraBox]]:
    """Group the boxes of a picture, the nearest first, without categories of a doubtful number."""
    doubtful, groups = half_seen(scene, index), {}
    for box in camera_boxes(scene, index):
        if box.item.category not in doubtful:
            groups.setdefault(box.item.category, []).append(box)
    return groups


def detection_fact(scene: Scene, index: int, picture: str, chosen: Sequence[str], boxes: Sequence[CameraBox]) -> Fact:
    """Make the fact that asks for the boxes of some categories in a picture: `boxes`, sorted."""
    camera = scene.frames[index].camera
    depths = joined([f"{box.item.category} {box.numbers[2]:.2f} m" for box in boxes], "and")
    return Fact(
        rule="vst.detection",
        task="position_comparison",
        answer_type="free_form",
        prompt_type="text",
        answer=boxes_text(boxes),
        semantics=tuple(chosen),
        needs_scale=True,
        measured={
            "instance_ids": [box.item.instance_id for box in boxes],
            "labels_complete": scene.complete,
            "depths_m": [tidy(box.numbers[2]) for box in boxes],
        },
        key_frames=(index,),
        words={"camera": camera_text(camera, picture), "things": joined(chosen, "and"), "depths": depths},
    )


NEEDS = frozenset({"boxes", "frames", "intrinsics", "metric"})
RULES = (Rule("vst.detection", "position_comparison", NEEDS, SCALES, generate, left_out),)
