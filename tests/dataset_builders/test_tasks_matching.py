"""Matches: every mark is traced back to a mask by its pixels, and the answer to whether the masks are of one thing."""

import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from dataset_builders.language import say, wordings
from dataset_builders.masks import decode_mask
from dataset_builders.question import REGION_COLOURS
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks.matching import RULES
from dataset_builders.taxonomy import SCALE_NAMES

WHICH, SAME = (rule.generate for rule in RULES)


@pytest.fixture(scope="module")
def rendered() -> list[Scene]:
    source = SyntheticSource(num_scenes=5, seed=9, num_frames=4, frame_size=(160, 120))
    return [source.load(ref) for ref in source.refs()]


def drawn(generate, scene: Scene, seed: int = 0) -> list:
    return list(islice(generate(scene, np.random.default_rng(seed)), 24))


def patches(*frames: dict[int, tuple[int, int, int, int]], kinds: dict[int, str]) -> Scene:
    """A scene of 96 x 72 pixels whose frames show objects as rectangles: instance id → x1, y1, x2, y2, inclusive."""
    made = []
    for boxes in frames:
        instances = np.zeros((72, 96), np.int32)
        for number, (x1, y1, x2, y2) in boxes.items():
            instances[y1 : y2 + 1, x1 : x2 + 1] = number
        camera = Camera(np.array([[80.0, 0, 47.5], [0, 80, 35.5], [0, 0, 1]]), np.eye(4), 96, 72)
        made.append(Frame(camera, np.zeros((72, 96, 3), np.uint8), instances=instances))
    objects = tuple(SceneObject(number, kind, np.zeros(3), np.ones(3), np.eye(3)) for number, kind in kinds.items())
    return Scene("s", "test", "CC0-1.0", "indoor", objects, tuple(made))


def marked(scene: Scene, region) -> int:
    """The object whose mask a region means, by its pixels alone."""
    instances = scene.frames[region.frame_index].instances
    if region.kind == "point":
        column, row = map(int, region.point)
        return int(instances[row, column])
    masks = {number: instances == number for number in np.unique(instances).tolist() if number}
    if region.kind == "mask":
        (number,) = [number for number, mask in masks.items() if (decode_mask(region.mask) == mask).all()]
        return number
    x1, y1, x2, y2 = map(int, region.bbox)
    inside = Counter(instances[y1 : y2 + 1, x1 : x2 + 1].ravel().tolist())
    inside.pop(0, None)
    return inside.most_common(1)[0][0]


def test_the_right_colour_is_that_of_the_same_instance(rendered):
    scales, kinds = set(), Counter()
    for scene in rendered:
        for fact in drawn(WHICH, scene):
            asked, *candidates = fact.regions
            assert {one.frame_index for one in candidates} == {candidates[0].frame_index}
            assert asked.frame_index < candidates[0].frame_index
            assert len({region.kind for region in fact.regions}) == 1 and asked.kind == fact.prompt_type
            assert len({region.colour for region in fact.regions}) == len(fact.regions)
            ids = {one.colour: marked(scene, one) for one in candidates}
            assert len(set(ids.values())) == len(ids) in (2, 3) and set(fact.options) == set(ids)
            assert [colour for colour, number in ids.items() if number == marked(scene, asked)] == [fact.answer]
            scales.add(scene.scale)
            kinds[fact.prompt_type] += 1
    assert scales == set(SCALE_NAMES) and set(kinds) == {"point", "bbox", "mask"}


def test_yes_means_one_instance_and_no_another(rendered):
    said = Counter()
    for scene in rendered:
        for seed in range(4):
            for fact in drawn(SAME, scene, seed):
                early, late = fact.regions
                assert fact.answer == ("yes" if marked(scene, early) == marked(scene, late) else "no")
                assert early.frame_index < late.frame_index and early.colour != late.colour
                said[fact.answer] += 1
    assert 0.42 < said["yes"] / said.total() < 0.55


