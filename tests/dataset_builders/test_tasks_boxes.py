"""The rules that boxes alone decide: counting, size, distances, directions, room size."""

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.record import LetterBalance, question_id, to_record
from dataset_builders.scene import Scene, SceneObject, validate_scene
from dataset_builders.sources.vsi_meta import VsiMetaSource
from dataset_builders.tasks import RULES, TASKS, lacking
from dataset_builders.tasks.counting import count_instances
from dataset_builders.tasks.distance import ambiguity_margin, category_distances, closest_category
from dataset_builders.tasks.position import SECTORS, relative_direction
from dataset_builders.taxonomy import METRES, SCALES, TASK_NAMES

BOX_RULES = {rule.name: rule for rule in RULES if rule.needs <= {"boxes", "room_size"}}
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


def questions(name: str, scene: Scene, seed: int = 0) -> list:
    return list(BOX_RULES[name].generate(scene, np.random.default_rng(seed)))


def moved(scene: Scene, yaw: float, shift, factor: float = 1.0) -> Scene:
    turn = Rotation.from_euler("z", yaw, degrees=True).as_matrix()
    objects = [
        replace(
            item, center=factor * turn @ item.center + shift, size=factor * item.size, rotation=item.rotation @ turn.T
        )
        for item in scene.objects
    ]
    return replace(scene, objects=tuple(objects))


def test_rules_are_named_after_seven_of_the_tasks():
    assert set(TASKS) == {
        "object_counting", "object_size", "absolute_distance", "relative_distance", "position_comparison",
        "depth_estimation", "room_size",
    }  # fmt: skip
    assert set(TASKS) <= set(TASK_NAMES) and len({rule.name for rule in RULES}) == len(RULES)


def test_a_scene_without_frames_lacks_what_image_rules_need():
    lacks = {rule.name: lacking(rule, random_scene(0)) for rule in RULES}
    assert {name for name, missing in lacks.items() if not missing} == set(BOX_RULES)
    assert lacks["image.depth_of_point"] == {"frames", "depth"}
    assert lacking(BOX_RULES["vsi.room_size"], random_scene(0, "drone")) == {"scale"}
    assert lacking(BOX_RULES["vsi.room_size"], replace(random_scene(0), room_size=None)) == {"room_size"}


@pytest.mark.parametrize(
    ("name", "scale"), [(rule.name, scale) for rule in BOX_RULES.values() for scale in sorted(rule.scales)]
)
def test_questions_are_distinct_repeatable_and_fit_the_record(name, scale):
    scene, rule = random_scene(5, scale), BOX_RULES[name]
    asked = questions(name, scene)
    assert asked and asked == questions(name, scene)
    assert len({question_id(question, scene) for question in asked}) == len(asked)
    letters = LetterBalance()
    for question in asked:
        row = to_record(question, scene, letters)
        assert question.task == rule.task and question.rule == name and question.rationale
        assert (row["anchors"]["scale_value"] is not None) == question.needs_scale
        if question.options:
            assert (
                question.options.count(question.answer) == 1 == len(set(question.options)) - len(question.options) + 1
            )
            assert question.answer.lower() in question.rationale.lower()
        else:
            assert question.answer in question.rationale and float(question.answer) > 0


def test_counting_counts_and_drops_what_disagrees():
    scene = scene_of(
        *(cube(n, name, [n, 0, 0]) for n, name in enumerate(["cup", "cup", "bowl", "cup", "fork", "fork"], 1))
    )
    assert {question.semantics[0]: question.answer for question in questions("vsi.object_count", scene)} == {
        "cup": "3", "fork": "2",
    }  # fmt: skip
    stated = replace(scene, metadata={"object_counts": {"cup": 4}})
    assert count_instances(stated, "cup") == 4 and count_instances(stated, "fork") == 2
    assert [question.semantics for question in questions("vsi.object_count", stated)] == [("fork",)]


def test_size_is_the_longest_axis_in_the_unit_of_the_scale():
    bench = SceneObject(1, "bench", np.zeros(3), np.array([0.4, 1.834, 0.9]), np.eye(3))
    answers = {}
    for scale in SCALES:
        for question in questions("vsi.object_size", scene_of(bench, scale=scale)):
            answers[scale] = f"{question.answer} {question.unit}"
    # From the air, whole metres cannot tell 1.8 m from 2.2 m.
    assert answers == {"tiny_tabletop": "1834.0 mm", "tabletop": "183.4 cm", "indoor": "183 cm", "outdoor": "1.8 m"}
    assert not questions("vsi.object_size", scene_of(bench, replace(bench, instance_id=2)))


@pytest.mark.parametrize(("gap", "answer"), [(0.19, None), (0.21, "0.2"), (1.26, "1.3"), (3.0, "3.0")])
def test_absolute_distance_is_the_gap_and_not_asked_below_the_minimum(gap, answer):
    scene = scene_of(cube(1, "cup", [0, 0, 0]), cube(2, "box", [gap + 0.2, 0, 0]))
    asked = questions("vsi.absolute_distance", scene)
    assert [(question.answer, question.unit) for question in asked] == ([] if answer is None else [(answer, "m")])


def test_absolute_distance_rationale_adds_up():
    for question in questions("vsi.absolute_distance", random_scene(3)):
        centers, inside, rest = (float(value) for value in re.findall(r"(\d+\.\d) m", question.rationale))
        assert round(centers - inside, 1) == rest == float(question.answer)


