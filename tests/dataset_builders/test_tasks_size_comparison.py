"""Which object is wider, taller, larger: by marks, among objects of one kind, and by rank of the closest one."""

from collections import Counter, defaultdict
from dataclasses import replace
from functools import lru_cache
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.language import say
from dataset_builders.masks import decode_mask
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject, validate_scene
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks import lacking
from dataset_builders.tasks.comparisons import COMPARISONS, Sizes, winning_sets
from dataset_builders.tasks.size_comparison import RULES
from dataset_builders.taxonomy import SCALE_NAMES, SCALES

KNOWN = {rule.name: rule for rule in RULES}
BY_NAME = ("size.compare_same_kind", "size.rank_of_closest")
TYPICAL = {"door": 2.0, "sofa": 1.6, "bed": 1.8, "lamp": 0.5, "plant": 0.7, "stool": 0.45}
SOURCE = SyntheticSource(num_scenes=5, seed=21, num_frames=3, frame_size=(160, 120))
BIGGER = {"wider", "taller", "larger", "bigger"}
LENGTH = {
    **dict.fromkeys(("wider", "thinner", "narrower", "by longer horizontal side"), lambda size: max(size[:2])),
    **dict.fromkeys(("taller", "shorter", "by height from bottom to top"), lambda size: size[2]),
    **dict.fromkeys(("larger", "bigger", "smaller", "by overall volume"), lambda size: np.prod(size) ** (1 / 3)),
}
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def scenes() -> dict[str, Scene]:
    return {ref.scale: SOURCE.load(ref) for ref in SOURCE.refs()}


def room(seed: int, scale: str = "indoor", spread: float = 0.3) -> Scene:
    """Six objects of typical sizes that a name identifies, three chairs and two tables of any size, all upright."""
    rng, unit = np.random.default_rng(seed), SCALES[scale].margin / 0.15
    objects = []
    for number, name in enumerate((*TYPICAL, "chair", "chair", "chair", "table", "table"), start=1):
        turn = Rotation.from_euler("z", rng.uniform(0, 360), degrees=True).as_matrix()
        size = TYPICAL.get(name, rng.uniform(0.5, 1.5)) * np.exp(rng.normal(0, spread, 3))
        center = rng.uniform([-4, -4, 0.3], [4, 4, 0.8])
        objects.append(SceneObject(number, name, center * unit, size * unit, turn))
    return scene_of(*objects, scale=scale)


def scene_of(*objects: SceneObject, scale: str = "indoor", **fields) -> Scene:
    return validate_scene(Scene("test", "vsi-meta", "none", scale, objects, **fields), "test")


def facts(name: str, scene: Scene, seed: int = 0, most: int = 30) -> list[Fact]:
    return list(islice(KNOWN[name].generate(scene, np.random.default_rng(seed)), most))


@lru_cache
def world(seed: int, scale: str) -> tuple[Scene, np.ndarray]:
    """Return a room with the distances of all its objects, (N, N)."""
    scene = room(seed, scale)
    rows, columns = np.indices((len(scene.objects),) * 2).reshape(2, -1)
    boxes = Boxes.of(scene.objects)
    return scene, box_distances(boxes[rows], boxes[columns]).reshape(len(boxes), -1)


def closest(seed: int, scale: str, names: set[str], to: str) -> SceneObject:
    """Find the object of some categories that is closest to another one."""
    scene, distances = world(seed, scale)
    (anchor,) = [index for index, item in enumerate(scene.objects) if item.category == to]
    found = [index for index, item in enumerate(scene.objects) if item.category in names]
    return scene.objects[min(found, key=lambda index: distances[anchor, index])]


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_the_two_of_one_kind_are_those_next_to_their_anchors(scale):
    found = [(seed, fact) for seed in range(4) for fact in facts(BY_NAME[0], world(seed, scale)[0])]
    assert len(found) > 60
    for seed, fact in found:
        kind, *anchors = fact.semantics
        word = fact.measured["relation"]
        items = {f"the one closest to the {name}": closest(seed, scale, {kind}, name) for name in anchors}
        assert set(fact.options) == set(items)
        best = (max if word in BIGGER else min)(items, key=lambda label: LENGTH[word](items[label].size))
        assert fact.answer == best
    assert {fact.measured["relation"] for _, fact in found} == set(LENGTH) - {one for one in LENGTH if "by " in one}


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_the_rank_is_that_of_the_closest(scale):
    found = [(seed, fact) for seed in range(3) for fact in facts(BY_NAME[1], world(seed, scale)[0])]
    assert {len(fact.semantics) for _, fact in found} == {3, 4, 5}
    for seed, fact in found:
        *names, anchor = fact.semantics
        sizes = {item.category: LENGTH[fact.measured["relation"]](item.size) for item in world(seed, scale)[0].objects}
        order = sorted(names, key=sizes.__getitem__, reverse=True)
        place = order.index(closest(seed, scale, set(names), anchor).category)
        word = fact.answer.removeprefix("the ").removesuffix(" one")
        if len(names) == 2:
            assert place == (word in ("thinner", "shorter", "smaller"))
        elif word in ("thinnest", "shortest", "smallest"):
            assert place == len(names) - 1
        else:
            assert place == {"second": 1, "third": 2}.get(word.split()[0], 0)


