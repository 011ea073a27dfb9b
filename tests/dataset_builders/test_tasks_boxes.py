"""The rules that boxes alone decide: what holds for all of them, counting, size and directions."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.language import say
from dataset_builders.question import Fact
from dataset_builders.record import LetterBalance, question_id, to_record
from dataset_builders.scene import Scene, SceneObject, validate_scene
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.tasks import RULES, TASKS, lacking
from dataset_builders.tasks.counting import count_instances
from dataset_builders.tasks.position import SECTORS, relative_direction
from dataset_builders.taxonomy import SCALES, TASK_NAMES

BOX_RULES = {rule.name: rule for rule in RULES if rule.needs <= {"boxes", "room_size", "metric"}}
NAMES = ("bed", "chair", "door", "lamp", "sofa", "stool", "table")
seeds = st.integers(0, 2**32 - 1)


def cube(number: int, category: str, center, size=0.2) -> SceneObject:
    return SceneObject(number, category, np.array(center, float), np.full(3, size) * np.ones(3), np.eye(3))


def scene_of(*objects: SceneObject, scale: str = "indoor", **fields) -> Scene:
    return validate_scene(Scene("test", "vsi-meta", "none", scale, objects, **fields), "test")


def random_scene(seed: int, scale: str = "indoor") -> Scene:
    """Seven objects of one category each and two chairs more, in a space that fits the scale."""
    rng, unit = np.random.default_rng(seed), SCALES[scale].margin / 0.15
    objects = []
    for number, category in enumerate((*NAMES, "chair", "chair"), start=1):
        turn = Rotation.from_euler("z", rng.uniform(0, 360), degrees=True).as_matrix()
        center = rng.uniform([-2, -2, 0.3], [2, 2, 0.8]) * unit
        objects.append(SceneObject(number, category, center, rng.uniform(0.2, 0.8, 3) * unit, turn))
    return scene_of(*objects, scale=scale, room_size=16.0)


def facts(name: str, scene: Scene, seed: int = 0, most: int = 300) -> list[Fact]:
    return list(islice(BOX_RULES[name].generate(scene, np.random.default_rng(seed)), most))


def moved(scene: Scene, yaw: float, shift, factor: float = 1.0) -> Scene:
    turn = Rotation.from_euler("z", yaw, degrees=True).as_matrix()
    objects = [
        replace(
            item, center=factor * turn @ item.center + shift, size=factor * item.size, rotation=item.rotation @ turn.T
        )
        for item in scene.objects
    ]
    return replace(scene, objects=tuple(objects))


def test_rules_have_names_of_their_own_and_known_tasks():
    assert set(TASKS) <= set(TASK_NAMES) and len({rule.name for rule in RULES}) == len(RULES)


def test_a_scene_without_frames_lacks_what_image_rules_need():
    scene = random_scene(0)
    lacks = {rule.name: lacking(rule, scene) for rule in RULES}
    assert {name for name, missing in lacks.items() if not missing} == {
        name for name, rule in BOX_RULES.items() if "indoor" in rule.scales
    }
    assert lacks["image.distance_to_camera"] == {"frames", "sightings"}
    assert lacking(BOX_RULES["vsi.room_size"], random_scene(0, "drone")) == {"scale"}
    assert lacking(BOX_RULES["vsi.room_size"], replace(scene, room_size=None)) == {"room_size"}
    assert lacking(BOX_RULES["vsi.room_size"], replace(scene, metric=False)) == {"metric"}


@pytest.mark.parametrize(
    ("name", "scale"), [(rule.name, scale) for rule in BOX_RULES.values() for scale in sorted(rule.scales)]
)
def test_facts_are_distinct_repeatable_and_fit_the_record(name, scale):
    scene, rule, rng = random_scene(5, scale), BOX_RULES[name], np.random.default_rng(0)
    found = facts(name, scene)
    assert found == facts(name, scene)
    letters, said = LetterBalance(scene.scene_id), {}
    for fact in found:
        question = say(fact, rng, said)
        said[question.text] = question_id(question, scene)
        row = to_record(question, scene, letters)
        assert (fact.task, fact.rule) == (rule.task, name)
        assert (row["anchors"]["scale_value"] is not None) == fact.needs_scale
        assert question.rationale.rstrip(".").lower().endswith(f"{fact.answer} {fact.unit}".strip().lower())
        if fact.options:
            assert fact.options.count(fact.answer) == 1 and len(set(fact.options)) == len(fact.options)
        elif fact.answer_type == "regression":
            assert float(fact.answer) > 0
        else:
            named = set(fact.answer.replace(" and ", ", ").split(", "))
            assert fact.answer_type == "free_form" and named <= {item.category for item in scene.objects}
    assert len(set(said.values())) == len(found)


def test_counting_counts_and_drops_what_disagrees():
    scene = scene_of(
        *(cube(n, name, [n, 0, 0]) for n, name in enumerate(["cup", "cup", "bowl", "cup", "fork", "fork"], 1))
    )
    assert {fact.semantics[0]: fact.answer for fact in facts("vsi.object_count", scene)} == {
        "cup": "3", "fork": "2",
    }  # fmt: skip
    stated = replace(scene, metadata={"object_counts": {"cup": 4}})
    assert count_instances(stated, "cup") == 4 and count_instances(stated, "fork") == 2
    assert [fact.semantics for fact in facts("vsi.object_count", stated)] == [("fork",)]


def test_size_is_the_longest_axis_in_the_unit_of_the_scale():
    bench = SceneObject(1, "bench", np.zeros(3), np.array([0.4, 1.834, 0.9]), np.eye(3))
    answers = {}
    for scale in SCALES:
        for fact in facts("vsi.object_size", scene_of(bench, scale=scale)):
            answers[scale] = f"{fact.answer} {fact.unit}"
    assert answers == {
        "tiny_tabletop": "1.83 m", "tabletop": "183.4 cm", "indoor": "183 cm", "outdoor": "1.8 m", "drone": "1.8 m",
    }  # fmt: skip
    assert not facts("vsi.object_size", scene_of(bench, replace(bench, instance_id=2)))


def standing_at_origin(angle: float, size: float = 0.01):
    """Stand at the origin, face along +x, target 2 m away at `angle` degrees to the left."""
    target = 2 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0])
    return cube(1, "cup", [0, 0, 0]), cube(2, "box", [1, 0, 0.7]), cube(3, "fork", target, size)


@pytest.mark.parametrize(
    ("angle", "hard", "medium", "easy"),
    [
        (45, "front-left", "left", "left"),
        (120, "back-left", "left", "left"),
        (150, "back-left", "back", "left"),
        (-150, "back-right", "back", "right"),
        (-120, "back-right", "right", "right"),
        (-45, "front-right", "right", "right"),
    ],
)
def test_directions_known_by_hand(angle, hard, medium, easy):
    for level, label in (("hard", hard), ("medium", medium), ("easy", easy)):
        direction = relative_direction(*standing_at_origin(angle), level)
        assert (direction.label, direction.angle) == (label, pytest.approx(angle)) and direction.is_clear


BOUNDARIES = [(level, start) for level, sectors in SECTORS.items() for start in sectors]


@pytest.mark.parametrize(("level", "boundary"), BOUNDARIES)
@pytest.mark.parametrize("side", [-1, 1])
def test_directions_are_ambiguous_on_either_side_of_a_boundary(level, boundary, side):
    assert not relative_direction(*standing_at_origin(boundary + side * 9.9), level).is_clear
    assert relative_direction(*standing_at_origin(boundary + side * 10.1), level).is_clear


def test_directions_are_ambiguous_where_three_corners_are_elsewhere():
    narrow, wide = (relative_direction(*standing_at_origin(78, size), "hard") for size in (0.5, 1.2))
    assert (narrow.corners_elsewhere, narrow.is_clear) == (0, True)
    assert (wide.corners_elsewhere, wide.is_clear) == (4, False)


def test_directions_are_not_asked_of_an_object_right_above():
    above = scene_of(cube(1, "cup", [0, 0, 0]), cube(2, "box", [0.1, 0, 1]), cube(3, "fork", [1, 1, 0]))
    assert not facts("vsi.relative_direction", above)


@given(seeds, st.floats(-180, 180), st.tuples(*[st.floats(-50, 50)] * 3), st.sampled_from(sorted(BOX_RULES)))
@settings(max_examples=30, deadline=None)
def test_facts_do_not_change_when_the_world_is_turned_and_moved(seed, yaw, shift, name):
    scene = random_scene(seed)
    before, after = (
        [(fact.answer, fact.unit, dict(fact.words), fact.options) for fact in facts(name, each)]
        for each in (scene, moved(scene, yaw, shift))
    )
    assert before == after


@given(seeds, st.sampled_from(sorted(SECTORS)))
@settings(deadline=None)
def test_directions_swap_in_a_mirror_and_when_one_turns_round(seed, level):
    rng = np.random.default_rng(seed)
    standing, facing, target = (cube(n, "cup", rng.uniform(-2, 2, 3)) for n in (1, 2, 3))
    direction = relative_direction(standing, facing, target, level)
    mirrored = [replace(item, center=item.center * [1, -1, 1]) for item in (standing, facing, target)]
    swapped = (
        direction.label.translate(str.maketrans({}))
        .replace("left", "?")
        .replace("right", "left")
        .replace("?", "right")
    )
    assert relative_direction(*mirrored, level).label == swapped
    behind = replace(facing, center=2 * standing.center - facing.center)
    turned = relative_direction(standing, behind, target, "easy").label
    assert turned != relative_direction(standing, facing, target, "easy").label


def test_real_rooms_give_questions_of_every_indoor_rule(real_data):
    source = VsiMetaSource(real_data("vsi_meta_info"))
    # The boxes of these rooms are too coarse to show which object stands on which.
    rules = {
        name: rule for name, rule in BOX_RULES.items() if "indoor" in rule.scales and rule.task != "spatial_relation"
    }
    asked = dict.fromkeys(rules, 0)
    for ref in source.refs()[::24]:
        scene, letters, rng = source.load(ref), LetterBalance(ref.scene_id), np.random.default_rng(0)
        for name in rules:
            for fact in facts(name, scene, most=20):
                to_record(say(fact, rng), scene, letters)
                asked[name] += 1
    assert min(asked.values()) >= 10
