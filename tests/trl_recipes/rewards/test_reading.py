import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trl_recipes.rewards import anls, answer_reward


def _edits(one, other):
    """Levenshtein's distance by its recurrence."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        left, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(left[j] + 1, row[j - 1] + 1, left[j - 1] + (a != b)))
    return row[-1]


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        ("coffee", "Coffee ", 1.0),
        ("cofee", "coffee", 1 - 1 / 6),
        ("ab", "abcd", 0.0),  # half of it is wrong: the threshold is exclusive
        ("abc", "abcd", 0.75),
        ("", "coffee", 0.0),
        ("coffee shop on the corner of the street", "coffee", 0.0),
        ("<answer>coffee</answer>", "coffee", 0.0),
    ],
)
def test_values_by_hand(text, reference, score):
    assert anls(text, reference) == pytest.approx(score)


@given(st.text("abc ", max_size=12), st.text("abc ", min_size=1, max_size=12).filter(str.strip))
def test_against_the_recurrence(text, reference):
    said, right = " ".join(text.split()), " ".join(reference.split())
    distance = _edits(said, right) / max(len(said), len(right))
    assert anls(text, reference) == pytest.approx(1 - distance if distance < 0.5 else 0.0)


def test_a_better_reading_earns_more():
    readings = ["HOTEL EUROPA", "HOTEL EUROPE", "HOTEL EUROP", "HOTEL", "MOTEL 6"]
    scores = [anls(text, "Hotel Europa") for text in readings]
    assert scores == sorted(scores, reverse=True) and scores[0] == 1 and scores[-1] == 0


def test_a_long_reply_takes_no_time_and_earns_nothing():
    started = time.perf_counter()
    assert anls("a" * 1_000_000, "a" * 20) == 0
    assert anls("a b " * 500, "a b " * 500) == 1  # as long as is read
    assert time.perf_counter() - started < 0.1


def test_the_type_of_the_answer_chooses_the_reward():
    replies = ["<answer>cofee</answer>"] * 2
    right = {"answer": ["coffee"] * 2, "options": [[], []], "unit": ["", ""]}
    assert answer_reward(replies, answer_type=["ocr", "free_form"], **right) == [pytest.approx(5 / 6), 0.0]
