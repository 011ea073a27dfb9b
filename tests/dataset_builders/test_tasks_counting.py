"""Counts: of a category, of one more than of another, of those on one side."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.language import say
from dataset_builders.question import Fact
from dataset_builders.scene import Camera, Frame, Scene, SceneObject, validate_scene
from dataset_builders.tasks import lacking
from dataset_builders.tasks.counting import RULES
from dataset_builders.taxonomy import SCALE_NAMES, SCALES

KNOWN = {rule.name: rule for rule in RULES}
PLACED = ("count.closer", "count.sides")
NAMES = ("door", "sofa", "lamp", *["chair"] * 5, *["table"] * 2)
seeds = st.integers(0, 2**32 - 1)


def scene_of(objects, **fields) -> Scene:
    return validate_scene(
        Scene("test", "vsi-meta", "none", fields.pop("scale", "indoor"), tuple(objects), **fields), "test"
    )


def room(seed: int, scale: str = "indoor") -> Scene:
    rng, unit = np.random.default_rng(seed), SCALES[scale].margin / 0.15
    objects = []
    for number, name in enumerate(NAMES, start=1):
        turn = Rotation.from_euler("z", rng.uniform(0, 360), degrees=True).as_matrix()
        center, size = rng.uniform([-4, -4, 0.3], [4, 4, 0.8]), rng.uniform(0.2, 0.8, 3)
        objects.append(SceneObject(number, name, center * unit, size * unit, turn))
    return scene_of(objects, scale=scale)


def facts(name: str, scene: Scene) -> list[Fact]:
    return list(KNOWN[name].generate(scene, np.random.default_rng(0)))


def distance(one: SceneObject, other: SceneObject) -> float:
    return float(box_distances(Boxes.of([one]), Boxes.of([other]))[0])


def test_counts_and_differences():
    scene = room(0)
    assert {fact.semantics: fact.answer for fact in facts("vsi.object_count", scene)} == {
        ("chair",): "5",
        ("table",): "2",
    }
    found = {
        fact.semantics: (fact.answer, fact.words["many"], fact.words["few"])
        for fact in facts("count.difference", scene)
    }
    assert found[("chair", "table")] == ("3", "5", "2") and found[("table", "lamp")] == ("1", "2", "1")
    assert len(found) == 7 and ("lamp", "door") not in found and ("door", "lamp") not in found


def test_what_is_not_known_in_full_is_not_counted():
    scene = room(0)
    stated = replace(scene, metadata={"object_counts": {"chair": 6}})
    camera = Camera(np.array([[90.0, 0, 48], [0, 90, 36], [0, 0, 1]]), np.eye(4), 96, 72)
    instances = np.zeros((72, 96), np.int32)
    for index, item in enumerate(scene.objects[:-3]):
        instances[12 * (index // 4) :, 20 * (index % 4) : 20 * (index % 4) + 15] = item.instance_id
    frame = Frame(camera, np.zeros((72, 96, 3), np.uint8), None, instances)
    for lesser in (stated, replace(scene, frames=(frame,))):
        for name in KNOWN:
            assert "chair" not in {semantic for fact in facts(name, lesser) for semantic in fact.semantics}


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_sides_are_told_one_distance_at_a_time(scale):
    margin, count = SCALES[scale].margin, Counter()
    for seed in (0, 1, 2, 4, 8, 10):
        scene = room(seed, scale)
        only = {item.category: item for item in scene.objects if NAMES.count(item.category) == 1}
        for fact in (fact for name in PLACED for fact in facts(name, scene)):
            kind, a, b = fact.semantics
            pairs = [
                (distance(item, only[a]), distance(item, only[b])) for item in scene.objects if item.category == kind
            ]
            assert all(abs(near - far) > max(margin, 0.05 * max(near, far)) for near, far in pairs)
            near_a = sum(near < far for near, far in pairs)
            near_b = len(pairs) - near_a
            assert (fact.words["near_a"], fact.words["near_b"]) == (str(near_a), str(near_b))
            if fact.rule == "count.closer":
                assert fact.answer == str(near_a) != "0"
            else:
                assert near_a != near_b and fact.answer == f"the {a if near_a > near_b else b}"
                assert set(fact.options) == {f"the {a}", f"the {b}"}
            count[fact.rule] += 1
    assert count["count.closer"] > 10 and count["count.sides"] >= 6


def test_each_of_two_objects_has_more_on_its_side_equally_often():
    """Whatever stands in the middle has most things nearer to it, and its name would tell that."""
    answers = Counter()
    for seed in range(40):
        for fact in facts("count.sides", room(seed)):
            answers[seed, frozenset(fact.options), fact.answer] += 1
    pairs = {(seed, options) for seed, options, _ in answers}
    assert len(pairs) > 10
    for seed, options in pairs:
        assert len({answers[seed, options, option] for option in options}) == 1


def test_a_side_that_is_not_clear_is_not_asked():
    def at(number: int, name: str, x: float) -> SceneObject:
        return SceneObject(number, name, np.array([x, 0.0, 0]), np.full(3, 0.1), np.eye(3))

    fixed = [at(1, "door", -3), at(2, "lamp", 3), at(3, "chair", -1), at(4, "chair", -2)]
    for x, number in ((0.05, 0), (0.2, 2), (-0.2, 1)):
        found = facts("count.closer", scene_of([*fixed, at(5, "chair", x)]))
        assert len(found) == number
        answers = {fact.semantics[1]: fact.answer for fact in found}
        assert answers == ({} if not number else {"door": "2", "lamp": "1"} if x > 0 else {"door": "3"})


@given(seeds, st.floats(0, 360), st.tuples(*[st.floats(-50, 50)] * 3))
@settings(max_examples=10, deadline=None)
def test_counts_do_not_change_when_the_world_is_turned_and_moved_and_swap_with_the_ends(seed, yaw, shift):
    scene, turn = room(seed), Rotation.from_euler("z", yaw, degrees=True).as_matrix()
    moved = [
        replace(item, center=turn @ item.center + shift, rotation=item.rotation @ turn.T) for item in scene.objects
    ]
    door, sofa, *others = scene.objects
    swapped = [replace(sofa, category="door"), replace(door, category="sofa"), *others]
    for name in PLACED:
        found = facts(name, scene)
        assert [(fact.semantics, fact.answer) for fact in found] == [
            (fact.semantics, fact.answer) for fact in facts(name, scene_of(moved))
        ]
        between = {fact.semantics: fact.answer for fact in found if {"door", "sofa"} <= set(fact.semantics)}
        other = {fact.semantics: fact.answer for fact in facts(name, scene_of(swapped))}
        rename = {"door": "sofa", "sofa": "door", "the door": "the sofa", "the sofa": "the door"}
        for semantics, answer in between.items():
            renamed = tuple(rename.get(one, one) for one in semantics)
            # The two names come in a random order where they are options.
            assert rename.get(answer, answer) in (other.get(renamed), other.get((renamed[0], *renamed[:0:-1])))


@pytest.mark.parametrize("name", KNOWN)
def test_facts_are_distinct_and_in_words(name):
    scene, rng = room(4), np.random.default_rng(0)
    found = facts(name, scene)
    assert found and found == facts(name, scene)
    assert len({(fact.semantics[0], fact.semantics[1:], fact.answer) for fact in found}) == len(found)
    for fact in found:
        question = say(fact, rng)
        assert question.rationale.endswith(f"{fact.answer}.") and fact.semantics[0] in question.text
        assert (fact.answer_type == "multiple_choice") == bool(fact.options)
    assert ("metric" in KNOWN[name].needs) == (name in PLACED) and not lacking(KNOWN[name], scene)
