"""Orders of appearance against brute force: every selection of frames with the key frames shows the same order."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from dataset_builders.language import say, wordings
from dataset_builders.scene import Camera, Frame, Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks.appearance import RULES, SENSES, appearances

ORDER, NTH = (rule.generate for rule in RULES)
LEAST = 20 * 20 / (448 * 336)


def drawn(generate, scene: Scene, seed: int = 0) -> list:
    return list(generate(scene, np.random.default_rng(seed)))


def strip(*frames: str, kinds: dict[str, str]) -> Scene:
    """A scene whose frames show what the letters say: capitals large, small letters a single pixel."""
    numbers = {letter: index for index, letter in enumerate(kinds, start=1)}
    made = []
    for letters in frames:
        instances = np.zeros((60, 80), np.int32)
        for letter in letters:
            number = numbers[letter.upper()]
            size = 6 if letter.isupper() else 1
            instances[2 : 2 + size, 8 * number : 8 * number + size] = number
        camera = Camera(np.array([[80.0, 0, 39.5], [0, 80, 29.5], [0, 0, 1]]), np.eye(4), 80, 60)
        made.append(Frame(camera, np.zeros((60, 80, 3), np.uint8), instances=instances))
    objects = tuple(
        SceneObject(numbers[letter], kind, np.zeros(3), np.ones(3), np.eye(3)) for letter, kind in kinds.items()
    )
    return Scene("s", "test", "CC0-1.0", "indoor", objects, tuple(made))


KINDS = {"A": "armchair", "B": "bed", "C": "clock", "D": "desk", "E": "bed"}


def orders(scene: Scene) -> set[tuple[str, ...]]:
    """What is asked, from the earliest to the latest."""
    return {tuple(fact.answer.split(", "))[:: SENSES[fact.words["sense"]]] for fact in drawn(ORDER, scene)}


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (("A", "AB", "B"), {("armchair", "bed")}),
        (("AB", "AB"), set()),
        (("A", "", "E", "B"), {("armchair", "bed")}),
        (("Ab", "AB"), set()),
        (("a", "B", "A"), set()),
        (("A", "Ab", "AB"), {("armchair", "bed")}),
        (("A", "B", "C"), {("armchair", "bed"), ("armchair", "clock"), ("bed", "clock"),
                           ("armchair", "bed", "clock")}),
        (("A", "BC", "D"), {("armchair", "bed"), ("armchair", "clock"), ("armchair", "desk"), ("bed", "desk"),
                            ("clock", "desk"), ("armchair", "bed", "desk"), ("armchair", "clock", "desk")}),
        (("A", "c"), set()),
        (("A",), set()),
    ],
)  # fmt: skip
def test_only_clear_orders_are_asked(frames, expected):
    assert orders(strip(*frames, kinds=KINDS)) == expected


def test_a_frame_without_masks_may_have_shown_anything():
    scene = strip("A", "B", kinds=KINDS)
    blind = replace(scene, frames=(replace(scene.frames[0], instances=None), *scene.frames[1:]))
    assert not drawn(ORDER, blind) and not drawn(NTH, blind)


@pytest.fixture(scope="module")
def walked() -> list[Scene]:
    source = SyntheticSource(num_scenes=25, seed=3, num_frames=8, frame_size=(112, 84))
    scenes = [source.load(ref) for ref in source.refs() if ref.scale == "indoor"]
    return [scene for scene in scenes if drawn(ORDER, scene)]


def first_seen(scene: Scene, frames, kinds) -> list[str]:
    """The kinds in the order in which a selection of frames shows enough of one of their instances."""
    numbers = {kind: [item.instance_id for item in scene.objects if item.category == kind] for kind in kinds}
    seen: list[str] = []
    for index in frames:
        instances = scene.frames[index].instances
        now = [kind for kind in kinds if any((instances == n).sum() >= LEAST * instances.size for n in numbers[kind])]
        fresh = [kind for kind in now if kind not in seen]
        assert len(fresh) <= 1, "two at once"
        seen += fresh
    return seen


def test_every_selection_with_the_key_frames_shows_the_answer(walked):
    assert len(walked) >= 3
    for scene in walked:
        count = len(scene.frames)
        for fact in drawn(ORDER, scene)[:8]:
            answer = fact.answer.split(", ")[:: SENSES[fact.words["sense"]]]
            rest = sorted(set(range(count)) - set(fact.key_frames))
            for size in range(len(rest) + 1):
                for chosen in combinations(rest, size):
                    frames = sorted({*chosen, *fact.key_frames})
                    assert first_seen(scene, frames, answer) == answer
            assert list(fact.key_frames) == sorted(fact.key_frames) and 2 <= len(set(fact.key_frames)) <= 4


def test_the_nth_is_the_nth_of_the_same_order(walked):
    places = {"first": 0, "second": 1, "third": 2, "fourth": 3}
    for scene in walked:
        for fact in drawn(NTH, scene):
            order = first_seen(scene, range(len(scene.frames)), fact.options)
            assert fact.answer == order[places[fact.words["ordinal"]]]


def test_the_kinds_that_appear_are_those_of_the_masks(walked):
    for scene in walked:
        found = appearances(scene)
        assert [one.frame for one in found] == sorted(one.frame for one in found)
        for one in found:
            numbers = [item.instance_id for item in scene.objects if item.category == one.kind]
            shares = [max(np.mean(frame.instances == n) for n in numbers) for frame in scene.frames]
            assert one.frame == next(index for index, share in enumerate(shares) if share >= LEAST)
            assert one.glimpse == next(index for index, share in enumerate(shares) if share > 0)


def test_options_are_orders_and_none_stands_out():
    scene = strip("A", "B", "C", "D", kinds=KINDS)
    agreement: Counter = Counter()
    for seed in range(150):
        for fact in drawn(ORDER, scene, seed):
            assert len(fact.options) == {1: 2}.get(fact.answer.count(", "), 4) == len(set(fact.options))
            assert {tuple(sorted(option.split(", "))) for option in fact.options} == {
                tuple(sorted(fact.answer.split(", ")))
            }
            if fact.answer.count(", ") == 3:
                # How often an option agrees with the others about who comes where: distractors must not be variants.
                score = {
                    option: sum(
                        a == b
                        for other in fact.options
                        for a, b in zip(option.split(", "), other.split(", "), strict=True)
                    )
                    for option in fact.options
                }
                best = max(score.values())
                winners = [option for option in fact.options if score[option] == best]
                agreement["right"] += (fact.answer in winners) / len(winners)
                agreement["all"] += 1
    assert 0.15 < agreement["right"] / agreement["all"] < 0.35


def test_both_senses_and_all_ordinals_are_drawn():
    scene = strip("A", "B", "C", kinds=KINDS)
    senses = Counter(fact.words["sense"] for seed in range(60) for fact in drawn(ORDER, scene, seed))
    assert set(senses) == set(SENSES) and 0.35 < senses["from the earliest to the latest"] / senses.total() < 0.65
    right = Counter(fact.answer for seed in range(100) for fact in drawn(NTH, scene, seed) if len(fact.options) == 3)
    assert len(right) == 3 and min(right.values()) > 20


def test_questions_list_the_kinds_in_no_telling_order():
    scene = strip("A", "B", "C", kinds=KINDS)
    listed = set()
    for seed in range(40):
        for fact in drawn(ORDER, scene, seed) + drawn(NTH, scene, seed):
            question = say(fact, np.random.default_rng(seed))
            assert "{" not in question.text + question.rationale and question.rationale.rstrip(".").endswith(
                fact.answer
            )
            listed.add(fact.words["list"])
    assert len([text for text in listed if text.count(", ") == 2]) == 6
    for name in ("vsi.appearance_order", "video.nth_to_appear"):
        assert len(wordings()[name].questions) >= 80 and len(wordings()[name].rationales) >= 3
