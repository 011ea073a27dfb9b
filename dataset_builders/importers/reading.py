"""The text of a published question and answer → question, options, answer and unit, as far as the text states them."""

import re
from dataclasses import dataclass
from itertools import pairwise

from dataset_builders.errors import InputError
from dataset_builders.record import LETTERS

_MARKER = re.compile(r"\s*<(?:image|video)>\s*")
_OPTION = re.compile(r"(?:(?<=\s)|^|(?<=[,;(]))\(?([A-H])[.:)]\s*(?=\S)")
_LEAD = re.compile(r"\s*(?:(?:answer )?(?:options|choices)\s*:?|\()\s*$", re.IGNORECASE)
_LETTER = re.compile(r"\(?([A-H])\)?(?:[.:)]\s*(.*))?", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)

_UNITS = {
    "mm": "millimet(?:er|re)s?|mm",
    "cm": "centimet(?:er|re)s?|cm",
    "km": "kilomet(?:er|re)s?|km",
    "m": "met(?:er|re)s?|m",
}
_LENGTH = "|".join(f"(?P<{unit}>{names})" for unit, names in _UNITS.items())
_UNIT = rf"(?P<square>sq(?:uare|\.)?\s*)?(?:{_LENGTH})(?P<power>²|\^2|2)?|(?P<degrees>degrees?|°)"
_NUMBER = r"(?<![\w.,])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?"
_NUMBER_ALONE = re.compile(rf"(?P<number>{_NUMBER})\s*(?:(?:{_UNIT})(?!\w))?\.?", re.IGNORECASE)
_NUMBER_WITHIN = re.compile(rf"(?P<number>{_NUMBER})\s*(?:{_UNIT})(?!\w)", re.IGNORECASE)
_FIRST_NUMBER = re.compile(rf"(?P<number>{_NUMBER})(?:{_UNIT})?(?!\w)", re.IGNORECASE)
_ANY_NUMBER = re.compile(_NUMBER)
_ASKED_IN = re.compile(rf"\bin\s+(?:{_UNIT})(?!\w)", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """A question and its answer as a row of the dataset holds them.

    Attributes:
        question: Without options and without marks for images.
        options: Texts of the options in the order of their letters.
        answer: Letter, number or text.
        unit: Of a number, as far as the answer or the question states it.
        answer_type: One of `ANSWER_TYPES`.
        rationale: What the published answer thinks aloud.
    """

    question: str
    options: tuple[str, ...]
    answer: str
    unit: str
    answer_type: str
    rationale: str = ""


def read_text(question: str, reply: str) -> Reading:
    """Read a question that may list options, and a reply that may think before it answers.

    >>> read_text("<image>Which is nearer? Options: A. cup, B. bowl", "B. bowl")
    Reading(question='Which is nearer?', options=('cup', 'bowl'), answer='B', unit='', answer_type='multiple_choice', \
rationale='')
    >>> read_text("How far is it?", "<think>Far.</think><answer>1.5 meters</answer>").answer
    '1.5'
    """
    plain = strip_markers(question)
    answer, rationale = split_reply(reply)
    stem, options = split_options(plain)
    letter = find_letter(answer, options)
    if letter is not None:
        return Reading(stem, options, letter, "", "multiple_choice", rationale)
    number = read_number(answer, plain)
    if number is not None:
        return Reading(plain, (), *number, "regression", rationale)
    return Reading(plain, (), answer, "", "free_form", rationale)


def read_choice(question: str, options: list[str], reply: str, place, field: str) -> Reading:
    """Read a question whose options are listed apart.

    Raises:
        InputError: if there are too few or too many options, or the answer is none of them.
    """
    texts = tuple(_without_letter(options))
    answer, rationale = split_reply(reply)
    if not 2 <= len(texts) <= len(LETTERS):
        raise InputError(place, "options", f"are {len(texts)}", f"give 2 to {len(LETTERS)}")
    letter = find_letter(answer, texts)
    if letter is None:
        raise InputError(place, field, f"is {answer!r}", f"give the letter or text of one of the {len(texts)} options")
    return Reading(strip_markers(question), texts, letter, "", "multiple_choice", rationale)


def read_regression(question: str, reply: str, place, field: str) -> Reading:
    """Read a question that is answered by a number.

    Raises:
        InputError: if the answer is none.
    """
    answer, rationale = split_reply(reply)
    plain = strip_markers(question)
    number = read_number(answer, plain)
    if number is None:
        raise InputError(place, field, f"is {answer!r}", "give a number")
    return Reading(plain, (), *number, "regression", rationale)


def strip_markers(text: str) -> str:
    r"""Take out the marks that stand for images and videos.

    >>> strip_markers("<video>\nHow far is <image> from <image>?")
    'How far is from ?'
    """
    return _MARKER.sub(" ", text).strip()


def split_reply(reply: str) -> tuple[str, str]:
    """Return the answer of a reply and what it thinks before; a reply without tags is all answer."""
    answer, thought = _ANSWER.search(reply), _THINK.search(reply)
    rest = _THINK.sub("", reply)
    return (answer[1] if answer else rest).strip(), thought[1].strip() if thought else ""


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    r"""Split off options that are listed by the letters from A on; the last list counts.

    >>> split_options("Which?\n(A) left\n(B) right\nAnswer with a letter.")
    ('Which?', ('left', 'right'))
    >>> split_options("Is it plan A or plan B?")
    ('Is it plan A or plan B?', ())
    """
    marks = list(_OPTION.finditer(text))
    starts = [place for place, mark in enumerate(marks) if mark[1] == "A"]
    for start in reversed(starts):
        run = marks[start : start + 1]
        for mark in marks[start + 1 :]:
            if mark[1] != LETTERS[len(run) % len(LETTERS)]:
                break
            run.append(mark)
        if len(run) > 1:
            ends = [*(after.start() for _, after in pairwise(run)), len(text)]
            texts = (text[mark.end() : end].strip() for mark, end in zip(run, ends, strict=True))
            options = tuple((option.splitlines() or [""])[0].rstrip(" ,;(") for option in texts)
            if all(options) and len(set(options)) == len(options):
                return _LEAD.sub("", text[: run[0].start()]).strip(), options
    return text, ()


def find_letter(answer: str, options: tuple[str, ...]) -> str | None:
    """Return the letter of the option that an answer gives by its letter or its text.

    >>> [find_letter(answer, ("cup", "bowl")) for answer in ("B", "(B) bowl", "Bowl", "C", "A. bowl")]
    ['B', 'B', 'B', None, None]
    """
    folded = [option.casefold() for option in options]
    if answer.casefold() in folded:
        return LETTERS[folded.index(answer.casefold())]
    found = _LETTER.fullmatch(answer)
    if found is None or found[1] not in LETTERS[: len(options)]:
        return None
    place, text = LETTERS.index(found[1]), (found[2] or "").strip().rstrip(".").casefold()
    return found[1] if text in ("", folded[place], folded[place].rstrip(".")) else None


def read_number(answer: str, question: str) -> tuple[str, str] | None:
    """Return number and unit of an answer: a number alone, or the only number of a sentence if a unit is stated.

    >>> read_number("1,200 mm", ""), read_number("62", "How long, in centimeters?")
    (('1200', 'mm'), ('62', 'cm'))
    >>> read_number("It is about 3.5 square meters.", ""), read_number("in frame 3", "")
    (('3.5', 'm²'), None)
    """
    found = _NUMBER_ALONE.fullmatch(answer.strip())
    asked = list(_ASKED_IN.finditer(question))
    if found is None and len(_ANY_NUMBER.findall(answer)) == 1:
        found = _NUMBER_WITHIN.search(answer) or (_FIRST_NUMBER.search(answer) if asked else None)
    if found is None:
        return None
    unit = _unit(found) or (_unit(asked[-1]) if asked else "")
    return found["number"].replace(",", ""), unit


def _unit(found: re.Match) -> str:
    if found["degrees"]:
        return "degrees"
    length = next((unit for unit in _UNITS if found[unit]), "")
    return f"{length}²" if length and (found["square"] or found["power"]) else length


def _without_letter(options: list[str]) -> list[str]:
    """Take the letters off, if every option has its own."""
    found = [_LETTER.fullmatch(option.strip()) for option in options]
    lettered = all(
        mark is not None and mark[2] and mark[1] == LETTERS[place % len(LETTERS)] for place, mark in enumerate(found)
    )
    return [mark[2].strip() for mark in found] if lettered else [option.strip() for option in options]
