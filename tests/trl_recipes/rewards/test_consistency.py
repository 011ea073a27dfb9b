import pytest

from dataset_builders.conversation import completion_text
from trl_recipes.rewards import consistency_reward

OPTIONS = ["lamp", "table", "big lamp"]


def _reward(reasoning, answer, kind, options=(), unit=""):
    reply = f"<think>{reasoning}</think><answer>{answer}</answer>"
    [reward] = consistency_reward([reply], [kind], [list(options)], [unit])
    return reward


@pytest.mark.parametrize(
    ("reasoning", "answer", "expected"),
    [
        ("The centres are 3.1 m apart. What remains is 2.5 m.", "2.5 m", 1.0),
        ("So it is 2.5 m", "250 cm", 1.0),
        ("It is 2.53 m.", "2.5 m", 1.0),  # rounded
        ("It is 1 m 20 cm.", "1.2 m", 1.0),
        ("The gap is two metres.", "2 m", 1.0),
        ("It is 2.5 m. So the answer is 3 m.", "2.5 m", 0.0),
        ("It is 2.5 m.", "3 m", 0.0),
        ("It is 2.5 cm.", "2.5 m", 0.0),
        ("It is 12.5 m.", "2.5 m", 0.0),
        ("It is 2.5 m or 3 m.", "2.5 m", 0.0),
        ("I cannot tell.", "2.5 m", 0.0),
        ("", "2.5 m", 0.0),
        ("It is 2.5 m.", "", 0.0),
        ("It is 2.5 m.", "2.5 m or 3 m", 0.0),
    ],
)
def test_numbers(reasoning, answer, expected):
    assert _reward(reasoning, answer, "regression", unit="m") == expected


@pytest.mark.parametrize(
    ("reasoning", "answer", "expected"),
    [
        ("Lamp 2 m, table 3 m. The closest is the lamp.", "A", 1.0),
        ("The lamp is nearer than the table, so it is the lamp.", "lamp", 1.0),
        ("So the answer is A.", "A", 1.0),
        ("It is the big lamp.", "C", 1.0),
        ("It is the big lamp.", "A", 0.0),
        ("The closest is the lamp.", "B", 0.0),
        ("It is not the lamp.", "A", 0.0),
        ("The lamp and the table are close.", "A", 0.0),
        ("So it is the lamp. No, wait, the table.", "A", 0.0),
        ("It is the lamp.", "A, B", 0.0),
    ],
)
def test_choices(reasoning, answer, expected):
    assert _reward(reasoning, answer, "multiple_choice", OPTIONS) == expected


@pytest.mark.parametrize(
    ("reasoning", "answer", "expected"),
    [("So it is the red box.", "The red box", 1.0), ("It is the blue box.", "red box", 0.0), ("x", "y" * 999, 0.0)],
)
def test_words(reasoning, answer, expected):
    assert _reward(reasoning, answer, "free_form") == expected


def test_cold_start_teaches_consistent_replies(questions):
    """Every rationale of the dataset leads to its answer."""
    columns = {name: questions[name] for name in ("answer_type", "options", "unit")}
    replies = [completion_text(row) for row in questions]
    rewards = consistency_reward(replies, **columns)
    inconsistent = [reply for reply, reward in zip(replies, rewards, strict=True) if not reward]
    assert not inconsistent


def test_only_the_end_of_the_reasoning_is_read():
    assert _reward("x" * 90_000 + ". It is 2.5 m.", "2.5 m", "regression", unit="m") == 1.0
