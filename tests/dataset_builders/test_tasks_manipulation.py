"""Moves on a table: every answer is carried out with boxes in small steps, or projected back into the picture."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes, box_distances, project, to_world
from dataset_builders.language import say
from dataset_builders.planning import cut
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import grasping, manipulation, moves, placement
from dataset_builders.tasks.tabletop import View, survey
from dataset_builders.taxonomy import METRES, SCALES

RULES = {rule.name: rule for module in (manipulation, moves, grasping, placement) for rule in module.RULES}
STEPS = 16


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    source = SyntheticSource(7, seed=5, num_frames=3, frame_size=(224, 168))
    return [source.load(ref) for ref in source.refs() if ref.scale in ("tiny_tabletop", "tabletop")]


def run(name: str, scene: Scene, seed: int = 0, most: int = 12) -> list:
    facts = []
    for fact in RULES[name].generate(scene, np.random.default_rng(seed)):
        facts.append(fact)
        if len(facts) == most:
            break
    return facts


def asked(name: str, scenes: list[Scene]) -> list:
    found = [(scene, fact) for scene in scenes for fact in run(name, scene, most=5)]
    assert len(found) >= 2 * len(scenes)
    return found


def unique(scene: Scene, name: str) -> int:
    (index,) = [at for at, item in enumerate(scene.objects) if item.category == name]
    return index


def distances(
    scene: Scene, mover: int, bases: np.ndarray, shrink: float = 0.0, others: list | None = None
) -> np.ndarray:
    """Exact distances, (P, O), of a box with its base at (P, 3) points to all other boxes."""
    boxes, low = Boxes.of(scene.objects), Boxes.of([scene.objects[mover]]).corners()[0, :, 2].min()
    others = [index for index in range(len(boxes)) if index != mover] if others is None else others
    lift = np.array([0, 0, boxes.centers[mover, 2] - low])
    rows, columns = np.divmod(np.arange(len(bases) * len(others)), len(others))
    halves = np.maximum(boxes.halves[[mover] * len(rows)] - shrink, 1e-6)
    carried = Boxes(bases[rows] + lift, halves, boxes.axes[[mover] * len(rows)])
    return box_distances(carried, boxes[np.array(others)[columns]]).reshape(len(bases), -1)


def base(scene: Scene, mover: int) -> np.ndarray:
    center = scene.objects[mover].center
    return np.array([*center[:2], Boxes.of([scene.objects[mover]]).corners()[0, :, 2].min()])


def test_the_right_path_is_clear_and_every_wrong_one_collides_or_ends_elsewhere(scenes, monkeypatch):
    drawn, verified = [], manipulation._verified

    def noted(scene, move, sides, paths, *rest):
        fact = verified(scene, move, sides, paths, *rest)
        if fact is not None:
            drawn.append((fact, move, sides, paths))
        return fact

    monkeypatch.setattr(manipulation, "_verified", noted)
    checked = 0
    for scene in scenes:
        margin = SCALES[scene.scale].margin
        drawn.clear()
        assert len(run("image.path", scene, most=3)) == len(drawn)
        checked += len(drawn)
        for fact, move, (side, elsewhere), (right, straight, detour, lost) in drawn:
            obstacles = move.others.tolist()
            for path in (right, lost):
                assert distances(scene, move.mover, cut(path, STEPS), others=obstacles).min() >= margin - 1e-9
            for path in (straight, detour):
                # A collision a margin deep is still one when the mover is half a margin thinner on every side.
                legs = cut(path, 4 * STEPS)
                assert distances(scene, move.mover, legs, shrink=margin / 2, others=obstacles).min() == 0
            for path in (right, straight, detour, lost):
                assert np.allclose(path[0], base(scene, move.mover))
                assert (path[:, 2] >= base(scene, move.mover)[2] - 1e-9).all()
            assert np.allclose(right[-1], straight[-1]) and np.allclose(right[-1], detour[-1])
            # The place is on the side that the question names, and the stray path ends on another.
            view = View.of(scene.frames[fact.regions[0].frame_index].camera)
            target = scene.objects[move.target].center
            for end, name in ((right[-1], side), (lost[-1], elsewhere)):
                offset = end - target
                if name == "above":
                    assert np.allclose(offset[:2], 0) and offset[2] > 0
                else:
                    assert np.allclose(offset[:2], np.linalg.norm(offset[:2]) * view.direction(name)[:2], atol=1e-9)
            assert side != elsewhere
    assert checked > 2 * len(scenes) - 3


def test_paths_are_drawn_in_the_picture_in_four_colours_none_of_which_is_usually_right(scenes):
    right = Counter()
    for scene, fact in asked("image.path", scenes):
        assert fact.prompt_type == "mask" and {region.kind for region in fact.regions} == {"path"}
        assert [region.colour for region in fact.regions] == list(fact.options)
        (index,) = {region.frame_index for region in fact.regions}
        camera = scene.frames[index].camera
        for region in fact.regions:
            pixels = np.array(region.path)
            assert ((pixels > 0) & (pixels < [camera.width - 1, camera.height - 1])).all()
            start, depth = project(base(scene, unique(scene, fact.words["a"]))[None], camera)
            assert np.allclose(pixels[0], start[0]) and depth[0] > 0
        chosen = next(region for region in fact.regions if region.colour == fact.answer)
        pixels, depths = project(np.array(fact.measured["path_m"]), camera)
        assert np.allclose(pixels, chosen.path, atol=0.01) and (depths > 0).all()
        assert fact.margins["clearance_m"] >= SCALES[scene.scale].margin - 1e-6
        assert fact.margins["collision_depth_m"] > 0
        right[fact.answer] += 1
    assert len(right) == 4


def carried_out(scene: Scene, mover: int, text: str, view: View) -> np.ndarray:
    """The path of the base, (3, 3), of two moves in words."""
    ways = {"right": view.right, "left": -view.right, "away": view.away, "towards": -view.away}
    path = [base(scene, mover)]
    for move in text.split(", then "):
        number, unit, way, *_ = move.split()
        path.append(path[-1] + float(number) * METRES[unit] * ways[way])
    return np.array(path)


def test_the_moves_in_words_lead_to_the_marked_point_and_only_one_order_is_free(scenes):
    orders = Counter()
    for scene, fact in asked("image.order_of_moves", scenes):
        margin, mover = SCALES[scene.scale].margin, unique(scene, fact.words["a"])
        (region,) = fact.regions
        view = View.of(scene.frames[region.frame_index].camera)
        assert len(fact.options) == len(set(fact.options)) == 4
        for text in fact.options:
            path = carried_out(scene, mover, text, view)
            arrives = np.linalg.norm(view.pixels(path[-1:])[0] - region.point) < 0.01
            shrunk = distances(scene, mover, cut(path, 4 * STEPS), shrink=margin / 2).min()
            if text == fact.answer:
                assert arrives and distances(scene, mover, cut(path, 2 * STEPS)).min() >= margin - 1e-9
            else:
                assert not arrives or shrunk == 0
        orders[fact.answer.split()[2] in ("right", "left")] += 1
    assert min(orders.values()) > 0


def test_a_lift_of_the_answer_just_clears_everything_on_the_way(scenes):
    for scene, fact in asked("boxes.height_to_carry", scenes):
        mover, target = unique(scene, fact.words["a"]), unique(scene, fact.words["b"])
        height = fact.measured["height_m"]
        resolution = 10.0 ** -len(fact.answer.partition(".")[2]) * METRES[fact.unit]
        assert float(fact.answer) * METRES[fact.unit] == pytest.approx(height, abs=0.51 * resolution)
        start = base(scene, mover)
        end = np.array([*scene.objects[target].center[:2], start[2]])
        way = cut(np.stack([start, end]), 3 * STEPS)
        up, slack = np.array([0, 0, height]), 0.05 * height
        assert distances(scene, mover, way + up + [0, 0, 1e-6]).min() > 0
        assert distances(scene, mover, way + up - [0, 0, slack]).min() == 0


def test_the_mark_to_grasp_is_on_the_object_and_the_others_are_not(scenes):
    for scene, fact in asked("image.object_to_grasp", scenes):
        item = scene.objects[unique(scene, fact.words["a"])]
        for region in fact.regions:
            if region.kind == "point":
                frame = scene.frames[region.frame_index]
                found = frame.instances[int(region.point[1]), int(region.point[0])]
                assert (found == item.instance_id) == (region.colour == fact.answer)
        assert sorted(fact.options) == sorted(region.colour for region in fact.regions)


def test_sides_are_those_of_the_camera_and_each_is_right_as_often_as_its_opposite(scenes):
    answers = Counter()
    for scene, fact in asked("image.side_of_object", scenes):
        camera = scene.frames[fact.key_frames[0]].camera
        at = {slot: scene.objects[unique(scene, fact.words[slot])].center for slot in "ab"}
        pixels, depths = project(np.stack([[*at[slot][:2], 0.0] for slot in "ab"]), camera)
        if fact.answer in ("to the left", "to the right"):
            assert (pixels[0, 0] < pixels[1, 0]) == (fact.answer == "to the left")
        else:
            assert (depths[0] < depths[1]) == (fact.answer == "in front")
        answers[fact.answer] += 1
    assert len(answers) == 4


def spots(scene: Scene, fact, level: float) -> dict[str, np.ndarray]:
    """Marked points on the table: the rays of their pixels, cut with its plane."""
    camera = scene.frames[fact.regions[0].frame_index].camera
    pixels = np.array([region.point for region in fact.regions])
    eye, ends = camera.camera_to_world[:3, 3], to_world(pixels, np.ones(len(pixels)), camera)
    points = eye + (ends - eye) * ((level - eye[2]) / (ends - eye)[:, 2])[:, None]
    return {region.colour: point for region, point in zip(fact.regions, points, strict=True)}


def test_only_the_right_spot_has_room_and_all_spots_are_bare_table(scenes):
    right = Counter()
    for scene, fact in asked("image.room_for_object", scenes):
        margin, mover = SCALES[scene.scale].margin, unique(scene, fact.words["a"])
        level = survey(scene).level
        for region in fact.regions:
            frame = scene.frames[region.frame_index]
            column, row = np.rint(region.point).astype(int)
            assert frame.instances[row, column] == 0
        for colour, point in spots(scene, fact, level).items():
            apart = distances(scene, mover, point[None])[0]
            shrunk = distances(scene, mover, point[None], shrink=margin / 2)[0]
            assert apart.min() >= margin - 1e-6 if colour == fact.answer else shrunk.min() == 0
        assert set(fact.options) == {region.colour for region in fact.regions} and len(fact.options) >= 3
        right[fact.answer] += 1
    assert len(right) == 4


def test_the_spot_beside_is_on_the_side_that_is_named(scenes):
    for scene, fact in asked("image.spot_beside", scenes):
        target = scene.objects[unique(scene, fact.words["b"])]
        view = View.of(scene.frames[fact.regions[0].frame_index].camera)
        points = spots(scene, fact, survey(scene).level)
        along = {colour: (point - target.center)[:2] for colour, point in points.items()}
        named = view.direction(fact.measured["side"])[:2]
        assert fact.words["side"].endswith(f"the {fact.words['b']}")
        best = max(along, key=lambda colour: along[colour] @ named / np.linalg.norm(along[colour]))
        assert best == fact.answer
        assert along[best] @ named == pytest.approx(np.linalg.norm(along[best]), rel=1e-3)
        assert distances(scene, unique(scene, fact.words["a"]), points[best][None]).min() > 0


def thing(number: int, name: str, place, size=(0.1, 0.1, 0.15), bottom: float = 0.0) -> SceneObject:
    center = np.array([*place, bottom + size[2] / 2], float)
    return SceneObject(number, name, center, np.array(size, float), np.eye(3))


def test_the_height_to_carry_is_that_of_the_tallest_object_under_the_way_with_what_stands_on_it():
    mug, lamp = thing(1, "mug", (0, 0)), thing(2, "lamp", (0.8, 0), (0.1, 0.1, 0.12))
    tray, cup = thing(3, "tray", (0.4, 0), (0.2, 0.2, 0.04)), thing(4, "cup", (0.4, 0), bottom=0.04)
    scene = Scene("table", "test", "CC0-1.0", "tabletop", (mug, lamp, tray, cup))
    answers = {(fact.words["a"], fact.words["b"]): fact.answer for fact in run("boxes.height_to_carry", scene)}
    assert answers["mug", "lamp"] == "19" and answers["lamp", "mug"] == "19"
    # What carries something, or stands on something, is not lifted by itself.
    assert {pair[0] for pair in answers} == {"mug", "lamp"}
    aside = replace(
        scene, objects=(mug, lamp, *(replace(item, center=item.center + [0, 0.5, 0]) for item in (tray, cup)))
    )
    assert {(f.words["a"], f.words["b"]): f.answer for f in run("boxes.height_to_carry", aside)}["mug", "lamp"] == "12"
    turn = Rotation.from_euler("z", 77, degrees=True).as_matrix()
    turned = replace(
        scene,
        objects=tuple(
            replace(item, center=turn @ item.center + [1, 2, 0.7], rotation=item.rotation @ turn.T)
            for item in scene.objects
        ),
    )
    assert {(f.words["a"], f.words["b"]): f.answer for f in run("boxes.height_to_carry", turned)} == answers


def test_every_rule_repeats_itself_gives_enough_and_can_be_said(scenes):
    for scene in scenes:
        total = 0
        for name, rule in RULES.items():
            assert rule.scales == {"tiny_tabletop", "tabletop"} and {"boxes", "metric"} <= rule.needs
            facts = run(name, scene, most=4)
            assert facts == run(name, scene, most=4)
            assert len({(*fact.words.values(), fact.regions, fact.options) for fact in map(_frozen, facts)}) == len(
                facts
            )
            for fact in facts[:2]:
                question = say(fact, np.random.default_rng(1))
                assert question.rationale.rstrip(".").endswith(f"{fact.answer} {fact.unit}".strip())
            total += len(facts)
        assert total >= 15


def _frozen(fact):
    return replace(fact, regions=str(fact.regions))
