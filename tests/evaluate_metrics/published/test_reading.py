"""The tables of how public scorers read answers, as they did when they were run."""

import json
import time
from pathlib import Path

import pytest

from evaluate_metrics.published import reading, vlmeval_reading

# text, thinking-in-space, lmms-eval, VLMEvalKit, SpaceVista
NUMBERS = [
    ("3m", None, 3, 3, 3),
    (" 3", None, 3, 3, 3),
    ("three", None, 3, 3, 3),
    ("twenty-one", None, 21, -1, 1),
    ("twenty one", None, 21, 1, 1),
    ("thirty", None, 30, None, 30),
    ("a 2.5 m gap", None, 2.5, 2.5, 1),
    ("a height of 3.5 meters", None, 3.5, 3.5, 1),
    ("The chair is one of 7 items", None, 1, 7, 1),
    ("<think>I see 4 then 5</think><answer>3</answer>", None, 4, 3, 3),
    ("<think>2 chairs</think> 3 in total", None, 2, 3, 2),
    ("1,200", None, 1, 200, 1),
    ("2-3", None, 2, -3, 2),
    ("12 to 15", 12, 12, 15, 12),
    ("ERROR: a", None, None, None, 1),
]


@pytest.mark.parametrize(("text", "tis", "lmms", "vlmeval", "official"), NUMBERS)
def test_numbers(text, tis, lmms, vlmeval, official):
    assert reading.tis_number(text) == tis
    assert reading.lmms_number(text) == lmms
    assert vlmeval_reading.number(text) == vlmeval
    assert reading.official_number(reading.official_answer(text)) == official


MISSED = ["A.chair", "(A)", "A)", "A\nchair", " A", "<answer>A</answer>", "**A**", "The answer is A"]


@pytest.mark.parametrize("text", MISSED)
def test_letters_that_the_first_token_misses(text):
    assert reading.tis_token(text) != "A"


@pytest.mark.parametrize("text", ["(A)", "**A**", "The answer is A", "E", "F"])
def test_letters_that_spacevista_misses(text):
    letter = reading.official_letter(reading.official_answer(text))
    assert letter == text


@pytest.mark.parametrize("text", ["A.chair", "A)", "A\nchair", " A", "<answer>A</answer>"])
def test_letters_that_spacevista_reads(text):
    assert reading.official_letter(reading.official_answer(text)) == "A"


def test_an_article_is_a_letter_to_the_first_token():
    assert reading.tis_token("A chair is left, so B") == "A"


def test_the_first_letter_of_any_word_is_an_answer_to_lmms():
    assert reading.lmms_letter("The answer is A") == "T"


@pytest.mark.parametrize("text", MISSED)
def test_vlmevalkit_reads_what_the_first_token_misses(text):
    assert vlmeval_reading.letter(text) == "A"


def test_a_letter_at_the_end_of_the_reasoning_is_the_answer_to_vlmevalkit():
    assert vlmeval_reading.letter("<think>maybe B</think>A") == "B"


def test_vlmevalkit_reads_what_it_read_when_it_was_run():
    recorded = json.loads(Path(__file__).with_name("vlmeval_readings.json").read_text(encoding="utf-8"))
    for text, letter, number in recorded["rows"]:
        assert (vlmeval_reading.letter(text), vlmeval_reading.number(text)) == (letter, number), text


PIECES = "<answer|<answer>|<answer>A|</ answer>|>1|<think>|answer |A* |[|(A |option A|* |1.|.1|1e|one |\n|A\n| ".split(
    "|"
)


@pytest.mark.parametrize("piece", PIECES)
def test_vlmevalkit_is_read_in_linear_time(piece):
    for text in (piece * (1_000_000 // len(piece)), f"answer{piece * (1_000_000 // len(piece))}x"):
        start = time.process_time()
        vlmeval_reading.letter(text)
        vlmeval_reading.number(text)
        assert time.process_time() - start < 5  # quadratic would take hours
