from dataclasses import replace

import numpy as np
import pytest

from dataset_builders import language
from dataset_builders.ask import ask
from dataset_builders.language import Wording
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks import Rule
from dataset_builders.taxonomy import SCALE_NAMES

CUP = SceneObject(1, "cup", np.zeros(3), np.ones(3), np.eye(3))
SCENE = Scene("desk", "test", "CC0-1.0", "tabletop", (CUP,))


@pytest.fixture(autouse=True)
def plain_words(monkeypatch):
    """One template that says the one slot, and one that says it again."""
    names = ("plain", "twice")
    texts = {"plain": ("{text}",), "twice": ("{text}", "{text}!")}
    known = {name: Wording(name, "object_size", {}, texts[name], ("It is {answer}.",)) for name in names}
    monkeypatch.setattr(language, "wordings", lambda: known)


def rule(name, task, texts, needs=("boxes",), scales=SCALE_NAMES, wording="plain"):
    """A rule that asks the given texts, or a random number for each that is None."""

    def generate(scene, generator):
        for text in texts:
            words = {"text": text or str(generator.integers(10**9))}
            yield Fact(name, task, "free_form", "text", "1", words, wording)

    return Rule(name, task, frozenset(needs), frozenset(scales), generate)


def texts(rules, limit=100, seed=0, scene=SCENE):
    return [question.text for question in ask(scene, rules, seed, limit).questions]


def test_tasks_take_turns_and_so_do_the_rules_of_a_task():
    rules = [
        rule("a1", "object_counting", ["a1", "a2", "a3"]),
        rule("b1", "object_size", ["b1"]),
        rule("a2", "object_counting", ["A1", "A2"]),
    ]
    firsts = set()
    for number in range(20):
        asked = texts(rules, scene=replace(SCENE, scene_id=f"desk {number}"))
        assert asked in (["a1", "b1", "A1", "a2", "A2", "a3"], ["A1", "b1", "a1", "A2", "a2", "a3"])
        assert texts(rules, limit=3, scene=replace(SCENE, scene_id=f"desk {number}")) == asked[:3]
        firsts.add(asked[0])
    assert firsts == {"a1", "A1"}


def test_a_repeated_question_is_dropped_and_costs_no_turn():
    rules = [rule("a", "object_counting", ["x", "x", "y"]), rule("b", "object_size", ["1", "2"])]
    assert texts(rules) == ["x", "1", "y", "2"]


def test_questions_do_not_depend_on_the_other_tasks():
    a, b = rule("a", "object_counting", [None] * 4), rule("b", "object_size", [None] * 4)
    together = ask(SCENE, [a, b], 0, 100).questions
    assert [question.text for question in together if question.fact.task == "object_size"] == texts([b])


def test_seed_scene_and_rule_each_change_what_is_drawn():
    a = rule("a", "object_counting", [None])
    drawn = [
        *texts([a]),
        *texts([a], seed=1),
        *texts([a], scene=replace(SCENE, scene_id="shelf")),
        *texts([rule("b", "object_counting", [None])]),
    ]
    assert len(set(drawn)) == 4 and texts([a]) == texts([a])


def test_a_task_without_a_question_says_why():
    rules = [
        rule("a", "object_counting", ["x"]),
        rule("b", "depth_estimation", ["x"], needs=("frames", "depth")),
        rule("c", "room_size", ["x"], scales=("indoor",)),
        rule("d", "object_size", []),
        rule("e", "position_comparison", ["x"], scales=("drone",)),
        rule("f", "position_comparison", ["x"], needs=("frames",)),
    ]
    assert ask(SCENE, rules, 0, 100).skipped == {
        "depth_estimation": "no depth and no frames",
        "room_size": "not asked at this scale",
        "object_size": "nothing unambiguous to ask",
        "position_comparison": "no frames",
    }


def test_a_task_that_had_no_turn_is_not_called_skipped():
    rules = [rule("a", "object_counting", ["x"]), rule("b", "object_size", ["y"])]
    assert ask(SCENE, rules, 0, 1).skipped == {}


def test_facts_are_asked_again_in_other_words_once_all_are_asked():
    (one,) = [rule("a", "object_counting", ["x", "y"], wording="twice")]
    asked = texts([one])
    assert sorted(asked) == ["x", "x!", "y", "y!"] and {text[0] for text in asked[:2]} == {"x", "y"}
    words = ask(SCENE, [one], 0, 100, most_wordings=1).questions
    assert [question.text for question in words] == ["x", "y"]


def test_two_tasks_do_not_ask_in_the_same_words():
    assert texts([rule("a", "object_counting", ["x"]), rule("b", "object_size", ["x", "y"])]) == ["x", "y"]