def marked_object(scene: Scene, region) -> SceneObject:
    instances = scene.frames[region.frame_index].instances
    if region.kind == "point":
        number = instances[int(region.point[1]), int(region.point[0])]
    elif region.kind == "mask":
        (number,) = np.unique(instances[decode_mask(region.mask)])
    else:
        x1, y1, x2, y2 = map(int, region.bbox)
        inside = instances[y1 : y2 + 1, x1 : x2 + 1]
        number = next(
            n for n in np.unique(inside) if (instances == n).sum() == (inside == n).sum() and fills(inside, n)
        )
    (item,) = [item for item in scene.objects if item.instance_id == number]
    return item


def fills(inside: np.ndarray, number: int) -> bool:
    rows, columns = np.nonzero(inside == number)
    return (np.ptp(rows) + 1, np.ptp(columns) + 1) == inside.shape


@pytest.mark.parametrize("scale", SCALE_NAMES)
def test_marked_objects_are_compared(scenes, scale):
    scene, found = scenes[scale], facts("size.compare_marked", scenes[scale], most=90)
    assert {fact.prompt_type for fact in found} == {"point", "bbox", "mask"}
    assert {len(fact.options) for fact in found} == {2, 3, 4}
    assert {len({region.frame_index for region in fact.regions}) > 1 for fact in found} == {True, False}
    for fact in found:
        word = fact.measured["relation"]
        assert sorted(fact.options) == sorted(region.colour for region in fact.regions) and not fact.semantics
        items = {region.colour: marked_object(scene, region) for region in fact.regions}
        sizes = {colour: fact.measured["lengths_m"][colour] for colour in items}
        ranked = sorted(sizes, key=sizes.__getitem__, reverse=word in BIGGER)
        assert ranked[0] == fact.answer and len({item.instance_id for item in items.values()}) == len(items)
        two = sorted((sizes[ranked[0]], sizes[ranked[1]]))
        assert two[1] >= 1.2 * two[0] - 2e-6 and two[1] - two[0] >= SCALES[scale].margin / 3 - 2e-6
        for colour, item in items.items():
            assert sizes[colour] == pytest.approx(LENGTH[word](upright(item)), rel=0.02)
        question = say(fact, np.random.default_rng(0))
        assert not any(item.category in question.text for item in items.values())


def upright(item: SceneObject) -> np.ndarray:
    """Sort the sides so that the vertical one comes last."""
    up = np.abs(item.rotation[:, 2]).argmax()
    return np.append(np.delete(item.size, up), item.size[up])


@pytest.mark.parametrize(
    ("small", "large", "clear"), [(1.0, 1.19, False), (1.0, 1.21, True), (0.1, 0.14, False), (0.1, 0.16, True)]
)
def test_sizes_must_differ_by_a_fifth_and_a_third_of_the_margin(small, large, clear):
    pair = [
        SceneObject(number, "box", np.zeros(3), np.full(3, side), np.eye(3))
        for number, side in ((1, small), (2, large))
    ]
    wins = Sizes.of(pair, "indoor").wins()
    assert [bool(wins[index, 1, 0]) for index in range(3)] == [clear] * 3
    assert not wins[:3, 0, 1].any() and (wins[3:] == wins[:3].swapaxes(1, 2)).all()


def test_what_is_larger_must_be_longer_too_and_what_leans_has_no_width():
    plank, cube = np.array([2.0, 0.1, 0.1]), np.full(3, 0.8)
    lean = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    items = [SceneObject(1, "a", np.zeros(3), plank, np.eye(3)), SceneObject(2, "b", np.zeros(3), cube, lean)]
    assert not Sizes.of(items, "indoor").wins().any()
    assert Sizes.of([replace(items[0], size=plank * [0.3, 1, 1]), items[1]], "indoor").wins().nonzero()[
        0
    ].tolist() == [2, 5]


def test_winning_sets_are_those_of_brute_force():
    wins = np.random.default_rng(4).random((6, 5, 5)) < 0.6
    wins &= ~wins.swapaxes(1, 2)
    for count in (2, 3, 4):
        found = {(row[0], row[1], frozenset(row[2:])) for row in winning_sets(wins, count).tolist()}
        brute = {
            (index, best, frozenset(others))
            for index in range(len(COMPARISONS))
            for best in range(5)
            for others in map(frozenset, subsets_of(set(range(5)) - {best}, count - 1))
            if all(wins[index, best, other] for other in others)
        }
        assert found == brute and len(winning_sets(wins, count)) == len(brute)


