"""The named object is the only one whose center lies in the box that is asked about."""

import numpy as np

from dataset_builders.vst.grounding import generate
from trl_recipes.rewards.detection import read_boxes


def test_the_box_holds_the_answer_and_no_other_object(by_hand):
    asked = 0
    for scene in by_hand.rendered():
        for fact in generate(scene, np.random.default_rng(0)):
            text = f'[{{"bbox_3d": {fact.words["box"]}, "label": "thing"}}]'
            _, boxes = read_boxes(text)
            pose = scene.frames[fact.key_frames[0]].camera.camera_to_world
            centers = by_hand.in_camera(np.array([item.center for item in scene.objects]), pose)
            local = np.abs((centers - boxes.centers[0]) @ boxes.rotations[0].T)
            inside = (local <= boxes.sizes[0] / 2 + 0.01).all(1)
            held = [item.category for item, is_held in zip(scene.objects, inside, strict=True) if is_held]
            assert fact.answer in held and fact.answer in fact.options
            # Rounding may let a center on the very face in; never another one in the middle.
            deep = (local <= 0.9 * boxes.sizes[0] / 2 - 0.01).all(1)
            assert [item.category for item, one in zip(scene.objects, deep, strict=True) if one] in ([], [fact.answer])
            assert len(set(fact.options)) == len(fact.options) > 1
            asked += 1
    assert asked > 10