@pytest.mark.parametrize("generate", [WHICH, SAME])
def test_distractors_are_of_the_same_kind_where_there_are_any(rendered, generate):
    for scene in rendered:
        kinds = {item.instance_id: item.category for item in scene.objects}
        for fact in drawn(generate, scene):
            asked, *candidates = (marked(scene, region) for region in fact.regions)
            shown = Counter(scene.frames[fact.regions[1].frame_index].instances.ravel().tolist())
            least = 20 * 20 / (448 * 336) * scene.frames[0].instances.size
            alike = {
                one for one, size in shown.items() if size >= least and one != asked and kinds.get(one) == kinds[asked]
            }
            others = [one for one in candidates if one != asked]
            assert sum(one in alike for one in others) == min(len(alike), len(others))


def test_the_first_and_last_frame_are_named_and_others_are_not():
    boxes = {1: (5, 5, 30, 30), 2: (50, 5, 80, 30), 3: (5, 45, 30, 65)}
    scene = patches(boxes, boxes, boxes, kinds={1: "cup", 2: "cup", 3: "plate"})
    found = drawn(WHICH, scene)
    assert len(found) == 3 * 3
    names = {tuple(sorted({one.frame_index for one in fact.regions})): fact.words["start"] for fact in found}
    assert names == {(0, 2): "first frame", (0, 1): "earlier marked frame", (1, 2): "earlier marked frame"}
    ends = [len({0, 2} & {one.frame_index for one in fact.regions}) == 2 for fact in found[:6]]
    assert ends == [True, False] * 3


def test_nothing_to_mistake_nothing_to_ask():
    kinds = {1: "cup", 2: "cup"}
    both, one = {1: (5, 5, 30, 30), 2: (50, 5, 80, 30)}, {1: (5, 5, 30, 30)}
    for frames in ((both,), (both, one), (one, {2: (50, 5, 80, 30)}), (both, {**one, 2: (50, 5, 51, 6)})):
        assert not drawn(WHICH, patches(*frames, kinds=kinds)) and not drawn(SAME, patches(*frames, kinds=kinds))
    assert {fact.regions[0].frame_index for fact in drawn(WHICH, patches(one, both, kinds=kinds))} == {0}


def test_a_box_that_holds_mostly_another_object_is_not_drawn():
    frame = {1: (5, 5, 60, 60), 2: (10, 10, 55, 55), 3: (70, 5, 90, 30)}
    scene = patches(frame, frame, kinds={1: "tray", 2: "plate", 3: "cup"})
    kinds = Counter(
        (marked(scene, fact.regions[0]), fact.prompt_type) for seed in range(30) for fact in drawn(SAME, scene, seed)
    )
    assert kinds[1, "mask"] and kinds[1, "point"] and not kinds[1, "bbox"] and kinds[2, "bbox"]


def test_no_colour_is_more_often_right(rendered):
    right, offered = Counter(), Counter()
    for scene in rendered:
        for fact in (fact for seed in range(4) for fact in drawn(WHICH, scene, seed)):
            right[fact.answer] += 1
            offered.update({option: 1 / len(fact.options) for option in fact.options})
    assert set(right) == set(REGION_COLOURS)
    assert all(abs(right[colour] - offered[colour]) < 4 * offered[colour] ** 0.5 for colour in right)


def test_questions_name_the_marks_and_no_object(rendered):
    for scene in rendered:
        for fact in drawn(WHICH, scene)[:6] + drawn(SAME, scene)[:6]:
            question = say(fact, np.random.default_rng(2))
            colours = set(re.findall(rf"\b({'|'.join(REGION_COLOURS)})\b", question.text))
            assert colours <= {region.colour for region in fact.regions}
            for item in scene.objects:
                assert not re.search(rf"\b{item.category}\b", question.text)
            assert question.rationale.rstrip(".").endswith(fact.answer)
    for name in ("match.which", "match.same"):
        assert len(wordings()[name].questions) >= 80 and len(wordings()[name].rationales) >= 3


def test_the_same_seed_gives_the_same_questions(rendered):
    for generate in (WHICH, SAME):
        assert drawn(generate, rendered[0]) == drawn(generate, rendered[0]) != drawn(generate, rendered[0], seed=1)
