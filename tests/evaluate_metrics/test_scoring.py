from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate_metrics import Score, chance, mean_relative_accuracy, score, score_all

COUNT = {"task": "object_counting", "scale": "indoor", "answer_type": "regression", "unit": "", "options": []}
DEPTH = {**COUNT, "task": "depth_estimation", "unit": "cm"}
SIZE = {**COUNT, "task": "object_size", "unit": "m"}
CHOICE = {**COUNT, "task": "relative_distance", "answer_type": "multiple_choice", "options": ["cup", "bowl", "plate"]}
WORDS = {"task": "position_comparison", "answer_type": "free_form", "answer": "front-left", "unit": "", "options": []}
PIECES = ["4", " m", "cm", "B", "(b)", " ", "cup", "The answer is ", "<answer>", "</answer>"]
REPLIES = st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize(
    ("record", "completion", "parsed", "value"),
    [
        (COUNT | {"answer": "4"}, "<answer>3</answer>", 3.0, 0.5),
        (COUNT | {"answer": "10"}, "<think>4, no</think><answer>nine</answer>", 9.0, 0.8),
        (COUNT | {"answer": "4"}, "", None, 0.0),
        (COUNT | {"answer": "4"}, "<answer>many</answer>", None, 0.0),
        (DEPTH | {"answer": "300"}, "<answer>3 m</answer>", 300.0, 1.0),
        (DEPTH | {"answer": "300"}, "<answer>3</answer>", 3.0, 0.0),
        (DEPTH | {"answer": "300"}, "<answer>-300</answer>", -300.0, 0.0),
        (CHOICE | {"answer": "B"}, "<answer>B. bowl</answer>", "B", 1.0),
        (CHOICE | {"answer": "B"}, "the bowl", "B", 1.0),
        (CHOICE | {"answer": "B"}, "<answer>A</answer>", "A", 0.0),
        (CHOICE | {"answer": "B"}, "D", None, 0.0),
        (CHOICE | {"answer": "B"}, "", None, 0.0),
    ],
)
def test_score(record, completion, parsed, value):
    assert score(record, completion) == Score(parsed, value)


@given(st.lists(st.tuples(st.sampled_from([COUNT, DEPTH, SIZE, CHOICE, WORDS]), REPLIES)))
def test_many_at_once_are_each_scored_as_alone(pairs):
    records = [record | {"answer": "4" if record["answer_type"] == "regression" else "B"} for record, _ in pairs]
    replies = [reply for _, reply in pairs]
    assert score_all(records, replies) == [score(*pair) for pair in zip(records, replies, strict=True)]


def test_an_answer_type_that_nobody_writes_is_refused():
    with pytest.raises(ValueError, match="'essay'"):
        score(COUNT | {"answer_type": "essay", "answer": "x"}, "x")


def test_chance_equals_the_mean_over_all_pairs():
    rng = np.random.default_rng(0)
    records = [COUNT | {"answer": str(rng.integers(0, 9))} for _ in range(30)]
    records += [DEPTH | {"answer": f"{rng.uniform(-2, 20):.{place % 3}f}"} for place in range(40)]
    records += [DEPTH | {"answer": "7.0", "unit": "m"}, DEPTH | {"answer": "69", "unit": "mm"}]
    records += [SIZE | {"answer": "4"}, CHOICE | {"answer": "B"}]
    metres = {"": 1, "mm": Fraction(1, 1000), "cm": Fraction(1, 100), "m": 1}

    def in_metres(record):
        return Fraction(record["answer"]) * metres[record["unit"]]

    for place, (record, expected) in enumerate(zip(records, chance(records), strict=True)):
        others = [other for index, other in enumerate(records) if index != place and other["task"] == record["task"]]
        guesses = [float(in_metres(other) / metres[record["unit"]]) for other in others]
        scores = [mean_relative_accuracy(guess, float(record["answer"])) for guess in guesses]
        if record["answer_type"] == "regression":
            assert expected == pytest.approx(np.mean(scores) if scores else 0, abs=1e-12)
    assert chance(records)[-2:].tolist() == [0, 1 / 3]


def test_chance_guesses_a_length_with_its_unit():
    records = [DEPTH | {"answer": answer, "unit": unit} for answer, unit in (("2", "m"), ("200", "cm"), ("2", "mm"))]
    assert chance(records).tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    ("completion", "value"),
    [
        ("<answer>front-left</answer>", 1.0),
        ("<think>the left</think>The Front-Left.", 1.0),
        ("<answer>left</answer>", 0.0),
        ("<answer></answer>", 0.0),
    ],
)
def test_words_are_right_or_wrong_whatever_their_case_article_and_full_stop(completion, value):
    assert score(WORDS, completion).value == value


def test_words_are_guessed_from_the_other_answers_of_the_task():
    rows = [WORDS | {"answer": answer} for answer in ("left", "left", "left", "right")]
    assert chance(rows).tolist() == [2 / 3, 2 / 3, 2 / 3, 0.0]
