from dataclasses import replace

import numpy as np
import pytest

from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.tasks import RULES

CUP = SceneObject(1, "cup", np.array([0.0, 0.0, 0.05]), np.array([0.08, 0.08, 0.1]), np.eye(3))
BOX = SceneObject(2, "box", np.array([0.5, 0.0, 0.2]), np.array([0.4, 0.3, 0.4]), np.eye(3))


def view(position) -> Frame:
    pose = np.eye(4)
    pose[:3, 3] = position
    return Frame(
        Camera(np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]]), pose, 64, 48), np.zeros((48, 64, 3), np.uint8)
    )


def scene(*objects, position=(2.0, 2.0, 2.0)) -> Scene:
    return Scene("desk", "test", "CC0-1.0", "tabletop", objects, (view(position),))


def test_a_sound_scene_comes_back_as_it_is():
    sound = scene(CUP, BOX)
    assert validate_scene(sound, "desk") is sound


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (scene(CUP, replace(BOX, instance_id=1)), "instance id is repeated"),
        (scene(CUP, BOX, position=(0.5, 0.05, 0.22)), "frame 0 pose: is inside object 2 (box)"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(broken, problem):
    with pytest.raises(InputError) as error:
        validate_scene(broken, "desk.json")
    assert problem in str(error.value) and str(error.value).startswith("desk.json: ") and "\n" not in str(error.value)


def test_boxes_may_touch_overlap_and_hold_each_other():
    inside = replace(CUP, instance_id=3, category="ball", center=BOX.center)
    beside = replace(CUP, instance_id=4, center=CUP.center + [0.07, 0, 0])
    assert validate_scene(scene(CUP, BOX, inside, beside), "desk").objects


def test_no_gap_is_asked_between_boxes_that_interpenetrate():
    lamp = replace(BOX, instance_id=3, category="lamp", center=BOX.center + [1.0, 0, 0])
    ball = replace(BOX, instance_id=4, category="ball", center=BOX.center + [0.1, 0.1, 0])
    (rule,) = (rule for rule in RULES if rule.name == "vsi.absolute_distance")
    crossing = replace(scene(BOX, lamp, ball), frames=())
    asked = {frozenset(fact.semantics) for fact in rule.generate(crossing, np.random.default_rng(0))}
    assert asked == {frozenset({"box", "lamp"}), frozenset({"ball", "lamp"})}


def test_a_camera_may_stand_at_the_rim_of_a_box():
    assert validate_scene(scene(BOX, position=(0.5 + 0.19, 0.0, 0.2)), "desk").frames


def test_the_extent_is_the_longest_side_of_the_upright_box_round_all_objects():
    turned = replace(BOX, rotation=np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]]))
    # Half of the turned box along X: 0.2 * 0.6 + 0.15 * 0.8.
    assert scene(CUP, turned).extent == pytest.approx(0.5 + 0.24 + 0.04)
    assert replace(scene(CUP), objects=()).extent is None
