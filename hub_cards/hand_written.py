"""Cards keep what people write into them: sections between markers survive when a card is written again.

A section reads `<!-- hand-written: NAME -->` … `<!-- end of hand-written: NAME -->`. A card offers empty ones. Its
last line holds a digest of all else below the metadata, by which text that was written outside of them is noticed.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from dataset_builders.errors import InputError

MARKER = re.compile(r"<!-- (?P<end>end of )?hand-written: (?P<name>[\w-]+) -->")
SEAL = re.compile(r"\n<!-- generated, SHA-256 (?P<digest>[0-9a-f]{16}); write between the hand-written marks -->\n?")
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
FIX = "put what you want to keep between the marks of a section of the card, or move it to another file"


def keep(card: Path, text: str, starters: Sequence[str]) -> str:
    """Carry the hand-written sections of a card over into its new text, and seal it.

    Args:
        card: The card that will be replaced; it need not exist.
        text: The new card, with empty sections.
        starters: What a card begins with, below its metadata, that other commands wrote and nobody else.

    Returns:
        What to write.

    Raises:
        InputError: if the card has something that would be lost.
    """
    sections = _sections(text, card)
    if not card.is_file():
        return sealed(text)
    before = _sections(card.read_text(encoding="utf-8"), card)
    if unknown := sorted(name for name, body in before.items() if body.strip() and name not in sections):
        problem = f"is a section that the new card has no place for (it has {', '.join(sections)})"
        raise InputError(card, f"hand-written: {unknown[0]}", problem, "rename its marks to one of those")
    return sealed(fill(text, read(card, starters)))


def read(card: Path, starters: Sequence[str]) -> dict[str, str]:
    """Return the hand-written sections of a card that are not empty, by name.

    Raises:
        InputError: if marks do not pair up, or something was written outside of them.
    """
    text = card.read_text(encoding="utf-8")
    sections = _sections(text, card)
    seal = SEAL.search(text)
    if seal and seal["digest"] != _digest(text):
        raise InputError(card, "text", "was changed outside of the hand-written sections, and that would be lost", FIX)
    if not seal and not _FRONT.sub("", text).lstrip().startswith(tuple(starters)):
        raise InputError(card, "text", "was not written by this command and would be lost", FIX)
    return {name: body for name, body in sections.items() if body.strip()}


def fill(text: str, sections: dict[str, str]) -> str:
    """Put sections between their marks."""
    for name, body in sections.items():
        start, end = (f"<!-- {word}hand-written: {name} -->" for word in ("", "end of "))
        head, rest = text.split(start, 1)
        _, tail = rest.split(end, 1)
        text = f"{head}{start}{body}{end}{tail}"
    return text


def sealed(text: str) -> str:
    """Append the digest of what is generated."""
    text = text.rstrip("\n") + "\n"
    return f"{text}\n<!-- generated, SHA-256 {_digest(text)}; write between the hand-written marks -->\n"


def _digest(text: str) -> str:
    """Hash a card without metadata, hand-written sections and digest; spaces at ends of lines do not count."""
    body = SEAL.sub("\n", _FRONT.sub("", text))
    body = fill(body, dict.fromkeys(re.findall(r"<!-- hand-written: ([\w-]+) -->", body), ""))
    lines = [line.rstrip() for line in body.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _sections(text: str, card: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    opened = None
    for mark in MARKER.finditer(text):
        name = mark["name"]
        if mark["end"]:
            if opened is None or opened[0] != name:
                raise InputError(card, f"end of hand-written: {name}", "closes no section", "pair the marks up")
            found[name] = text[opened[1] : mark.start()]
            opened = None
        elif opened is not None or name in found:
            raise InputError(card, f"hand-written: {name}", "opens inside or after itself", "pair the marks up")
        else:
            opened = (name, mark.end())
    if opened is not None:
        raise InputError(card, f"hand-written: {opened[0]}", "is not closed", "pair the marks up")
    return found
