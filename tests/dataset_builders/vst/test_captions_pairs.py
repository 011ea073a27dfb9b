"""What is told of two images against their masks, poses and the thresholds of VST's table 26."""

import re
from itertools import islice

import numpy as np
import pytest

from dataset_builders.scene import Scene
from dataset_builders.vst.captions import caption, num_sentences
from dataset_builders.vst.captions_pairs import generate
from dataset_builders.vst.scene_graph import Node

BANNED = re.compile(
    r"\b(axis|axes|coordinates?|according to|as shown in|relationships?)\b|\b[xyz][ =-]", re.IGNORECASE
)
VIEWS = re.compile(
    r"The first image shows (?P<first>.+?)\. In the second image, taken (?P<motion>.+?), (?P<both>the .+?) can "
    r"still be seen\. (?:New in it: (?P<new>.+?)\. )?(?:(?P<gone>The [^.]+?) can no longer be seen\. )?"
    r"(?=Seen from the camera of the first image)"
)


def facts(scene: Scene, most: int = 60) -> list:
    return list(islice(generate(scene, np.random.default_rng(0)), most))


def things(text: str | None) -> set[str]:
    return set() if text is None else set(re.split(r", | and ", re.sub(r"\b[Tt]he ", "", text)))


def test_what_each_image_shows_is_what_its_masks_have(by_hand):
    asked, told = 0, set()
    for scene in by_hand.rendered(count=4):
        names = {item.instance_id: item.category for item in scene.objects}
        for fact in facts(scene):
            views = VIEWS.match(fact.answer)
            first, second = (
                {names[one] for one in np.unique(scene.frames[index].instances) if one in names}
                for index in fact.key_frames
            )
            asked_about = set(fact.semantics)
            assert things(views["first"]) == asked_about & first
            assert things(views["both"]) == asked_about & first & second
            assert things(views["new"]) == asked_about & second - first
            assert things(views["gone"]) == asked_about & first - second
            assert asked_about <= first | second and asked_about & first & second and asked_about != first & second
            told |= {part for part in ("new", "gone") if views[part]} | {views["motion"]}
            asked += 1
    assert asked > 30 and {"new", "gone"} <= told and any("moving" in one for one in told)


def test_the_layout_is_the_caption_of_the_first_camera(by_hand):
    for scene in by_hand.rendered(count=3):
        objects = {item.instance_id: item for item in scene.objects}
        for fact in facts(scene):
            pose = scene.frames[fact.key_frames[0]].camera.camera_to_world
            items = [objects[number] for number in fact.measured["instance_ids"]]
            centers = by_hand.in_camera(np.array([item.center for item in items]), pose)
            nodes = [Node(item.category, center) for item, center in zip(items, centers, strict=True)]
            assert (centers[:, 2] > 0).all()
            layout = fact.answer[fact.answer.index("Seen from the camera of the first image") :]
            assert layout == caption(nodes, "the camera of the first image")
            assert 4 <= num_sentences(fact.answer) <= 20 and not BANNED.search(fact.answer)


def test_the_motion_is_that_of_the_poses(by_hand):
    """Signs of the parts that are told: right, up and ahead in the first camera's own directions."""
    checked = 0
    for scene in by_hand.rendered(count=4):
        for fact in facts(scene):
            one, other = (scene.frames[index].camera.camera_to_world for index in fact.key_frames)
            right, down, ahead = by_hand.in_camera(other[None, :3, 3], one)[0]
            motion = VIEWS.match(fact.answer)["motion"]
            for word, part in (("rightward", right), ("upward", -down), ("forward", ahead)):
                assert part > 0 if word in motion else True
            for word, part in (("leftward", right), ("downward", -down), ("backward", ahead)):
                assert part < 0 if word in motion else True
            if "moving" in motion:
                assert np.linalg.norm([right, down, ahead]) >= 0.25
                largest = max((abs(right), "sideways"), (abs(down), "vertical"), (abs(ahead), "ahead"))[1]
                words = {"sideways": "(right|left)ward", "vertical": "(up|down)ward", "ahead": "(for|back)ward"}
                assert re.search(words[largest], motion)
                checked += 1
            view = one[:3, :3].T @ other[:3, 2]
            if "panning" in motion:
                assert (view[0] > 0) == ("panning to the right" in motion)
    assert checked > 20


@pytest.mark.parametrize(
    ("position", "heading", "motion"),
    [
        ((2, 0, 1), 0, "after moving rightward"),
        ((-1, 1, 1), 0, "after moving leftward and forward"),
        ((0, -2, 1), 0, "after moving backward"),
        ((0, 0, 2), 0, "after moving upward"),
        ((0, 0, 1), 40, "after panning to the right"),
        ((0, 0, 1), -40, "after panning to the left"),
        ((1, 0, 1), -40, "after panning to the left, then moving rightward"),
        ((0.05, 0, 1), 3, "from another place"),
    ],
)
def test_motions_of_two_cameras(by_hand, position, heading, motion):
    places = {"bed": (0.5, 3, 1), "lamp": (0, 2.5, 1), "sofa": (-0.5, 3, 1), "desk": (1, 4, 1)}
    objects = [by_hand.cube(n, name, place) for n, (name, place) in enumerate(places.items(), start=1)]
    poses = [by_hand.level_pose((0, 0, 1), 0), by_hand.level_pose(position, heading)]
    found = facts(by_hand.masked(objects, poses, [(1, 2, 3), (1, 2, 4)]))
    assert found and {VIEWS.match(fact.answer)["motion"] for fact in found} == {motion}


def test_objects_behind_the_first_camera_and_names_that_two_have_are_left_out(by_hand):
    names = ("bed", "lamp", "sofa", "desk", "chair", "chair")
    places = ((0.5, 3, 1), (0, 2.5, 1), (-0.5, 3, 1), (1, -1, 1), (1, 3, 1), (1, 4, 1))
    objects = [
        by_hand.cube(n, name, place) for n, (name, place) in enumerate(zip(names, places, strict=True), start=1)
    ]
    poses = [by_hand.level_pose((0, 0, 1), 0), by_hand.level_pose((0, 6, 1), 180)]
    found = facts(by_hand.masked(objects, poses, [(1, 2, 5), (1, 3, 4, 6)]))
    assert found and {name for fact in found for name in fact.semantics} == {"bed", "lamp", "sofa"}
