"""What a part of a reply claims: one letter, one number, or nothing.

Evaluation reads an answer as a kind person does. A reward that did so would be farmed: by listing every option or
every number, by numbers whose unit is none, by writing that people read otherwise. So a claim is what evaluation
reads, and only where nothing beside it competes with it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from evaluate_metrics.parsing_answer import extract_answer, plain
from evaluate_metrics.parsing_choices import read_choice
from evaluate_metrics.parsing_numbers import read_number
from evaluate_metrics.parsing_units import unit_at

# Characters. A claim is short; this also bounds the time of everything below.
MAX_CLAIM = 500

# A letter on its own; not the article in "a chair".
_LETTER = re.compile(r"(?<![\w'’-])(?![Aa]\s+[a-z])([^\W\d_])(?![\w'’-])")
_WORD = re.compile(r"\w+")
_BARE = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_RUN = re.compile(r"(?<![\w^])\.?[0-9]+(?:[.,'’][0-9]+)*")
_EXPONENT = re.compile(r"(?:[eE]|\s?[×x*]\s?10\^|\^)[-+−]?[0-9]{1,9}|\s?[¼-¾⅐-⅞]")
_NUMBER_WORD = re.compile(
    r"\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen|half|quarter|third)s?\b",
    re.IGNORECASE,
)
_NEXT = re.compile(r"[\s–-]*([^\W\d_]+|[^\s\w.,;:!?)\]}*`~–-])")
# What may follow a measure without a unit; any other word might be a unit that we do not know.
_TAILS = frozenset("tall wide long high deep away apart across from between above below".split())
_PER = ("^", "³", "/", "·")
_NUMERALS = frozenset("²½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞")


def claimed_choice(text: str, options: Sequence[str]) -> str | None:
    """Return the letter of the one option that a text names, by letter, by its words or by both; else None.

    >>> claimed_choice("(b) bowl", ["cup", "bowl"]), claimed_choice("The bowl.", ["cup", "bowl"])
    ('B', 'B')
    >>> claimed_choice("A, B", ["cup", "bowl"]), claimed_choice("B, so the cup", ["cup", "bowl"])
    (None, None)
    """
    text = _readable(text)
    letter = None if text is None else read_choice(text, options).value
    if letter is None or len(text) == 1:
        return letter
    chosen, said = _words(plain(options[ord(letter) - ord("A")])), _words(plain(text))
    rest = said.replace(chosen, " ", 1)
    again = any(words in rest for words in map(_words, map(plain, options)) if words.strip())
    # Letters outside of the option's own words, which may hold some: "plan B".
    letters = Counter(map(str.upper, _LETTER.findall(text))) - Counter(map(str.upper, _LETTER.findall(chosen)))
    return None if again or letters - Counter((letter, "I")) else letter


def claimed_number(text: str, unit: str) -> float | None:
    """Return the one number that a text states, in `unit`; None for none, several, or a unit of something else.

    Args:
        text: What was claimed; at most `MAX_CLAIM` characters are read.
        unit: The unit asked for, "" for a count.

    >>> claimed_number("about 2.5 m", "cm"), claimed_number("5 ft 10 inches", "m"), claimed_number("3", "m")
    (250.0, 1.778, 3.0)
    >>> [claimed_number(text, "m") for text in ("2, 3 or 4", "3 m²", "3 light-years", "3 cm or 3 m", "٣ m", "nan")]
    [None, None, None, None, None, None]
    """
    if len(text) <= MAX_CLAIM and _BARE.fullmatch(text):
        return float(text)
    text = _readable(text)
    if text is None or any(sign.isnumeric() and not sign.isascii() for sign in set(text) - _NUMERALS):
        return None
    value, flag = read_number(text, unit)
    runs, named = list(_RUN.finditer(text)), list(_NUMBER_WORD.finditer(text))
    if value is None or flag or bool(runs) == bool(named):
        return None
    first, last = (runs or named)[0], (runs or named)[-1]
    shortened = (text[: last.start()], text[first.end() :])
    if len(runs) > 1 and read_number(text).value in (read_number(part).value for part in shortened):
        return None  # a number that adds nothing to the measure is another claim
    before = _WORD.findall(text[: first.start()])
    measured = _measures(text, last.end(), unit) and not any(map(unit_at, before))
    return value if measured else None


def stands_alone(text: str) -> bool:
    """Tell whether a claim holds no reasoning and no answer of its own."""
    return "<" not in text or extract_answer(text) == text


def _readable(text: str) -> str | None:
    """Return a claim in plain letters, or None where it is too long, or holds reasoning or an answer of its own."""
    if len(text) > MAX_CLAIM:
        return None
    # Full-width and circled letters become letters; of digits, those that people use as such stay what they are.
    text = text if text.isascii() else "".join(map(_plain_letter, text))
    return text if stands_alone(text) else None


def _plain_letter(sign: str) -> str:
    return sign if sign.isascii() or sign.isnumeric() else unicodedata.normalize("NFKC", sign)


def _words(text: str) -> str:
    return f" {' '.join(_WORD.findall(text))} "


def _measures(text: str, position: int, unit: str) -> bool:
    """Tell whether what follows a number leaves it a measure of what was asked for."""
    exponent = _EXPONENT.match(text, position)
    position = exponent.end() if exponent else position
    stated, asked = unit_at(text, position), unit_at(unit) if unit else None
    if stated:
        return asked is not None and stated.kind == asked.kind and not text.startswith(_PER, stated.end)
    following = _NEXT.match(text, position)
    if following is None or not asked:
        return following is None or following[1].isalpha() and len(following[1]) > 1
    return following[1].lower() in _TAILS
