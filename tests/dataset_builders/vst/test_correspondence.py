"""Correspondence: every candidate is projected anew from depth, masks and poses, and compared with the answer."""

import re
from collections import Counter
from dataclasses import replace
from itertools import combinations, islice

import numpy as np
import pytest

from dataset_builders.language import say
from dataset_builders.question import REGION_COLOURS
from dataset_builders.scene import Scene
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.vst.correspondence import APART, RULES, generate

MOST = 40


def facts(scene: Scene, seed: int = 0, most: int = MOST) -> list:
    return list(islice(generate(scene, np.random.default_rng(seed)), most))


def lifted(scene: Scene, region) -> np.ndarray:
    """The surface point under a mark, (4,) homogeneous, world."""
    frame = scene.frames[region.frame_index]
    column, row = map(int, region.point)
    ray = np.linalg.solve(frame.camera.intrinsics, [column, row, 1])
    return frame.camera.camera_to_world @ [*(ray * frame.depth[row, column]), 1]


def projected(scene: Scene, index: int, point: np.ndarray) -> tuple[np.ndarray, float]:
    """A pixel and a depth by the full projection matrix."""
    camera = scene.frames[index].camera
    x, y, z = camera.intrinsics @ (np.linalg.inv(camera.camera_to_world) @ point)[:3]
    return np.array([x / z, y / z]), z


def check_geometry(scene: Scene, fact) -> None:
    asked, *candidates = fact.regions
    early, late = asked.frame_index, candidates[0].frame_index
    assert early < late and {one.frame_index for one in candidates} == {late}
    assert [region.kind for region in fact.regions] == ["point"] * 5 and fact.prompt_type == "point"
    by_colour = {one.colour: one for one in candidates}
    assert set(by_colour) == set(fact.options) == set(REGION_COLOURS) and asked.colour in REGION_COLOURS
    right = by_colour[fact.answer]
    point = lifted(scene, asked)
    pixel, depth = projected(scene, late, point)
    assert np.abs(pixel - right.point).max() <= 0.5 + 1e-3
    column, row = map(int, right.point)
    measured = float(scene.frames[late].depth[row, column])
    assert measured > 0 and abs(measured - depth) <= 0.05 * depth + 1e-6
    size = np.array([scene.frames[late].camera.width, scene.frames[late].camera.height])
    for one, other in combinations(candidates, 2):
        assert (np.abs(np.subtract(one.point, other.point)) / size).max() >= 0.08 - 1e-9
    assert (np.abs(np.subtract(right.point, asked.point)) / size).max() >= 0.08 - 1e-9
    reach = APART * projected(scene, early, point)[1]
    for colour, one in by_colour.items():
        if colour != fact.answer:
            assert np.linalg.norm(lifted(scene, one) - point) >= reach - 1e-5


def mask_at(scene: Scene, region) -> int:
    column, row = map(int, region.point)
    return int(scene.frames[region.frame_index].instances[row, column])


@pytest.mark.parametrize("scale", ["tiny_tabletop", "tabletop", "indoor", "outdoor", "drone"])
def test_the_right_point_is_the_same_place_and_the_others_are_not(by_hand, scale):
    answers = Counter()
    for scene in by_hand.rendered(scale):
        names = {item.instance_id: item.category for item in scene.objects}
        for seed in range(4):
            for fact in facts(scene, seed):
                check_geometry(scene, fact)
                asked, *candidates = fact.regions
                ids = {one.colour: mask_at(scene, one) for one in candidates}
                assert ids[fact.answer] == mask_at(scene, asked) != 0
                assert len(set(ids.values())) == 4 and 0 not in ids.values()
                assert fact.semantics == (names[ids[fact.answer]],)
                assert all(fact.margins[name] >= 0 for name in fact.margins)
                answers[fact.answer] += 1
    if scale != "indoor":  # few frames of a room share four objects
        assert set(answers) == set(REGION_COLOURS) and min(answers.values()) >= 0.15 * answers.total()


def test_a_like_colour_is_right_no_more_often_than_by_chance(by_hand):
    found = [fact for scene in by_hand.rendered("tabletop") for seed in range(6) for fact in facts(scene, seed)]
    share = np.mean([fact.regions[0].colour == fact.answer for fact in found])
    assert len(found) > 200 and 0.17 < share < 0.33


def test_the_reasoning_says_what_the_points_are_on_without_numbers(by_hand):
    count = 0
    for scene in (*by_hand.rendered("tabletop"), *by_hand.rendered("outdoor")):
        names, rng = {item.instance_id: item.category for item in scene.objects}, np.random.default_rng(0)
        for fact in facts(scene, most=12):
            question = say(fact, rng)
            text = question.rationale
            assert not re.search(r"\d|\b(axis|axes|coordinates?)\b|\b[xyz]\b", text), text
            assert "first image" in text and "second image" in text and text.rstrip(".").endswith(fact.answer)
            right = names[mask_at(scene, fact.regions[0])]
            assert f"the {right}" in text
            for one in fact.regions[1:]:
                if one.colour != fact.answer:
                    name = names[mask_at(scene, one)]
                    article = "another" if name == right else "an" if name[0] in "aeiou" else "a"
                    assert f"the {one.colour} point is on {article} {name}" in text
                    count += 1
            for name in ("first", "last") if "last frame" in question.text else ("earlier marked", "later marked"):
                assert f"the {name} frame" in question.text
            assert ("last frame" in question.text) == (
                (fact.regions[0].frame_index, fact.regions[1].frame_index) == (0, len(scene.frames) - 1)
            )
    assert count > 50


def test_a_scene_of_too_few_objects_gives_nothing(by_hand):
    scene = by_hand.rendered("tabletop")[0]
    few = replace(scene, objects=scene.objects[:3])
    assert not facts(few) and facts(scene)


def test_it_needs_no_metres(by_hand):
    assert RULES[0].needs == {"frames", "depth", "intrinsics"}
    scene = by_hand.rendered("tabletop")[0]
    assert len(facts(replace(scene, metric=False))) == len(facts(scene)) > 20


@pytest.fixture
def kitchen(real_data):
    source = RgbdSource(real_data("sevenscenes_redkitchen"))
    return source.load(source.refs()[0])


def test_real_points_are_the_same_place(kitchen):
    found = facts(kitchen, most=200)
    assert len(found) >= 20
    for fact in found:
        check_geometry(kitchen, fact)
        assert fact.semantics == () and fact.wording == "vst.correspondence_unnamed"


def patch(scene: Scene, region) -> np.ndarray | None:
    """The grey 31 x 31 pixels round a mark, mean 0 and length 1."""
    column, row = map(int, region.point)
    cut = scene.frames[region.frame_index].color[row - 15 : row + 16, column - 15 : column + 16].mean(axis=2)
    cut = cut - cut.mean()
    return cut / max(np.linalg.norm(cut), 1e-9)


def test_real_points_look_alike(kitchen):
    """Without any geometry: the right candidate looks more like the point than the others, far beyond chance."""
    best = []
    for seed in range(3):
        for fact in facts(kitchen, seed, most=100):
            asked, *candidates = fact.regions
            likeness = {one.colour: float((patch(kitchen, asked) * patch(kitchen, one)).sum()) for one in candidates}
            best.append(max(likeness, key=likeness.__getitem__) == fact.answer)
    assert len(best) > 60 and np.mean(best) > 0.5  # chance: 0.25
