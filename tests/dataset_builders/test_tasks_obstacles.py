"""What is in the way: small tables set by hand, and every slide against boxes pushed along in small steps."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.language import say
from dataset_builders.masks import decode_mask
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks.obstacles import (
    RULES,
    all_slides,
    generate_free,
    generate_listed,
    generate_marked,
    generate_named,
    room_to_spare,
)
from dataset_builders.tasks.tabletop import survey
from dataset_builders.taxonomy import SCALES

NAMES = ("apple", "book", "bowl", "can", "cup", "fork", "lamp", "mug")


def thing(number: int, name: str, place, size=(0.1, 0.1, 0.15), bottom: float = 0.0, yaw: float = 0.0) -> SceneObject:
    center = np.array([*place, bottom + size[2] / 2], float)
    turn = Rotation.from_euler("z", yaw, degrees=True).as_matrix().T
    return SceneObject(number, name, center, np.array(size, float), turn)


def table(*objects: SceneObject, scale: str = "tabletop") -> Scene:
    return Scene("table", "test", "CC0-1.0", scale, objects)


def scattered(seed: int) -> Scene:
    """Eight things at random places that do not overlap."""
    rng, placed = np.random.default_rng(seed), []
    while len(placed) < len(NAMES):
        size = rng.uniform([0.05, 0.05, 0.05], [0.16, 0.16, 0.25])
        item = thing(len(placed) + 1, NAMES[len(placed)], rng.uniform(-0.4, 0.4, 2), size, yaw=rng.uniform(0, 360))
        if not placed or box_distances(Boxes.of([item]), Boxes.of(placed)).min() > 0.03:
            placed.append(item)
    return table(*placed)


def run(generate, scene: Scene, seed: int = 0) -> list:
    return list(generate(scene, np.random.default_rng(seed)))


def verdict(scene: Scene, mover: str, target: str) -> str | None:
    """Whether the way is free, as the slides have it; None where it is too close to call."""
    top = survey(scene)
    for ways in all_slides(scene):
        for way in ways:
            if (top.objects[way.mover].category, top.objects[way.target].category) == (mover, target):
                return "no" if way.hits else None if way.unclear else "yes"
    return "impossible"


@pytest.mark.parametrize(
    ("offset", "expected"),
    # The mug and the bowl are 0.1 wide: the edges of their strips meet at 0.1, the margin is 0.02.
    [(0.0, "no"), (0.075, "no"), (0.085, None), (0.1, None), (0.115, None), (0.125, "yes"), (0.3, "yes")],
)
def test_what_stands_in_the_strip_is_in_the_way_and_near_its_edge_it_is_too_close_to_call(offset, expected):
    mug, lamp, bowl = thing(1, "mug", (0, 0)), thing(2, "lamp", (0.6, 0)), thing(3, "bowl", (0.3, offset))
    assert verdict(table(mug, lamp, bowl), "mug", "lamp") == expected


def test_what_is_behind_the_target_or_too_high_is_not_in_the_way():
    mug, lamp = thing(1, "mug", (0, 0)), thing(2, "lamp", (0.6, 0))
    assert verdict(table(mug, lamp, thing(3, "can", (0.8, 0))), "mug", "lamp") == "yes"
    shelf = thing(3, "shelf", (0.3, 0), (0.1, 0.5, 0.02), bottom=0.4)
    assert verdict(table(mug, lamp, shelf), "mug", "lamp") == "yes"


def test_what_touches_the_target_belongs_to_it_and_what_carries_things_is_not_moved():
    mug, tray = thing(1, "mug", (0, 0)), thing(2, "tray", (0.6, 0), (0.3, 0.3, 0.03))
    cup = thing(3, "cup", (0.5, 0), bottom=0.03)
    top = survey(table(mug, tray, cup, thing(4, "can", (0, 0.4))))
    # The can shows which level is the table; the cup on the tray does not stand on it.
    assert top.standing.tolist() == [True, True, False, True] and top.alone.tolist() == [True, False, False, True]
    assert verdict(table(mug, tray, cup, thing(4, "can", (0, 0.4))), "mug", "tray") == "yes"
    assert verdict(table(mug, tray, cup, thing(4, "can", (0, 0.4))), "tray", "mug") == "impossible"


def test_a_pen_in_a_cup_is_in_the_way_with_the_cup_and_a_table_with_a_box_of_its_own_is_none():
    desk = thing(9, "desk", (0, 0), (2, 2, 0.7), bottom=-0.7)
    mug, lamp = thing(1, "mug", (0, 0)), thing(2, "lamp", (0.6, 0))
    cup, pen = thing(3, "cup", (0.3, 0)), thing(4, "pen", (0.3, 0), (0.04, 0.04, 0.18), bottom=0.01)
    scene = table(desk, mug, lamp, cup, pen)
    assert survey(scene).level == pytest.approx(0) and not survey(scene).standing[0]
    (fact,) = [fact for fact in run(generate_listed, scene) if fact.words["a"] == "mug" and fact.words["b"] == "lamp"]
    assert fact.answer == "cup" or fact.answer == "cup and pen"


@pytest.mark.parametrize("seed", range(2))
def test_slides_agree_with_boxes_pushed_along_in_small_steps(seed):
    scene = scattered(seed)
    margin, boxes = SCALES["tabletop"].margin, Boxes.of(scene.objects)
    ways = [way for group in all_slides(scene) for way in group]
    assert len(ways) > 20
    for way in ways:
        start, end = boxes.centers[way.mover].copy(), boxes.centers[way.target].copy()
        end[2] = start[2]
        steps = np.linspace(0, 1, 90)[:, None]
        stations = start + steps * (end - start)
        halves, axes = boxes.halves[[way.mover] * 90], boxes.axes[[way.mover] * 90]
        apart = {
            index: box_distances(Boxes(stations, halves, axes), boxes[[index]])
            for index in {*way.hits, *way.clear, *way.unclear, way.target}
        }
        touched = int((apart[way.target] == 0).argmax())
        assert way.length == pytest.approx(np.linalg.norm(stations[touched] - start), abs=0.012)
        for index in way.hits:
            assert apart[index][:touched].min() == 0
            first = np.linalg.norm(stations[(apart[index] == 0).argmax()] - start)
            assert way.hits[index] == pytest.approx(first, abs=0.012)
        assert all(apart[index][: touched + 1].min() >= margin - 1e-9 for index in way.clear)
        widest = min([np.inf, *(apart[index][:touched].min() for index in way.clear)])
        assert -1e-9 <= room_to_spare(survey(scene), way) <= widest - margin + 1e-9


def test_yes_and_no_are_equally_likely_whatever_is_moved():
    answers = {name: Counter() for name in NAMES}
    for seed in range(28):
        scene = scattered(seed)
        for fact in run(generate_free, scene, seed):
            assert fact.answer == verdict(scene, fact.words["a"], fact.words["b"])
            answers[fact.words["a"]][fact.answer] += 1
    total = sum(answers.values(), Counter())
    assert total.total() > 200 and abs(total["yes"] / total.total() - 0.5) < 0.07


def test_the_named_obstacle_is_the_only_one_of_the_options_and_no_name_looks_guilty():
    right, offered = Counter(), Counter()
    for seed in range(14):
        scene = scattered(seed)
        ways = {
            (scene.objects[way.mover].category, scene.objects[way.target].category): way
            for group in all_slides(scene)
            for way in group
        }
        for fact in run(generate_named, scene, seed):
            way = ways[fact.words["a"], fact.words["b"]]
            hits = {scene.objects[index].category for index in way.hits}
            clear = {scene.objects[index].category for index in way.clear}
            assert hits & set(fact.options) == {fact.answer} and set(fact.options) - clear == {fact.answer}
            right[fact.answer] += 1
            offered.update({option: 1 / len(fact.options) for option in fact.options})
    assert sum(right.values()) > 80
    assert all(right[name] == pytest.approx(offered[name], rel=0.35, abs=8) for name in offered)


def test_moving_the_world_changes_nothing():
    scene, turn = scattered(1), Rotation.from_euler("z", 130, degrees=True).as_matrix()
    objects = tuple(
        replace(item, center=turn @ item.center + [3, -1, 0.7], rotation=item.rotation @ turn.T)
        for item in scene.objects
    )
    for rule in RULES[:3]:
        here, there = (run(rule.generate, one) for one in (scene, replace(scene, objects=objects)))
        assert [(fact.answer, fact.words) for fact in here] == [(fact.answer, fact.words) for fact in there]


@pytest.fixture(scope="module")
def rendered() -> list[Scene]:
    source = SyntheticSource(7, seed=5, num_frames=3, frame_size=(224, 168))
    return [source.load(ref) for ref in source.refs() if ref.scale in ("tiny_tabletop", "tabletop")]


def test_marks_are_on_what_the_answer_says(rendered):
    asked = Counter()
    for scene in rendered:
        ways = {(way.mover, way.target): way for group in all_slides(scene) for way in group}
        names = [item.category for item in scene.objects]
        for fact in run(generate_marked, scene):
            frame = scene.frames[fact.regions[0].frame_index]
            way = ways[names.index(fact.words["a"]), names.index(fact.words["b"])]
            hits = {scene.objects[index].instance_id for index in way.hits}
            clear = {scene.objects[index].instance_id for index in way.clear}
            colours = set()
            for region in fact.regions:
                assert region.kind == fact.prompt_type
                if region.kind == "point":
                    inside = frame.instances[int(region.point[1]), int(region.point[0])][None]
                elif region.kind == "bbox":
                    x1, y1, x2, y2 = map(int, region.bbox)
                    inside = frame.instances[y1 : y2 + 1, x1 : x2 + 1].ravel()
                else:
                    inside = frame.instances[decode_mask(region.mask)]
                marked = Counter(inside[inside > 0].tolist()).most_common(1)[0][0]
                assert marked in hits | clear
                if marked in hits:
                    colours.add(region.colour)
            assert (
                set(fact.answer.split(" and ")) == colours
                or set(fact.answer.replace(",", " and").split(" and ")) == {*colours}
                or {word.strip(",") for word in fact.answer.replace(" and ", " ").split()} == colours
            )
            assert len({len(option.split()) for option in fact.options}) == 1 and fact.answer in fact.options
            asked[fact.prompt_type] += 1
    assert set(asked) == {"point", "bbox", "mask"} and asked.total() > 10


def test_every_rule_repeats_itself_fits_the_scale_and_can_be_said(rendered):
    for rule in RULES:
        assert rule.task == "obstacles_location" and rule.scales == {"tiny_tabletop", "tabletop"}
        assert {"boxes", "metric"} <= rule.needs
        for scene in rendered:
            asked = run(rule.generate, scene)
            assert asked == run(rule.generate, scene)
            for fact in asked[:3]:
                question = say(fact, np.random.default_rng(0))
                assert question.rationale.rstrip(".").endswith(fact.answer)


def test_where_the_source_may_not_know_all_objects_nothing_is_asked():
    scene = replace(scattered(0), complete=False)
    assert not any(run(rule.generate, scene) for rule in RULES)
