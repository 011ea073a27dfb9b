"""Detection as a conversation: each turn names the next category (VST, section 5.4 and appendix C.2).

"Multi-turn data helps to build layouts from context": table 12 gains 1.7 AP by mixing it with single turns.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import Rule
from dataset_builders.vst.camera_boxes import SCALES, left_out
from dataset_builders.vst.detection import MOST_BOXES, NEEDS, boxes_by_category, detection_fact
from dataset_builders.vst.pictures import named_pictures

MOST_TURNS = 6


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the boxes of one category of a picture after the other, two to six in a conversation.

    Needs: boxes, frames, intrinsics, metric.
    Rule: that of `detection`; the first turn gives camera and format, the others only name the next category.
    Dropped: as in `detection`; a category that would be alone.
    Source: VST, section 5.4 and appendix C.2.
    """
    pictures = named_pictures(scene)
    yield from take_turns(_of_picture(scene, index, pictures[index], rng) for index in shuffled(rng, pictures))


def _of_picture(scene: Scene, index: int, picture: str, rng: np.random.Generator) -> Iterator[Fact]:
    groups = boxes_by_category(scene, index)
    names = list(shuffled(rng, sorted(name for name, boxes in groups.items() if len(boxes) <= MOST_BOXES)))
    for start in range(0, len(names) - 1, MOST_TURNS):
        asked = (
            detection_fact(scene, index, picture, (name,), groups[name]) for name in names[start : start + MOST_TURNS]
        )
        first, *rest = (replace(fact, rule="vst.detection_turns", wording="vst.detection_next") for fact in asked)
        yield replace(first, wording="vst.detection", then=tuple(rest))


RULES = (Rule("vst.detection_turns", "position_comparison", NEEDS, SCALES, generate, left_out),)
