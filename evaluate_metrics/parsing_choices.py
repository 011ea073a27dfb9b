"""Free text → the letter of the chosen option."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from dataset_builders.record import LETTERS
from evaluate_metrics.parsing_answer import Reading, extract_answer, plain

_LETTER_ALONE = re.compile(r"[\W_]*([A-Za-z])[\W_]*")
_LETTER_FIRST = re.compile(r"[\s(\[*_\"'`]{0,8}([A-Za-z])(?!\.[a-z]\.)(?:\s{0,3}[).:,\]*]|\s{0,3}\n)")
_LETTER_NAMED = re.compile(
    r"\b(?i:answer|option|choice)\b\W{0,4}(?i:is|are)?\W{0,4}(?:(?i:option|choice)\W{0,4})?"
    r"([A-Z]|[a-z](?=\W{0,3}$|[).]))(?!\w)"
)
_LETTER_ANYWHERE = re.compile(r"([A-Z])(?<![\w'’-][A-Z])(?![\w'’-])")
# "A chair" holds an article, "A is closer" and "A or B" hold a letter.
_ARTICLE = re.compile(r"\s(?!(?:is|was|or|and|because|but|since|as)\b)[a-z]")
_LETTERED = re.compile(r"\(?([A-Z])(?:\)|[.:])\s")
CHOSEN = {letter: Reading(letter) for letter in LETTERS}


class Claim(NamedTuple):
    """What a reply says, whatever the options are.

    Attributes:
        answer: What `extract_answer` has left of the reply.
        words: The same as `plain` has it.
        alone: The one letter that it consists of, upper-case.
        first: The letter that it starts with, upper-case.
        named: The letters that it calls an answer, option or choice, upper-case.
    """

    answer: str
    words: str
    alone: str | None
    first: str | None
    named: tuple[str, ...]


def read_choice(text: str, options: Sequence[str] | None = None) -> Reading:
    """Read the letter of the chosen option, or find the option by its text.

    Args:
        text: The reply.
        options: Texts of the options, in the order of their letters, with or without the letter in front ("A. chair");
            without them all of `LETTERS` are possible.

    >>> read_choice("(b) bowl").value, read_choice("the cup", ["A. bowl", "B. cup"]).value, read_choice("A or B")
    ('B', 'B', Reading(value=None, flag='several'))
    """
    return choose(claim_of(extract_answer(text)), options)


def claim_of(answer: str) -> Claim:
    """Read what an answer says of letters.

    >>> claim_of("Option B, not A")
    Claim(answer='Option B, not A', words='option b, not a', alone=None, first=None, named=('B',))
    """
    words = plain(answer)
    alone, first = _LETTER_ALONE.fullmatch(answer), _LETTER_FIRST.match(answer)
    named = ()
    if "answer" in words or "opt" in words or "cho" in words:  # a dotless "ı" passes for the "i" that follows
        matches = _LETTER_NAMED.finditer(answer)
        named = tuple(match[1].upper() for match in matches if not _is_article(answer, match))
    return Claim(answer, words, alone and alone[1].upper(), first and first[1].upper(), named)


def choose(claim: Claim, options: Sequence[str] | None = None) -> Reading:
    """Decide, as `read_choice` does, which option a reply chooses."""
    letters = LETTERS if options is None else LETTERS[: len(options)]
    answer, words, alone, first, named = claim
    if alone and alone in letters:
        return CHOSEN[alone]
    texts = list(map(_option_text, options or (), letters))
    if texts.count(words) == 1:
        return CHOSEN[letters[texts.index(words)]]
    if first and first in letters:
        return CHOSEN[first]
    for letter in reversed(named):
        if letter in letters:
            return CHOSEN[letter]
    anywhere = {match[1] for match in _LETTER_ANYWHERE.finditer(answer) if not _is_article(answer, match)}
    return _decide(anywhere & set(letters) or _named_options(words, texts, letters))


def _decide(letters: Iterable[str]) -> Reading:
    found = sorted(letters)
    return Reading(found[0] if len(found) == 1 else None, "several" if len(found) > 1 else None)


@lru_cache(maxsize=4096)  # the options of one benchmark repeat: "left", "right", names of furniture
def _option_text(option: str, letter: str) -> str:
    own = _LETTERED.match(option)
    return plain(option[own.end() :] if own and own[1] == letter else option)


def _is_article(answer: str, match: re.Match) -> bool:
    return match[1] in "Aa" and _ARTICLE.match(answer, match.end(1)) is not None


def _named_options(answer: str, texts: list[str], letters: str) -> set[str]:
    """Return the letters of the options named in the answer; an option inside a longer named one does not count."""
    held = [text for text in texts if text and text in answer]
    named = [text for text in held if re.search(rf"(?<!\w){re.escape(text)}(?!\w)", answer)]
    return {letters[texts.index(text)] for text in named if not any(text != one and text in one for one in named)}
