"""Free text → a number, digits or words, in the unit that was asked for.

Every pattern runs in linear time: no nested or unbounded neighbouring quantifiers, and a fixed number of scans.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator

from evaluate_metrics.parsing_answer import Reading, extract_answer
from evaluate_metrics.parsing_units import Unit, asked_unit, unit_at

_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
# What separates thousands: a comma, an apostrophe, or a space that does not break.
_SEPARATORS = re.compile("[,'’\u00a0\u2009\u202f]")
# A sign counts only where nothing precedes it that could make it a dash: "2-3" starts with 2, "x = -3" is negative.
# `\d` includes the digits of other scripts, which `float` reads as well.
_NUMERAL = re.compile(
    r"(?<![A-Za-z_\d])(?P<sign>[-+−](?<![\w)\]][-+−])|(?:minus|negative)\s)?(?:"
    rf"(?P<mantissa>\d{{1,3}}(?:{_SEPARATORS.pattern}\d{{3}})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|(?<!\.)\.\d+)"
    r"(?:[eE](?P<exponent>[-+−]?\d{1,9})(?!\w)|\s{0,3}[×x*]\s{0,3}10\^(?P<power>[-+−]?\d{1,9})"
    rf"|\s?(?P<vulgar>[{_VULGAR}])|(?:\s(?P<part>\d{{1,9}}))?[/⁄](?P<divisor>\d{{1,9}})(?![\d/.]))?"
    rf"|(?P<alone>[{_VULGAR}]))",
    re.IGNORECASE,
)

_DIGITS = {word: value for value, word in enumerate("zero one two three four five six seven eight nine".split())}
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = (
    _DIGITS | {word: 10 + i for i, word in enumerate(_TEENS)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
)
_THOUSANDS = {"thousand": 1000, "million": 1_000_000}
_PARTS = {"half": 0.5, "quarter": 0.25}
# ASCII, because "ı" and "ſ" pass for "i" and "s" where case does not count, and are in no table.
_DIGIT, _TEEN, _TEN, _BIG, _PART = (
    f"(?a:{'|'.join(words)})" for words in (_DIGITS, _TEENS, _TENS, _THOUSANDS, _PARTS)
)
_BELOW_100 = rf"(?:{_TEN}(?:[ -]{_DIGIT})?|{_TEEN}|{_DIGIT})(?!\w)"
_BELOW_1000 = rf"(?:(?:{_BELOW_100}[ -])?hundred(?:(?: and)?[ -]{_BELOW_100})?|{_BELOW_100})"
_WRITTEN = re.compile(
    rf"(?<!\w)(?=[aefhmnoqstz])(?P<minus>(?:minus|negative) )?(?:(?P<alone>half|quarter|an? {_PART})(?= (?:of )?an? )"
    rf"|(?P<whole>(?:{_BELOW_1000}[ -])?{_BIG}(?:(?: and)?[ -]{_BELOW_1000}[ -]{_BIG})*"
    rf"(?:(?: and)?[ -]{_BELOW_1000})?|{_BELOW_1000})"
    rf"(?: point(?P<decimals>(?: {_DIGIT})+)| and an? (?P<part>{_PART}))?)(?!\w)",
    re.IGNORECASE,
)
# Where a reply announces its answer; the last announcement counts.
_ANNOUNCED = re.compile(r"[Aa\\](?:(?<!\w[Aa])(?<=[Aa])(?i:nswer)\b\W{0,4}(?i:is\b|:|=)|(?<=\\)(?i:boxed)\{)")
_TO = re.compile(r"\s{0,3}(?:[-–—−~]|to\b|through\b)\s{0,3}", re.IGNORECASE)
_BETWEEN = re.compile(r"\bbetween\s{1,3}$", re.IGNORECASE)
_AND = re.compile(r"\s{0,3}and\s{1,3}", re.IGNORECASE)
_ALSO = re.compile(r"[\s,]{0,3}(?:and\s{1,3})?", re.IGNORECASE)
_INCH = re.compile(r"\s{0,3}in\b", re.IGNORECASE)

# Every number in digits holds one of these, at most a sign in words and a point ("minus .") after its start.
_DIGIT_OR_VULGAR = re.compile(rf"[\d{_VULGAR}]")
_LONGEST_START = len("negative .")
# What most replies are where one number is asked for; it needs no search.
_BARE = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
# What may close a reply, and is neither a unit nor a link to another number.
_CLOSING = re.compile(r"[\s.!)\]}*$\"]*\Z")

Found = tuple[float, int, int]
"""A number and where it starts and ends."""


def read_number(text: str, unit: str = "") -> Reading:
    """Read the first number of a reply: digits where there are any, else number words.

    Where the reply announces its answer ("the answer is", "boxed{"), reading starts there. Parts of one measure add
    up ("1 m 20 cm"). A unit that the reply states is converted to the one asked for, where both measure the same kind
    of thing; a number without a unit is taken to be in the one asked for.

    Args:
        text: The reply.
        unit: The unit asked for, "" for counts.

    >>> read_number("2-3 m", "cm"), read_number("5 feet 10 inches", "m").value
    (Reading(value=200.0, flag='range'), 1.778)
    """
    return number_in(extract_answer(text), unit)


def number_in(answer: str, unit: str = "") -> Reading:
    """Read a number, as `read_number` does, from what `extract_answer` has left of a reply."""
    if _BARE.fullmatch(answer):
        return Reading(float(answer))
    return announced_number_in(answer, unit) or _number_from(answer, 0, unit) or Reading(None)


def announced_number_in(answer: str, unit: str = "") -> Reading | None:
    """Read the first number after the last announcement ("the answer is", "boxed{"); None where there is neither.

    >>> announced_number_in("I see 4, so the answer is 3"), announced_number_in("7, the answer is unclear")
    (Reading(value=3.0, flag=None), None)
    """
    announced = _announced(answer)
    return _number_from(answer, announced, unit) if announced else None


def _number_from(answer: str, start: int, unit: str) -> Reading | None:
    """Read the first number from a position on; None where there is none."""
    for find in (_digits, _words):
        found = find(answer, start)
        if found:
            return _measure(answer, found, find, unit)
    return None


def _measure(answer: str, found: Found, find: Callable, unit: str) -> Reading:
    """Read on from the first number: its unit, further parts of the measure, and numbers that compete with it."""
    value, start, end = found
    stated = unit_at(answer, end)
    closed = _CLOSING.match(answer, stated.end if stated else end)
    upper = None if closed else _upper_end(answer, start, stated.end if stated else end)
    if upper:
        end = upper[2]
        stated = stated or unit_at(answer, end)
    elif stated and not closed:
        value, end = _with_parts(answer, value, stated)
    if stated:
        value = value * stated.in_terms_of(asked_unit(unit)) if unit else value
        end = max(end, stated.end)
    if not math.isfinite(value):
        return Reading(None)
    if upper:
        return Reading(value, "range")
    other = None if closed else find(answer, end)
    return Reading(value, "several" if other and other[0] != found[0] else None)


def _announced(answer: str) -> int:
    start = 0
    folded = answer.casefold()
    if "answer" in folded or "boxed{" in folded:
        for announced in _ANNOUNCED.finditer(answer):
            start = announced.end()
    return start


def _digits(answer: str, position: int) -> Found | None:
    """Find the first number in digits."""
    digit = _DIGIT_OR_VULGAR.search(answer, position)
    match = digit and _NUMERAL.search(answer, max(position, digit.start() - _LONGEST_START))
    return _numeral(match) if match else None


def _words(answer: str, position: int) -> Found | None:
    """Find the first number in words; in "one of the chairs" there is none."""
    match = _WRITTEN.search(answer, position)
    return (_value_of(match), *match.span()) if match else None


def _numeral(match: re.Match) -> Found:
    sign, mantissa, exponent, power, vulgar, part, divisor, alone = match.groups()
    if alone:
        value = unicodedata.numeric(alone)
    else:
        digits = _SEPARATORS.sub("", mantissa) if len(mantissa) > len("999") else mantissa
        exponent = exponent or power
        value = float(f"{digits}e{exponent.replace('−', '-')}" if exponent else digits)
        value += unicodedata.numeric(vulgar) if vulgar else 0
        if divisor and float(divisor) and "." not in digits:
            value = value + float(part) / float(divisor) if part else value / float(divisor)
    return -value if sign and sign != "+" else value, *match.span()


def _value_of(written: re.Match) -> float:
    """Add up number words: "hundred" multiplies what stands before it, "thousand" and "million" close a group."""
    if written["alone"]:
        value = _PARTS[written["alone"].lower().split()[-1]]
    else:
        total, group = 0, 0
        for word in re.split(r"[ -]", written["whole"].lower()):
            if word == "hundred":
                group = max(group, 1) * 100
            elif word in _THOUSANDS:
                total, group = total + max(group, 1) * _THOUSANDS[word], 0
            elif word != "and":
                group += _WORDS[word]
        decimals = "".join(str(_DIGITS[word]) for word in (written["decimals"] or "").lower().split())
        value = float(f"{total + group}.{decimals or 0}") + _PARTS.get((written["part"] or "").lower(), 0)
    return -value if written["minus"] else value


def _upper_end(answer: str, start: int, end: int) -> Found | None:
    """Return the upper end of a range whose lower end is the number at [start, end)."""
    link = _TO.match(answer, end)
    if link is None and _BETWEEN.search(answer, max(0, start - 12), start):
        link = _AND.match(answer, end)
    return next(_numbers_at(answer, link.end()), None) if link else None


def _numbers_at(answer: str, position: int) -> Iterator[Found]:
    """Yield the number that stands exactly at a position, in digits or in words."""
    for pattern in (_NUMERAL, _WRITTEN):
        match = pattern.match(answer, position)
        if match:
            yield _numeral(match) if pattern is _NUMERAL else (_value_of(match), *match.span())


def _with_parts(answer: str, value: float, stated: Unit) -> tuple[float, int]:
    """Add the second part of a length, in a smaller unit: "1 m 20 cm", "5 feet 10 in"; return value and end."""
    also = _ALSO.match(answer, stated.end)
    part = next(_numbers_at(answer, also.end()), None)
    if part is None or stated.kind != "length":
        return value, stated.end
    smaller = unit_at(answer, part[2])
    inch = _INCH.match(answer, part[2]) if smaller is None and stated.factor == 0.3048 else None
    if inch:
        smaller = Unit(0.0254, "length", inch.end())
    if smaller is None or smaller.kind != "length" or smaller.factor >= stated.factor:
        return value, stated.end
    return value + part[0] * smaller.in_terms_of(stated), smaller.end
