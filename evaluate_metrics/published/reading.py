"""How public scorers read answers; each function is named after the scorer.

tis: thinking-in-space at 51e089c. lmms: lmms-eval 0.7.3. official: SpaceVista at 920a9b7, `eval/metrics/common.py`.
"""

import re

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WORD = re.compile(r"[a-z]+")
_OPENING, _CLOSING = re.compile("<answer>", re.IGNORECASE), re.compile("</answer>", re.IGNORECASE)
_FIRST_LETTER = re.compile(r"[\(\s]*([A-Z])", re.IGNORECASE)
_OFFICIAL_LETTER = re.compile(r"\s*([A-D])\b", re.IGNORECASE)

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_WORDS = {word: value for value, word in enumerate(_ONES)} | {word: 20 + 10 * i for i, word in enumerate(_TENS)}
_LMMS_WORDS = _WORDS | {"hundred": 100, "thousand": 1000}
_OFFICIAL_WORDS = {word: re.compile(rf"\b{word}\b") for word in [*_WORDS, "a", "an"]}


def tis_token(text: str) -> str:
    """Return what stands before the first space, less full stops at its end."""
    return text.split(" ")[0].rstrip(".").strip()


def to_float(text: str) -> float | None:
    """Return what `float` makes of a text, None where it makes nothing."""
    try:
        return float(text)
    except ValueError:
        return None


def tis_number(text: str) -> float | None:
    """Read the first token as a number."""
    return to_float(tis_token(text))


def lmms_number(text: str) -> float | None:
    """Read whichever comes first, digits or a run of number words, reasoning included."""
    text = text.strip().lower()
    digits = _NUMBER.search(text)
    start, words = _number_words(text)
    if digits and (start is None or digits.start() < start):
        return float(digits[0])
    if start is None:
        return None
    total, group = 0, 0
    for word in words:
        if word == "thousand":
            total, group = total + max(group, 1) * 1000, 0
        else:
            group = max(group, 1) * 100 if word == "hundred" else group + _LMMS_WORDS[word]
    return float(total + group)


def _number_words(text: str) -> tuple[int | None, list[str]]:
    """Return where the first run of number words starts, and its words; other characters and "and" may divide them."""
    start, words = None, []
    for match in _WORD.finditer(text):
        if match[0] in _LMMS_WORDS:
            start = match.start() if start is None else start
            words.append(match[0])
        elif start is not None and match[0] != "and":
            break
    return start, words


def official_answer(text: str) -> str:
    """Return the first `<answer>` body, else the text as it is."""
    opening = _OPENING.search(text)
    closing = _CLOSING.search(text, opening.end()) if opening else None
    return text[opening.end() : closing.start()].strip() if closing else text


def official_number(text: str) -> float | None:
    """Read a number word, the smallest first and "a" as 1 after them, else the first digits."""
    text = text.strip().lower()
    for word, pattern in _OFFICIAL_WORDS.items():
        if pattern.search(text):
            return float(_WORDS.get(word, 1))
    match = _NUMBER.search(text)
    return float(match[0]) if match else None


def official_letter(text: str) -> str:
    """Read a letter A to D at the very start, else return the text itself."""
    match = _OFFICIAL_LETTER.match(text.strip())
    return match[1].upper() if match else text.strip()


def same_text(prediction: str, reference: str) -> float:
    """Return 1.0 for the same text whatever its case and outer spaces, else 0.0."""
    return float(prediction.strip().lower() == reference.strip().lower())


def lmms_letter(text: str) -> str:
    """Read the first letter of a text, after brackets and spaces, whatever it belongs to ("The chair" is T)."""
    match = _FIRST_LETTER.match(text.strip())
    return match[1].upper() if match else ""