def test_relative_distance_takes_the_nearest_instance_and_is_sorted_by_no_other():
    scene = scene_of(
        cube(1, "cup", [0, 0, 0]), cube(2, "box", [3, 0, 0]), cube(3, "fork", [5, 0, 0]), cube(4, "fork", [-1, 0, 0])
    )
    groups = scene.by_category()
    cup = groups.pop("cup")[0]
    assert category_distances(cup, groups) == pytest.approx({"box": 2.8, "fork": 0.8})
    assert closest_category(category_distances(cup, groups)) == "fork"
    about_cup = [question for question in questions("vsi.relative_distance", scene) if question.semantics[0] == "cup"]
    assert [question.answer for question in about_cup] == ["fork"]


@pytest.mark.parametrize(
    ("room_size", "gap", "asked"),
    [
        (None, 0.14, False),
        (None, 0.16, True),
        (39.0, 0.16, True),
        (41.0, 0.16, False),
        (41.0, 0.29, False),
        (41.0, 0.31, True),
    ],
)
def test_relative_distance_uses_the_wider_margin_in_large_rooms(room_size, gap, asked):
    scene = scene_of(
        cube(1, "cup", [0, 0, 0]), cube(2, "box", [1, 0, 0]), cube(3, "fork", [0, 1 + gap, 0]), room_size=room_size
    )
    about_cup = [question for question in questions("vsi.relative_distance", scene) if question.semantics[0] == "cup"]
    assert bool(about_cup) == asked
    assert ambiguity_margin(scene) == (0.3 if room_size == 41.0 else 0.15)


def test_relative_distance_is_not_asked_of_an_object_that_all_but_touches():
    scene = scene_of(cube(1, "cup", [0, 0, 0]), cube(2, "box", [0.34, 0, 0]), cube(3, "fork", [0, 2, 0]))
    assert "cup" not in {question.semantics[0] for question in questions("vsi.relative_distance", scene)}


@pytest.mark.parametrize("seed", range(5))
def test_relative_distance_candidates_differ_pairwise_by_the_margin(seed):
    asked = questions("vsi.relative_distance", random_scene(seed))
    assert {len(question.options) for question in asked} >= {2, 3}
    for question in asked:
        distances = question.measured["distances_m"]
        assert question.answer == min(distances, key=distances.get) and min(distances.values()) >= 0.15
        assert min(abs(a - b) for a, b in combinations(distances.values(), 2)) > 0.15


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
    assert not questions("vsi.relative_direction", above)


@given(seeds, st.floats(-180, 180), st.tuples(*[st.floats(-50, 50)] * 3), st.sampled_from(sorted(BOX_RULES)))
@settings(max_examples=30, deadline=None)
def test_questions_and_answers_do_not_change_when_the_world_is_turned_and_moved(seed, yaw, shift, name):
    scene = random_scene(seed)
    before, after = (
        [(question.text, question.answer, question.options) for question in questions(name, each)]
        for each in (scene, moved(scene, yaw, shift))
    )
    assert before == after


@given(seeds, st.sampled_from(["tabletop", "outdoor", "drone"]))
@settings(max_examples=8, deadline=None)
def test_answers_scale_with_the_world(seed, scale):
    """The same layout, as many times larger as the margins of the scale are, gives the same questions."""
    indoor, factor = random_scene(seed), SCALES[scale].margin / 0.15
    scaled = replace(moved(indoor, 0, np.zeros(3), factor), scale=scale)
    for name in ("vsi.relative_distance", "vsi.relative_direction", "vsi.absolute_distance"):
        before, after = questions(name, indoor), questions(name, scaled)
        assert [question.text for question in before] == [question.text for question in after]
        if name != "vsi.absolute_distance":
            assert [question.answer for question in before] == [question.answer for question in after]
        else:
            step = 10.0 ** -SCALES[scale].length_decimals
            for small, large in zip(before, after, strict=True):
                expected = factor * small.measured["distance_m"] / METRES[large.unit]
                assert float(large.answer) == pytest.approx(expected, abs=0.51 * step)


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


@given(seeds)
@settings(deadline=None)
def test_the_closest_changes_with_the_places_of_two_candidates(seed):
    scene = random_scene(seed)
    groups = {name: group for name, group in scene.by_category().items() if name != "chair"}
    primary = groups.pop("bed")[0]
    names = list(groups)
    before = category_distances(primary, groups)
    best = closest_category(before)
    other = names[(names.index(best) + 1) % len(names)]
    groups[best], groups[other] = groups[other], groups[best]
    after = category_distances(primary, groups)
    assert after == pytest.approx({**before, best: before[other], other: before[best]})


def test_room_size_is_given_in_square_metres_with_one_decimal():
    (question,) = questions("vsi.room_size", replace(random_scene(0), room_size=26.371))
    assert (question.answer, question.unit) == ("26.4", "m²")


def test_real_rooms_give_questions_of_every_rule(real_data):
    source = VsiMetaSource(real_data("vsi_meta_info"))
    letters, asked = LetterBalance(), dict.fromkeys(BOX_RULES, 0)
    for ref in source.refs()[::24]:
        scene = source.load(ref)
        for name, rule in BOX_RULES.items():
            for question, _ in zip(rule.generate(scene, np.random.default_rng(0)), range(20), strict=False):
                to_record(question, scene, letters)
                asked[name] += 1
    assert min(asked.values()) >= 10
