"""Free text → a number, a measure in a unit, or an option letter.

Every pattern here runs in linear time: no nested or unbounded neighbouring quantifiers, one scan per question asked.
What a reader expects, and what public scorers do instead, is tabulated in `tests/evaluate_metrics/test_parsing.py`.
"""

import math
import re
from collections.abc import Sequence

from dataset_builders.record import LETTERS

_TAG = re.compile(r"<(/?)(think|semantics|scale|answer)>", re.IGNORECASE)

# A sign counts only where nothing precedes it that could make it a dash: "2-3" starts with 2, "x = -3" is negative.
# `\d` includes the digits of other scripts, which `float` reads as well.
_NUMERAL = re.compile(
    r"(?<![A-Za-z_\d])(?P<sign>[-+−](?<![\w)\]][-+−]))?"
    r"(?P<mantissa>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|(?<!\.)\.\d+)"
    r"(?:[eE](?P<exponent>[-+−]?\d{1,9})(?!\w)|\s{0,3}[×x*]\s{0,3}10\^(?P<power>[-+−]?\d{1,9}))?"
)

_DIGITS = {word: value for value, word in enumerate("zero one two three four five six seven eight nine".split())}
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = (
    _DIGITS | {word: 10 + i for i, word in enumerate(_TEENS)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
)
_THOUSANDS = {"thousand": 1000, "million": 1_000_000}
_DIGIT, _BIG = f"(?:{'|'.join(_DIGITS)})", f"(?:{'|'.join(_THOUSANDS)})"
_BELOW_100 = rf"(?:(?:{'|'.join(_TENS)})(?:[ -]{_DIGIT})?|(?:{'|'.join(_TEENS)})|{_DIGIT})(?!\w)"
_BELOW_1000 = rf"(?:(?:{_BELOW_100}[ -])?hundred(?:(?: and)?[ -]{_BELOW_100})?|{_BELOW_100})"
_WRITTEN = re.compile(
    rf"(?<!\w)(?=[efhmnostz])(?P<whole>(?:{_BELOW_1000}[ -])?{_BIG}(?:(?: and)?[ -]{_BELOW_1000}[ -]{_BIG})*"
    rf"(?:(?: and)?[ -]{_BELOW_1000})?|{_BELOW_1000})(?: point(?P<decimals>(?: {_DIGIT})+))?(?!\w)",
    re.IGNORECASE,
)

_LENGTHS = {
    0.001: ("mm", "millimetre", "millimetres", "millimeter", "millimeters"),
    0.01: ("cm", "centimetre", "centimetres", "centimeter", "centimeters"),
    1.0: ("m", "metre", "metres", "meter", "meters"),
    1000.0: ("km", "kilometre", "kilometres", "kilometer", "kilometers"),
    0.3048: ("ft", "foot", "feet"),
    0.0254: ("inch", "inches"),
}
_METRES = {name: metres for metres, names in _LENGTHS.items() for name in names}
_UNIT = re.compile(
    rf"[\s-]{{0,3}}(?P<squared>(?:sq\.?|square)\s{{1,3}})?(?P<name>{'|'.join(sorted(_METRES, key=len, reverse=True))})"
    r"(?P<power>²|\^2|2)?(?!\w)",
    re.IGNORECASE,
)

_LETTER_ALONE = re.compile(r"[\W_]*([A-Za-z])[\W_]*")
_LETTER_FIRST = re.compile(r"[\s(\[*_\"'`]{0,8}([A-Za-z])(?!\.[a-z]\.)(?:\s{0,3}[).:,\]*]|\s{0,3}\n)")
_LETTER_NAMED = re.compile(
    r"\b(?i:answer|option|choice)\b\W{0,4}(?i:is|are)?\W{0,4}(?:(?i:option|choice)\W{0,4})?"
    r"([A-Z]|[a-z](?=\W{0,3}$|[).]))(?!\w)"
)
_LETTER_ANYWHERE = re.compile(r"(?<![\w'’-])([A-Z])(?![\w'’-])")
# "A chair" holds an article, "A is closer" and "A or B" hold a letter.
_ARTICLE = re.compile(r"\s(?!(?:is|was|or|and|because|but|since|as)\b)[a-z]")


def extract_answer(text: str) -> str:
    """Return what the reply claims: the last `<answer>` body, else the text outside reasoning and anchors.

    An answer cut off before its closing tag counts to the end; reasoning cut off before its end holds no answer.

    >>> extract_answer("<think>I see 4 then 5</think><answer>3</answer>")
    '3'
    >>> extract_answer("<think>2 chairs</think> 3 in total")
    '3 in total'
    """
    answer, answer_start = None, None
    outside: list[str] = []
    inside, position = "", 0
    for tag in _TAG.finditer(text):
        closing, name = tag[1] == "/", tag[2].lower()
        if name == "answer":
            if not closing:
                answer_start = tag.end()
            elif answer_start is not None:
                answer, answer_start = text[answer_start : tag.start()], None
            continue
        if not inside:
            outside.append(text[position : tag.start()])
        if closing and name == "think" and inside != "think":
            outside.clear()  # the prompt opened the reasoning, the reply only closes it
        if not closing and not inside:
            inside = name
        elif closing and name in (inside, "think"):
            inside = ""
        position = tag.end()
    if answer is not None:
        return answer.strip()
    if answer_start is not None:
        return text[answer_start:].strip()
    return "".join([*outside, "" if inside else text[position:]]).strip()


def parse_number(text: str) -> float | None:
    """Read the first number of a reply: digits where there are any, else number words; None without one.

    >>> [parse_number(text) for text in ("a 2.5 m gap", "twenty-one", "1,200", "one of 7 items", "none")]
    [2.5, 21.0, 1200.0, 7.0, None]
    """
    found = _find_number(extract_answer(text))
    return None if found is None else found[0]


def parse_measure(text: str, unit: str) -> float | None:
    """Read the first number of a reply and convert it to `unit` where the reply states another unit of the same kind.

    >>> parse_measure("3 m", "cm"), parse_measure("3", "cm"), parse_measure("2 km²", "m²"), parse_measure("", "m")
    (300.0, 3.0, 2000000.0, None)
    """
    answer = extract_answer(text)
    found = _find_number(answer)
    if found is None:
        return None
    value, end = found
    stated, wanted = _unit(answer, end), _unit(unit, 0)
    if stated is None or wanted is None or stated == wanted or stated[1] != wanted[1]:
        return value
    (metres, power), (wanted_metres, _) = stated, wanted
    return value * metres**power / wanted_metres**power


def parse_choice(text: str, options: Sequence[str] | None = None) -> str | None:
    """Read the letter of the chosen option, or find the option by its text; None where the reply is not one choice.

    Args:
        text: The reply.
        options: Texts of the options, in the order of their letters; without them all of `LETTERS` are possible.

    >>> parse_choice("(b) bowl"), parse_choice("A chair is left, so B"), parse_choice("the cup", ["bowl", "cup"])
    ('B', 'B', 'B')
    """
    answer = extract_answer(text)
    letters = LETTERS if options is None else LETTERS[: len(options)]
    alone = _LETTER_ALONE.fullmatch(answer)
    if alone and alone[1].upper() in letters:
        return alone[1].upper()
    texts = [_plain(option) for option in options or ()]
    if texts.count(_plain(answer)) == 1:
        return letters[texts.index(_plain(answer))]
    first = _LETTER_FIRST.match(answer)
    if first and first[1].upper() in letters:
        return first[1].upper()
    named = [match[1].upper() for match in _LETTER_NAMED.finditer(answer) if not _is_article(answer, match)]
    named = [letter for letter in named if letter in letters]
    if named:
        return named[-1]
    anywhere = {match[1] for match in _LETTER_ANYWHERE.finditer(answer) if not _is_article(answer, match)}
    anywhere &= set(letters)
    if anywhere:
        return anywhere.pop() if len(anywhere) == 1 else None
    return _option_by_text(_plain(answer), texts, letters)


def parse_words(text: str) -> str | None:
    """Read a reply in words: lower-case, without a leading article or punctuation at its ends; None where it is empty.

    >>> parse_words("<answer>The red Box.</answer>"), parse_words("<answer></answer>")
    ('red box', None)
    """
    return _plain(extract_answer(text)) or None


def _find_number(answer: str) -> tuple[float, int] | None:
    """Return the first number and where it ends."""
    numeral = _NUMERAL.search(answer)
    if numeral:
        digits = numeral["mantissa"].replace(",", "")
        exponent = (numeral["exponent"] or numeral["power"] or "0").replace("−", "-")
        value = float(f"{digits}e{exponent}")
        value = -value if numeral["sign"] in ("-", "−") else value
        return (value, numeral.end()) if math.isfinite(value) else None
    written = _WRITTEN.search(answer)
    return (_value_of(written), written.end()) if written else None


def _value_of(written: re.Match) -> float:
    """Add up number words: "hundred" multiplies what stands before it, "thousand" and "million" close a group."""
    total, group = 0, 0
    for word in re.split(r"[ -]", written["whole"].lower()):
        if word == "hundred":
            group = max(group, 1) * 100
        elif word in _THOUSANDS:
            total, group = total + max(group, 1) * _THOUSANDS[word], 0
        elif word != "and":
            group += _WORDS[word]
    decimals = "".join(str(_DIGITS[word]) for word in (written["decimals"] or "").lower().split())
    return float(f"{total + group}.{decimals or 0}")


def _unit(text: str, position: int) -> tuple[float, int] | None:
    """Return (metres, power) of the unit of length or area at a position."""
    match = _UNIT.match(text, position)
    if match is None:
        return None
    return _METRES[match["name"].lower()], 2 if match["squared"] or match["power"] else 1


def _is_article(answer: str, match: re.Match) -> bool:
    return match[1] in "Aa" and _ARTICLE.match(answer, match.end(1)) is not None


def _plain(text: str) -> str:
    """Reduce a text to lower-case words without a leading article or punctuation at the ends."""
    return re.sub(r"^(?:the|an?)\s", "", " ".join(text.casefold().split()).strip(" .,:;!?*_\"'`()[]"))


def _option_by_text(answer: str, texts: list[str], letters: str) -> str | None:
    """Return the letter of the one option named in the answer; an option inside a longer named one does not count."""
    named = [text for text in texts if text and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", answer)]
    named = [text for text in named if not any(text != other and text in other for other in named)]
    return letters[texts.index(named[0])] if len(named) == 1 else None
