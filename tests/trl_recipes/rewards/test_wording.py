import random

import pytest

from trl_recipes.rewards.wording import MAX_ANSWER, rouge_l, wording_score


@pytest.mark.parametrize(
    ("text", "reference", "expected"),
    [
        ("The Red box.", "red box", 1.0),
        ("box", "red box", 0.0),
        ("left right", "left", 0.0),
        ("go past the sofa then turn right", "go past the sofa then turn left", 6 / 7),
        ("Go past the sofa; then turn left!", "go past the sofa, then turn left", 1.0),
        ("", "go past the sofa then turn left", 0.0),
        ("left " * MAX_ANSWER, "go past the sofa then turn left", 0.0),
    ],
)
def test_names_match_and_sentences_overlap(text, reference, expected):
    assert wording_score(text, reference) == pytest.approx(expected)


def test_published_examples():
    """Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), section 3.1, β = 1."""
    reference = "police killed the gunman"
    assert rouge_l("police kill the gunman", reference) == 0.75
    assert rouge_l("the gunman kill police", reference) == 0.5
    assert rouge_l("the gunman police killed", reference) == 0.5


def _table(words, others):
    """The longest common subsequence by the textbook's table."""
    lengths = [[0] * (len(others) + 1) for _ in range(len(words) + 1)]
    for i, word in enumerate(words):
        for j, other in enumerate(others):
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if word == other else max(lengths[i][j + 1], lengths[i + 1][j])
    return lengths[-1][-1]


def test_agrees_with_the_table_of_the_textbook():
    rng = random.Random(0)
    for _ in range(300):
        said, right = ([rng.choice("abcdef") for _ in range(rng.randrange(1, 90))] for _ in range(2))
        expected = 2 * _table(said, right) / (len(said) + len(right))
        assert rouge_l(" ".join(said), " ".join(right)) == pytest.approx(expected, abs=1e-12)