def subsets_of(items: set[int], count: int) -> list[tuple[int, ...]]:
    if count == 0:
        return [()]
    return [(one, *rest) for one in items for rest in subsets_of({two for two in items if two > one}, count - 1)]


def key(fact: Fact) -> tuple:
    return fact.semantics, fact.options, fact.answer, fact.words["measured"]


@given(seeds, st.floats(0, 360), st.tuples(*[st.floats(-50, 50)] * 3))
@settings(max_examples=12, deadline=None)
def test_answers_do_not_change_when_the_world_is_turned_and_moved(seed, yaw, shift):
    scene, turn = room(seed), Rotation.from_euler("z", yaw, degrees=True).as_matrix()
    moved = [
        replace(item, center=turn @ item.center + shift, rotation=item.rotation @ turn.T) for item in scene.objects
    ]
    for name in BY_NAME:
        assert list(map(key, facts(name, scene))) == list(map(key, facts(name, scene_of(*moved))))


@given(seeds, st.floats(1, 5))
@settings(max_examples=12, deadline=None)
def test_in_a_larger_world_the_same_answers_hold_and_lengths_grow(seed, factor):
    scene = room(seed)
    larger = [replace(item, center=factor * item.center, size=factor * item.size) for item in scene.objects]
    before, after = (
        {
            (frozenset(fact.semantics), fact.measured["relation"] in BIGGER, fact.words["measured"]): fact
            for fact in facts(BY_NAME[0], each, most=10**6)
        }
        for each in (scene, scene_of(*larger))
    )
    assert set(before) <= set(after)
    for asked, fact in before.items():
        assert after[asked].answer == fact.answer
        for label, length in fact.measured["lengths_m"].items():
            assert after[asked].measured["lengths_m"][label] == pytest.approx(factor * length, abs=1e-5)


@given(seeds)
@settings(max_examples=12, deadline=None)
def test_answers_swap_when_two_objects_swap(seed):
    """Two chairs exchange their boxes but not their places, which two small anchors beside them fix."""
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.3, 1.5, (2, 3))
    anchors = [
        SceneObject(n, name, np.array([x, 2.0, 0]), np.full(3, 0.1), np.eye(3))
        for n, name, x in ((3, "lamp", 0), (4, "cup", 20))
    ]
    chairs = [
        [
            SceneObject(n, "chair", np.array([x, 0.0, 0]), size, np.eye(3))
            for n, x, size in ((1, 0, one), (2, 20, other))
        ]
        for one, other in (sizes, sizes[::-1])
    ]
    before, after = (facts(BY_NAME[0], scene_of(*pair, *anchors)) for pair in chairs)
    answers = [
        {fact.words["measured"] + str(fact.measured["relation"] in BIGGER): fact.answer for fact in each}
        for each in (before, after)
    ]
    assert set(answers[0]) == set(answers[1])
    assert all(answers[0][asked] != answers[1][asked] for asked in answers[0])


def test_names_do_not_tell_the_answer():
    """A guesser knows, for half of 80 rooms, which answer is most often right for the same names and question."""
    rooms = [room(number, spread=0.1) for number in range(80)]
    asked = [
        (number % 2, fact)
        for number, scene in enumerate(rooms)
        for name in BY_NAME
        for fact in facts(name, scene, most=16)
    ]
    seen = defaultdict(Counter)
    for half, fact in asked:
        seen[half, frozenset(fact.semantics), frozenset(fact.options), fact.words["measured"]][fact.answer] += 1
    hits, chance = [], []
    for half, fact in asked:
        known = seen[1 - half, frozenset(fact.semantics), frozenset(fact.options), fact.words["measured"]]
        best = [option for option in fact.options if known[option] == max(known.values(), default=0)]
        hits.append((fact.answer in best) / len(best))
        chance.append(1 / len(fact.options))
    assert len(asked) > 1200 and abs(np.mean(hits) - np.mean(chance)) < 0.04


def test_facts_are_distinct_and_repeatable_and_need_metres():
    for name in BY_NAME:
        found = facts(name, room(1), most=10**6)
        assert found == facts(name, room(1), most=10**6)
        assert len(
            {(fact.semantics[-1], frozenset(fact.semantics), fact.measured["relation"], fact.answer) for fact in found}
        ) == len(found)
        assert all(fact.open_ended and min(fact.margins.values()) >= 0 for fact in found)
    assert all(lacking(rule, room(1)) >= ({"frames"} & rule.needs) for rule in RULES)
    assert all("metric" in lacking(rule, scene_of(*room(1).objects, metric=False)) for rule in RULES)
    assert not facts(BY_NAME[1], scene_of(room(1).objects[0])) and not facts(BY_NAME[0], scene_of(room(1).objects[0]))
