"""How VLMEvalKit reads answers: open-compass/VLMEvalKit at e8e78f0, `vlmeval/dataset/utils/spatial_bench/`.

Our own patterns for the same language, so that no text takes more than linear time.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

_ZERO_WIDTH = re.compile("[\u200b\u200c\u200d\ufeff]")
_TAIL_CHARACTERS, _TAIL_LINES = 800, 6

_ANSWER = re.compile(r"<\s*answer\b", re.IGNORECASE)
_ANSWER_END = re.compile(r"<\s*/\s*answer\s*>", re.IGNORECASE)
_THINK, _THINK_END = (re.compile(rf"<{slash}\s*think\s*>", re.IGNORECASE) for slash in ("", "/"))

_TAGGED_LETTER = re.compile(r"\s*([A-J])", re.IGNORECASE)
_BEFORE_END = [
    re.compile(rf"(?<![A-Z])([A-F])\s*[)\]}}）】]?\s*</\s*{name}\s*>", re.IGNORECASE) for name in ("answer", "think")
]
_OPTION_LINE = re.compile(r"[*_>\-\s]*(?:option|选项)\s+[A-J]\s*[:：]", re.IGNORECASE)
_LETTER_LINE = re.compile(r"[*_`>（）\[\]【】()]*\s*([A-Fa-f])\s*[*_`（）\[\]【】()]*")
_LABELLED_LINE = re.compile(r"([A-F])\s*[.．:：)\]】、-]\s", re.IGNORECASE)
_LETTER_IN_LINE = re.compile(r"(?<![A-Za-z])([A-F])(?=[*_`）\]})]*(?:$|[\s.,:;!?)\]】》」』，。；、：）]))")
_ANNOUNCED = re.compile(
    r"(?:answer(?:\s*is)?|答案|结论|所以|因此|选择?)\s*(?:[:：>＝=]\s*)?(?:[(\[{（【]\s*)?([A-F])\b", re.IGNORECASE
)
_LETTER_ANYWHERE = re.compile(r"(?<![A-Za-z])[A-F](?![A-Za-z])")

_NUMBER = re.compile(r"[-+]?(?:\d*\.\d+|\d+)(?:[eE][-+]?\d+)?")
_TAGGED_NUMBER = re.compile(rf"\s*({_NUMBER.pattern})(?:[^\d<][^<]*)?<\s*/\s*answer\s*>", re.IGNORECASE)
_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)


def letter(text: str) -> str | None:
    """Read an option letter: in tags, before a closing tag, in the last lines, announced, or the only one anywhere.

    >>> letter("<think>maybe B</think>A"), letter("A chair is left, so B")
    ('B', None)
    """
    text = _ZERO_WIDTH.sub("", text.strip())
    for end in _answer_tags(text):
        tagged = _TAGGED_LETTER.match(text, end)
        if tagged:
            if _ANSWER_END.search(text, tagged.end()):
                return tagged[1].upper()
            break
    tail = text[-_TAIL_CHARACTERS:]
    for pattern in _BEFORE_END:
        before = pattern.search(tail)
        if before:
            return before[1].upper()
    found = _in_lines(_after_thinking(text)) or _in_lines(tail)
    if found:
        return found
    announced = _ANNOUNCED.search(text)
    if announced:
        return announced[1].upper()
    kept = [line for line in text.splitlines() if not _OPTION_LINE.match(line)]
    return _only(_LETTER_ANYWHERE.findall("\n".join(kept)))


def number(text: str) -> float | None:
    """Read a number: in tags, else the last one after the reasoning, else the last one; words up to twenty count.

    >>> number("<think>2 chairs</think> 3 in total"), number("2-3"), number("twenty-one"), number("thirty")
    (3.0, -3.0, -1.0, None)
    """
    if text.strip().startswith("[") and text.strip().endswith("]"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)  # of "[3m]", which is no list
                items = ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
        text = str(items[0]) if isinstance(items, list) and items else text
    text = _WORD.sub(lambda word: str(_WORDS.index(word[0].lower())), _ZERO_WIDTH.sub("", text.strip()))
    for end in _answer_tags(text):
        tagged = _TAGGED_NUMBER.match(text, end)
        if tagged:
            return float(tagged[1])
    numbers = _NUMBER.findall(_after_thinking(text)) or _NUMBER.findall(text)
    return float(numbers[-1]) if numbers else None


def _answer_tags(text: str) -> Iterator[int]:
    """Yield where each opening tag of an answer ends."""
    start = 0
    for bracket in re.finditer(">", text):
        if _ANSWER.search(text, start, bracket.start()):
            yield bracket.end()
        start = bracket.end()


def _after_thinking(text: str) -> str:
    """Return what follows the last closing tag of reasoning, else the last opening one, else everything."""
    for pattern in (_THINK_END, _THINK):
        tags = list(pattern.finditer(text))
        if tags:
            return text[tags[-1].end() :].strip()
    return text


def _in_lines(text: str) -> str | None:
    """Read a letter in one of the last lines, the last one first: alone, as a label, or the only one in it."""
    for line in reversed(text.splitlines()[-_TAIL_LINES:]):
        line = line.strip()
        if not line or _OPTION_LINE.match(line):
            continue
        match = _LETTER_LINE.fullmatch(line) or _LABELLED_LINE.match(line)
        found = match[1].upper() if match else _only(_LETTER_IN_LINE.findall(line))
        if found:
            return found
    return None


def _only(letters: Sequence[str]) -> str | None:
    return letters[0] if len(set(letters)) == 1 else None
