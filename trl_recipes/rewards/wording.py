"""How well an answer in words matches the right one."""

import re

from evaluate_metrics import free_form_match
from trl_recipes.rewards.claims import stands_alone

# A reference of more words than this is a sentence or a list, which can be right in other words.
LONGEST_NAME = 5

# Characters; what goes on longer is not read.
MAX_ANSWER = 2_000

_WORD = re.compile(r"\w+")


def wording_score(text: str, reference: str) -> float:
    """Score an answer in words: a name must be the right one, a sentence is compared by ROUGE-L.

    A name, of at most `LONGEST_NAME` words, is compared as evaluation does, whatever its case, article and full stop.

    >>> wording_score("The red box.", "red box"), wording_score("left or right", "left")
    (1.0, 0.0)
    >>> wording_score("go past the sofa, then turn left", "go past the sofa, then turn right")
    0.8571428571428571
    """
    if len(text) > MAX_ANSWER or not stands_alone(text):
        return 0.0
    if len(_WORD.findall(reference)) <= LONGEST_NAME:
        return free_form_match(text, reference)
    return rouge_l(text, reference)


def rouge_l(text: str, reference: str) -> float:
    """Return the F1 of the longest common subsequence of words (Lin 2004, ROUGE-L), case and punctuation aside.

    >>> rouge_l("police kill the gunman", "police killed the gunman")
    0.75
    """
    said, right = (_WORD.findall(one.casefold()) for one in (text, reference))
    return 2 * _common(said, right) / max(1, len(said) + len(right))


def _common(words: list[str], others: list[str]) -> int:
    """Return the length of the longest common subsequence, all rows of its table at once in the bits of one integer.

    Hyyrö, "Bit-parallel LCS-length computation revisited" (2004): a zero in `row` is a word of the subsequence.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(words)) - 1
    row = everything
    for word in others:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & everything
    return len(words) - row.bit_count()
