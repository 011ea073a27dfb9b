"""Relations in questions: every answer against what the synthetic source says that it has built."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dataset_builders.ask import ask
from dataset_builders.language import say
from dataset_builders.masks import decode_mask
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.tasks.links import PHRASES, alternatives, crossed
from dataset_builders.tasks.rule import lacking
from dataset_builders.tasks.spatial_relation import RULES
from dataset_builders.taxonomy import SCALE_NAMES

KIND = {phrase: kind for kind, phrases in PHRASES.items() for phrase in phrases}
NAMED, MARKED = ({rule.name: rule for rule in RULES if ("frames" in rule.needs) == marked} for marked in (False, True))


def facts(scene: Scene, name: str, seed: int = 0) -> list:
    (rule,) = (rule for rule in RULES if rule.name == name)
    return list(rule.generate(scene, np.random.default_rng(seed)))


@pytest.fixture(scope="module")
def bare():
    source = SyntheticSource(60, seed=2, rendered=False)
    return [source.load(ref) for ref in source.refs()]


@pytest.fixture(scope="module")
def filmed():
    source = SyntheticSource(10, seed=3, num_frames=4, frame_size=(224, 168))
    return [source.load(ref) for ref in source.refs()]


def truth(scene: Scene) -> set[tuple]:
    """What was built, by names: kind, thing, anchor."""
    names = {item.instance_id: item.category for item in scene.objects}
    return {(kind, names[a], names[b]) for kind, a, b, *_ in scene.metadata["relations"] if kind != "stacking"}


def numbers(scene: Scene) -> set[tuple]:
    """What was built, by instance ids."""
    return {(kind, a, b) for kind, a, b, *_ in scene.metadata["relations"] if kind != "stacking"}


def test_whether_it_holds_is_what_was_built(bare):
    answers = Counter()
    for scene in bare:
        for fact in facts(scene, "relation.holds"):
            words = fact.words
            holds = (KIND[words["rel"]], words["a"], words["b"]) in truth(scene)
            assert fact.answer == ("yes" if holds else "no")
            answers[fact.answer] += 1
    assert answers["yes"] == answers["no"] > 60


def test_every_name_is_in_as_many_right_statements_as_wrong_ones(bare):
    for scene in bare:
        asked = facts(scene, "relation.holds")
        for slot in ("a", "b"):
            yes, no = (
                Counter(fact.words[slot] for fact in asked if fact.answer == answer) for answer in ("yes", "no")
            )
            assert yes == no
        assert {fact.answer for fact in asked[:2]} in (set(), {"yes", "no"})


@pytest.mark.parametrize("name", ["relation.what", "relation.holder", "relation.where"])
def test_what_where_and_holder_are_what_was_built_and_no_other_option_is(bare, name):
    for scene in bare:
        built = truth(scene)
        for fact in facts(scene, name):
            a, b, kind = fact.words["a"], fact.words["b"], KIND[fact.words["rel"]]
            assert (kind, a, b) in built
            right = {
                "relation.what": {one for one in fact.options if (kind, one, b) in built},
                "relation.holder": {one for one in fact.options if any(pair[1:] == (a, one) for pair in built)},
                "relation.where": {
                    one
                    for one in fact.options
                    for said in PHRASES
                    for other in [one.removeprefix(PHRASES[said][0] + " the ")]
                    if (said, a, other) in built
                },
            }[name]
            assert right == {fact.answer}


@pytest.mark.parametrize("name", ["relation.what", "relation.holder", "relation.where"])
def test_of_every_set_of_options_each_is_right_equally_often(bare, name):
    for scene in bare:
        times: dict[frozenset, Counter] = {}
        for fact in facts(scene, name):
            times.setdefault(frozenset(fact.options), Counter())[fact.answer] += 1
        for options, right in times.items():
            assert set(right) == options and len(set(right.values())) == 1


def test_only_flat_things_are_said_to_be_attached(bare):
    for scene in bare:
        flat = {item.category for item in scene.objects if item.size.min() <= 0.2 * item.size.max()}
        for fact in facts(scene, "relation.holds"):
            assert KIND[fact.words["rel"]] != "adhesion" or fact.words["a"] in flat


def owners(scene: Scene, fact) -> list[int]:
    """The objects on which the marks lie, by the pixels alone."""
    found = []
    for region in fact.regions:
        pixels = scene.frames[region.frame_index].instances
        if region.kind == "point":
            x, y = region.point
            found.append(int(pixels[int(y), int(x)]))
        elif region.kind == "mask":
            (number,) = np.unique(pixels[decode_mask(region.mask)])
            found.append(int(number))
        else:
            x1, y1, x2, y2 = map(int, region.bbox)
            boxes = {
                int(number): [x.min(), y.min(), x.max(), y.max()]
                for number in np.unique(pixels)[1:]
                for y, x in [np.nonzero(pixels == number)]
            }
            (number,) = (number for number, box in boxes.items() if box == [x1, y1, x2, y2])
            found.append(number)
    return found


def test_stacks_are_told_from_the_bottom_up(bare, filmed):
    asked = Counter()
    for scene in [*bare, *filmed]:
        rules = [name for name in ("relation.stack", "relation.stack_marked") if "marked" not in name or scene.frames]
        for fact in (fact for name in rules for fact in facts(scene, name)):
            items = {item.instance_id: item for item in scene.objects}
            stack = [items[number] for number in fact.measured["bottom_up"]]
            for below, above in pairwise(stack):
                assert below.center[2] + below.size[2] / 2 == pytest.approx(above.center[2] - above.size[2] / 2)
            marks = dict(zip(owners(scene, fact), (region.colour for region in fact.regions), strict=True))
            called = [marks.get(item.instance_id, item.category) for item in stack]
            where = {"at the bottom": called[0], "at the top": called[-1], "in the middle": called[1]}
            assert fact.answer == (where[fact.words["where"]] if "where" in fact.words else ", ".join(called))
            assert len(fact.options) == len(set(fact.options)) and fact.answer in fact.options
            asked[fact.wording] += 1
    assert len(asked) == 4 and min(asked.values()) >= 3


def test_marked_answers_are_those_of_the_marked_objects(filmed):
    answers, kinds = Counter(), Counter()
    for scene in filmed:
        built = numbers(scene)
        for fact in facts(scene, "relation.holds_marked"):
            one, other = owners(scene, fact)
            assert fact.answer == ("yes" if (KIND[fact.words["rel"]], one, other) in built else "no")
            answers[fact.answer] += 1
        for fact in facts(scene, "relation.how_marked"):
            one, other = owners(scene, fact)
            colours = dict(zip((region.colour for region in fact.regions), (one, other), strict=True))
            for option in fact.options:
                first, _, rest = option.partition(" is ")
                phrase, _, second = rest.rpartition(" ")
                if rest:
                    is_so = (KIND[phrase], colours[first], colours[second]) in built
                else:
                    assert option == f"{fact.words['a']} and {fact.words['b']} do not touch"
                    is_so = not any({one, other} == {a, b} for _, a, b in built)
                assert is_so == (option == fact.answer)
            kinds[fact.answer.split(" ", 1)[1].rsplit(" ", 1)[0]] += 1
    assert answers["yes"] == answers["no"] > 30
    assert {KIND.get(kind.removeprefix("is ")) for kind in kinds} >= set(PHRASES)


def test_how_never_offers_both_inside_and_encircled_in_one_direction(filmed):
    for fact in (fact for scene in filmed for fact in facts(scene, "relation.how_marked")):
        told = [option.replace("encircled by", "inside") for option in fact.options]
        assert len(told) == len(set(told)) >= 2


def test_every_scene_gives_five_questions_that_name_no_unit_and_end_in_their_answer(bare, filmed):
    counts = []
    for scene in [*bare, *filmed]:
        able = [rule for rule in RULES if not lacking(rule, scene)]
        questions = ask(scene, able, seed=0, limit=24).questions
        counts.append(len(questions))
        for question in questions:
            assert not re.search(r"[{}]|\b(mm|cm|m)\b", question.text)
            assert question.rationale.rstrip(".").endswith(question.fact.answer)
            assert all(margin >= 0 for margin in question.fact.margins.values())
    assert min(counts[: len(bare)]) >= 5
    # Four small frames do not show every scene well.
    assert np.mean(np.array(counts[len(bare) :]) >= 5) >= 0.9


def test_facts_are_distinct_and_depend_on_the_seed_alone(bare):
    for scene in bare[:10]:
        for name in NAMED:
            once, again = facts(scene, name, seed=4), facts(scene, name, seed=4)
            assert once == again
            keys = [(fact.wording, fact.answer, frozenset(fact.options), *sorted(fact.words.items())) for fact in once]
            assert len(keys) == len(set(keys))
            for fact in once[:3]:
                assert say(fact, np.random.default_rng(0)).text


def test_all_scales_and_needs():
    assert all(rule.scales == frozenset(SCALE_NAMES) and {"boxes", "metric"} <= rule.needs for rule in RULES)
    assert all({"frames", "instances"} <= rule.needs for rule in MARKED.values())


def test_of_bare_boxes_little_is_asked():
    """A box inside a box may be a thing in a vessel, or two coarse boxes: nothing is said about them."""

    def put(number, name, size, place, bottom):
        center = np.array([*place, bottom + size[2] / 2])
        return SceneObject(number, name, center, np.array(size, float), Rotation.identity().as_matrix())

    objects = [
        put(1, "table", (1.0, 0.6, 0.7), (0, 0), 0.0),
        put(2, "lamp", (0.2, 0.2, 0.4), (0.2, 0), 0.7),
        put(3, "cabinet", (0.8, 0.5, 1.0), (3, 0), 0.0),
        put(4, "printer", (0.4, 0.4, 0.3), (3, 0), 1.0),
        put(5, "sofa", (2.0, 0.9, 0.8), (0, 3), 0.0),
        put(6, "pillow", (0.4, 0.3, 0.2), (0, 3), 0.45),
    ]
    room = Scene("room", "test", "CC0-1.0", "indoor", tuple(objects))
    names = {name for rule in NAMED for fact in facts(room, rule) for name in fact.semantics}
    assert names == {"table", "lamp", "cabinet", "printer"}
    assert Counter(fact.answer for fact in facts(room, "relation.holds")) == {"yes": 2, "no": 2}


def test_crossed_statements_form_a_permutation():
    rng = np.random.default_rng(0)
    for _ in range(50):
        able = rng.random((6, 6)) < 0.4
        np.fill_diagonal(able, False)
        pairs = crossed(rng, able)
        assert all(able[pair] for pair in pairs)
        assert sorted(one for one, _ in pairs) == sorted(other for _, other in pairs)
        for chosen in alternatives(rng, able):
            assert all(able[one, other] for one in chosen for other in chosen if one != other)
