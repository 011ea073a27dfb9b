"""Which object does a box in the frame of the camera hold (VST, section 2, 3-D grounding)?"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.vst.camera_boxes import SCALES, CameraBox, camera_boxes, camera_text
from dataset_builders.vst.detection import NEEDS
from dataset_builders.vst.pictures import named_pictures

NUM_OPTIONS = 4


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the name of the object that a box of nine numbers holds.

    Needs: boxes, frames, intrinsics, metric.
    Rule: a box of `camera_boxes`; the options are names of other objects of the same picture.
    Dropped: boxes that hold the center of another object; pictures with one category.
    Source: VST, section 2 and appendix A.1.
    """
    pictures = named_pictures(scene)
    yield from take_turns(_of_picture(scene, index, pictures[index], rng) for index in shuffled(rng, pictures))


def _of_picture(scene: Scene, index: int, picture: str, rng: np.random.Generator) -> Iterator[Fact]:
    boxes = camera_boxes(scene, index)
    names = sorted({box.item.category for box in boxes})
    for box in shuffled(rng, boxes):
        if len(names) > 1 and not any(_holds(box.item, other) for other in scene.objects):
            yield _fact(scene, index, picture, box, names, rng)


def _holds(item: SceneObject, other: SceneObject) -> bool:
    local = item.rotation @ (other.center - item.center)
    return other is not item and bool((np.abs(local) <= item.size / 2).all())


def _fact(scene: Scene, index: int, picture: str, box: CameraBox, names: list[str], rng: np.random.Generator) -> Fact:
    answer = box.item.category
    wrong = list(shuffled(rng, [name for name in names if name != answer]))[: NUM_OPTIONS - 1]
    x, y, z = box.numbers[:3]
    side, height = ("right" if x > 0 else "left"), ("below" if y > 0 else "above")
    place = f"{abs(x):.2f} m to the {side} of the line of sight, {abs(y):.2f} m {height} it and {z:.2f} m ahead"
    return Fact(
        rule="vst.grounding",
        task="position_comparison",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=answer,
        options=(answer, *wrong),
        open_ended=True,
        semantics=(answer,),
        needs_scale=True,
        measured={"instance_id": box.item.instance_id, "bbox_3d": list(box.numbers)},
        key_frames=(index,),
        words={
            "camera": camera_text(scene.frames[index].camera, picture),
            "box": str(list(box.numbers)),
            "place": place,
        },
    )


RULES = (Rule("vst.grounding", "position_comparison", NEEDS, SCALES, generate),)
