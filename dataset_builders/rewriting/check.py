"""Whether a rewrite still asks the same and still ends in the computed answer; when in doubt, it does not."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import chain

from dataset_builders.chat.replies import Words
from dataset_builders.question import REGION_COLOURS
from dataset_builders.rewriting.prompt import answer_text, measured
from dataset_builders.tasks.wording import plural

LONGEST = {"question": 2000, "rationale": 4000}
"""Characters."""
MARKUP = set("<>`*#|\\~^_$[]{}&")

# Kind → words that a rewrite of a question must have as often as the question.
COUNTED = {
    "colours": {*REGION_COLOURS, *"black white grey gray brown orange purple pink violet cyan magenta".split()},
    "frame words": {"first", "last", "earlier", "later", "earliest", "latest", "before", "after"},
    "directions": set(
        """left right front back behind ahead forward forwards backward backwards up down upward downward above below
        over under underneath top bottom north south east west northern southern eastern western clockwise
        counterclockwise anticlockwise horizontal horizontally vertical vertically""".split()
    ),
    "units": set(
        """m cm mm km metre metres meter meters centimetre centimetres centimeter centimeters millimetre millimetres
        millimeter millimeters kilometre kilometres kilometer kilometers inch inches foot feet yard yards mile miles
        degree degrees radian radians second seconds minute minutes percent""".split()
    ),
    "number words": set(
        """two three four five six seven eight nine ten eleven twelve dozen half twice double triple third fourth fifth
        sixth quarter""".split()
    ),
}
# Words of which one may stand for another of its row, but which must not come or go.
MEANINGS = {
    word: row.split()[0]
    for row in (
        "near nearer nearest close closer closest",
        "far farther farthest further furthest",
        "larger bigger greater",
        "largest biggest greatest",
        "smaller littler",
        "smallest littlest",
        "more exceed exceeds exceeding",
        "most maximum maximal",
        "less fewer",
        "least fewest minimum minimal",
        "tall taller tallest high higher highest height",
        "low lower lowest",
        "wide wider widest width broad broader broadest breadth",
        "narrow narrower narrowest thin thinner thinnest",
        "long longer longest length",
        "short shorter shortest",
        "deep deeper deepest depth",
        "area areas footprint",
        "volume volumes",
        "centre centres center centers central",
        "not no never none neither nor cannot without",
        "inside within",
        "outside beyond",
        "every each all",
    )
    for word in row.split()
}
_NUMBER = re.compile(r"(?<!\w)-\d+(?:\.\d+)?|\d+(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_BRACKETED = re.compile(r"\[[^\]]*\]")
_TURNED_ROUND = re.compile(r"(?:\b(?:not|no|never|or|nor|than|cannot)|n['’]t)(?: an?| the)? $", re.IGNORECASE)


def rejection(row: Mapping, rewrite: Words, scene_names: Iterable[str] = ()) -> str | None:
    """Return why a rewrite must not replace the texts of a row, or None if it may.

    Args:
        row: Of the `questions` config.
        rewrite: What a model wrote.
        scene_names: Categories of the objects of the scene.
    """
    names = _named(row, scene_names)
    forms = (problem for name, text in rewrite._asdict().items() for problem in form(text, row[name] or "", name))
    return next(
        chain(forms, _changed(row["question"], rewrite.question, names), _unfounded(row, rewrite, names)), None
    )


def rewording_rejection(row: Mapping, question: str, scene_names: Iterable[str] = ()) -> str | None:
    """Return why other words for the question of a row must not replace it, or None if they may; see `rejection`."""
    changed = _changed(row["question"], question, _named(row, scene_names))
    return next(chain(form(question, row["question"], "question"), changed), None)


def form(text: str, original: str, name: str) -> Iterator[str]:
    """Complain about a `question` or `rationale` that is empty, too long, or marked up as the original is not."""
    if not text:
        yield f"{name} is empty"
    if len(text) > LONGEST[name]:
        yield f"{name} is too long"
    if not text.isprintable() or set(text) & MARKUP - set(original):
        yield f"{name} has markup"


def _named(row: Mapping, scene_names: Iterable[str]) -> frozenset[str]:
    return frozenset({*row["anchors"]["semantics"], *row["options"], *scene_names} - {""})


def _unfounded(row: Mapping, rewrite: Words, names: frozenset[str]) -> Iterator[str]:
    if not ends_in(rewrite.rationale, answer_text(row), row["options"]):
        yield "rationale does not end in the answer"
    yield from _invented(row, rewrite.rationale, names)


def _changed(question: str, rewritten: str, names: frozenset[str]) -> Iterator[str]:
    if numbers(question) != numbers(rewritten):
        yield "numbers of the question changed"
    if _BRACKETED.findall(question) != _BRACKETED.findall(rewritten):
        yield "brackets of the question changed"
    if _mentions(question, names) != _mentions(rewritten, names):
        yield "objects or options of the question changed"
    before, after = (Counter(_WORD.findall(text.lower())) for text in (question, rewritten))
    for kind, words in COUNTED.items():
        if any(before[word] != after[word] for word in words):
            yield f"{kind} of the question changed"
    if _meanings(question) != _meanings(rewritten):
        yield "comparison of the question changed"


def _invented(row: Mapping, rationale: str, names: frozenset[str]) -> Iterator[str]:
    """Refuse what the computed texts do not say; a rationale may leave things out."""
    known = " ".join([row["question"], row["rationale"] or "", answer_text(row), *row["options"]])
    values = [abs(value) for value in _leaves(measured(row))]
    for number in numbers(rationale) - numbers(known).keys():
        if not any(_rounds_to(value, number) for value in values):
            yield "rationale has a number of its own"
    if set(_mentions(rationale, names)) - set(_mentions(known, names)):
        yield "rationale has an object of its own"
    own = set(_WORD.findall(rationale.lower())) - set(_WORD.findall(known.lower()))
    for kind in ("colours", "directions"):
        if own & COUNTED[kind]:
            yield f"rationale has {kind} of its own"


def ends_in(rationale: str, answer: str, options: Iterable[str] = ()) -> bool:
    """Whether a rationale ends in the answer as it is printed, and not in more than it.

    >>> ends_in("So it is 2.5 m.", "2.5 m"), ends_in("So it is 12.5 m.", "2.5 m"), ends_in("It is not left.", "left")
    (True, False, False)
    >>> ends_in("It is the second largest.", "largest", ["second largest", "largest"])
    False
    """
    text = rationale.rstrip(" .!")
    if not text.endswith(answer):
        return False
    before = text.removesuffix(answer)
    longer = (option for option in options if option != answer and option.endswith(answer))
    whole = not re.search(r"[\w.,’'-]$", before)
    return whole and not _TURNED_ROUND.search(before) and not any(text.endswith(option) for option in longer)


def numbers(text: str) -> Counter:
    """Count the numbers of a text by their value.

    >>> numbers("2 chairs, 2.50 m and 2.5 m, -3") == Counter({Decimal("2.5"): 2, Decimal(2): 1, Decimal(-3): 1})
    True
    """
    return Counter(Decimal(number) for number in _NUMBER.findall(text))


def _rounds_to(value: Decimal, number: Decimal) -> bool:
    off = abs(value - abs(number))
    return off <= Decimal("0.5").scaleb(number.as_tuple().exponent) and off <= Decimal("0.05") * value


def _leaves(value: object) -> Iterator[Decimal]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield Decimal(str(value))


def _meanings(text: str) -> set[str]:
    words = {MEANINGS[word] for word in _WORD.findall(text.lower()) if word in MEANINGS}
    return words | ({"not"} if re.search(r"n['’]t\b", text) else set())


def _mentions(text: str, names: frozenset[str]) -> list[str]:
    """List the names in a text in their order: who stands where and who is asked about often hangs on it alone."""
    if not names:
        return []
    pattern, canonical = _lexicon(names)
    return [canonical[found.lower()] for found in pattern.findall(text)]


@lru_cache(maxsize=64)
def _lexicon(names: frozenset[str]) -> tuple[re.Pattern, dict[str, str]]:
    """Return a pattern of the names and their plurals, longest first, and each one's name."""
    canonical = {plural(name).lower(): name.lower() for name in sorted(names)}
    canonical |= {name.lower(): name.lower() for name in names}
    longest_first = sorted(canonical, key=lambda name: (-len(name), name))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE), canonical
