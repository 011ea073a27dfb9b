"""Whether a teacher's explanation may stand: it holds what was asked for, nothing else, and the same answer."""

import re
from collections.abc import Iterable, Iterator, Mapping

from dataset_builders.rewriting.check import COUNTED, ends_in, form, numbers
from dataset_builders.rewriting.prompt import answer_text

FEWEST_SENTENCES = 4
"""One for each part."""
ENGLISH = frozenset(
    """a about and are as at be both but by from has have i in into is it its me my no not of on or so than that the
    their them then there these they this to was where which while with would""".split()
)
LEAST_ENGLISH = 0.25
"""Share of the words that are such as every English text is full of; other languages have a few at most."""
LAST_LATIN = "\u024f"
"""Letters beyond it are of other scripts."""
GIVEN = "given|provided|known|expected|correct|computed"
COLOURS = "|".join(sorted(COUNTED["colours"]))
BANNED = {
    "axes or coordinates": ("ax[ei]s", "coordinates?", "[xyz](?:-(?:axis|direction|value))?"),
    "the view from above": (
        "top[- ]views?",
        "top[- ]down",
        "bird['’]?s?[- ]?eye",
        "bev",
        "overhead (?:view|picture|image|map|plan)",
        "(?:view|picture|image|drawing|map|plan) from above",
        "floor ?plan",
        "the (?:map|drawing|diagram|schematic|sketch)",
        "third (?:image|picture)",
    ),
    "given answers": (
        "ground[- ]?truth",
        "annotat(?:ed|ions?)",
        "metadata",
        "json",
        "bounding box(?:es)?",
        f"(?:{GIVEN}) answer",
        f"answer (?:is|was|that is|that was) (?:{GIVEN})",
        f"(?:according to|based on|from) the (?:{GIVEN}|data|table|answer|information)",
        "(?:object table|table of objects|camera poses?)",
    ),
    "coloured dots": (f"(?:{COLOURS}) (?:point|dot|marker|wedge|polygon)s?",),
}
"""What a text must not speak of → patterns (VST, tables 19, 34 and 35)."""
_BANNED = {
    name: re.compile(rf"(?<![\w-])(?:{'|'.join(patterns)})(?![\w-])", re.IGNORECASE)
    for name, patterns in BANNED.items()
}
MORE_NUMBERS = """one thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty
seventy eighty ninety hundred thousand""".split()
_COUNTS = "|".join(sorted({*COUNTED["number words"], *MORE_NUMBERS}))
_UNITS = "|".join(sorted(COUNTED["units"] - set("second seconds minute minutes foot feet yard m".split())))
_MEASURE = re.compile(rf"\b(?:{_COUNTS})(?:[ -](?:{_COUNTS}|and|or|to|an?|point))*[ -](?:{_UNITS})\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_WORD = re.compile(r"[^\W\d_]+")


def rejection(row: Mapping, thought: str, answer: str, num_images: int, scene_names: Iterable[str] = ()) -> str | None:
    """Return why an explanation must not become the rationale of a row, or None if it may.

    Args:
        row: Of the `questions` config.
        thought: The explanation.
        answer: What it is said to lead to.
        num_images: That the teacher was shown.
        scene_names: Categories of the objects of the scene, in which a banned word is none.
    """
    return next(_complaints(row, thought, answer, num_images, " the ".join([row["question"], *scene_names])), None)


def _complaints(row: Mapping, thought: str, answer: str, num_images: int, known: str) -> Iterator[str]:
    yield from form(thought, row["question"], "rationale")
    if not is_same_answer(row, answer):
        yield "answer changed"
    if not is_english(thought):
        yield "rationale is in another language"
    if not ends_in(thought, answer_text(row), row["options"]):
        yield "rationale does not end in the answer"
    if numbers(thought) - numbers(answer_text(row)) or _has_other_measure(thought, answer_text(row)):
        yield "rationale has a number of its own"
    for name, pattern in _BANNED.items():
        # Marks of the question are there to be spoken of, and so is what is called like a banned word.
        if name == "coloured dots" and row["regions"]:
            continue
        if any(found.lower() not in known.lower() for found in pattern.findall(thought)):
            yield f"rationale speaks of {name}"
    if not re.search(r"\b(?:I|me|my)\b", thought):
        yield "rationale is not in the first person"
    if not _tells_images(thought.lower(), num_images):
        yield "rationale does not describe the images in their order"
    if len(_SENTENCE_END.findall(thought)) < FEWEST_SENTENCES:
        yield "rationale is too short for four parts"


def is_same_answer(row: Mapping, answer: str) -> bool:
    """Tell whether an answer is that of a row: its text or, of options, the letter with or without the text.

    >>> row = {"options": ["left", "right"], "answer": "B", "unit": ""}
    >>> [is_same_answer(row, answer) for answer in ("right", "B", "b. Right.", "A. right", "not right")]
    [True, True, True, False, False]
    """
    said, text = _plain(answer), _plain(answer_text(row))
    if not row["options"]:
        return said == text
    letter = row["answer"].lower()
    return said in (text, letter) or re.fullmatch(rf"{letter}[.):]? {re.escape(text)}", said) is not None


def _plain(text: str) -> str:
    return text.strip().rstrip(".").lower()


def is_english(text: str) -> bool:
    """Tell whether a text is written in English, as far as its most frequent words tell.

    >>> is_english("In the image I see a bed on the left."), is_english("Im Bild sehe ich links ein Bett.")
    (True, False)
    """
    words = [word.lower() for word in _WORD.findall(text)]
    share = sum(word in ENGLISH for word in words) / max(1, len(words))
    return share >= LEAST_ENGLISH and not any(letter.isalpha() and letter > LAST_LATIN for letter in text)


def _has_other_measure(thought: str, answer: str) -> bool:
    return any(found.lower() not in answer.lower() for found in _MEASURE.findall(thought))


def _tells_images(thought: str, num_images: int) -> bool:
    if num_images == 2:
        return 0 <= thought.find("first image") < thought.rfind("second image")
    return re.search(r"\b(?:images?|frames?|video)\b", thought) is not None
