import numpy as np
import pytest

from dataset_builders.conversation import prompt_text, to_messages
from dataset_builders.errors import InputError
from hub_cards.demo.asking import CHOICE, KINDS, MEASURE, NUMBER, WORDS, Subject, kind_of, prepare

MARK = {"frame_index": 1, "kind": "point", "colour": "red", "point": [20.0, 20.0]}


@pytest.fixture(scope="module")
def sample(samples):
    return samples.open(0)


def test_a_chosen_question_is_asked_as_evaluation_asks_it(samples, limits):
    kinds = set()
    for place in range(len(samples.entries)):
        sample = samples.open(place)
        for row in sample.questions:
            subject = Subject(sample.clip, sample, row)
            asked = prepare(subject, [], row["question"], kind_of(row), row["options"], limits)
            assert asked.question is row
            assert asked.prompt == prompt_text(row)
            assert asked.messages == to_messages(row, [one.image for one in asked.seen])
            kinds.add(kind_of(row))
    assert kinds == {CHOICE, MEASURE, NUMBER}


def test_a_changed_question_has_no_computed_answer_but_keeps_its_marks(samples, limits):
    row, sample = next(
        (row, sample)
        for sample in map(samples.open, range(len(samples.entries)))
        for row in sample.questions
        if row["regions"]
    )
    subject, kind = Subject(sample.clip, sample, row), kind_of(row)
    other = next(name for name in (MEASURE, WORDS) if name != kind)
    for marks, text, how in (([MARK], row["question"], kind), ([], "Where?", kind), ([], row["question"], other)):
        asked = prepare(subject, marks, text, how, row["options"], limits)
        assert asked.question is None
        assert {one.index for one in asked.seen if one.is_marked} >= {one["frame_index"] for one in row["regions"]}


@pytest.mark.parametrize(
    ("kind", "options", "last"),
    [
        (MEASURE, [], "Answer with a number and its unit."),
        (NUMBER, ["ignored"], "Answer with a number."),
        (WORDS, [], "Answer in a few words."),
        (CHOICE, [" cup ", "", "bowl"], "Answer with the option's letter."),
    ],
)
def test_one_s_own_question(sample, limits, kind, options, last):
    asked = prepare(Subject(sample.clip), [MARK], "  How  far? ", kind, options, limits)
    lines = asked.prompt.splitlines()
    assert lines[0] == "How far?" and lines[-2] == last
    assert lines[1:-2] == (["A. cup", "B. bowl"] if kind == CHOICE else [])
    assert len(asked.messages[0]["content"][0]["video"]) == limits.num_frames
    marked = next(one for one in asked.seen if one.is_marked)
    assert marked.index == 1 and np.asarray(marked.image)[20, 20].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("text", "kind", "options", "problem"),
    [
        (" ", MEASURE, [], "text: is empty"),
        ("x" * 1001, MEASURE, [], "text: has 1001 letters"),
        ("Which?", CHOICE, ["one"], "options: are 1; write 2 to 8, one a line"),
        ("Which?", CHOICE, list("abcdefghi"), "options: are 9;"),
        ("How?", "a poem", [], "kind of answer: is 'a poem'"),
    ],
)
def test_what_cannot_be_asked_is_refused(sample, limits, text, kind, options, problem):
    with pytest.raises(InputError, match=problem):
        prepare(Subject(sample.clip), [], text, kind, options, limits)
    assert len(KINDS) == 4
