"""The JSON object in a reply, whatever stands round it, repaired only where there is no doubt what was meant."""

import ast
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Words(NamedTuple):
    """What a model wrote about a row."""

    question: str
    rationale: str


def read_object(content: str, names: Sequence[str]) -> dict[str, str] | None:
    r"""Read the texts of a JSON object.

    Thoughts before it, a fence round it, line breaks in a text, and what Python would write (single quotes, a comma
    before the closing bracket) are put up with. What is cut off, comes twice or is more than one object is not.

    Args:
        content: A reply.
        names: Of the texts.

    Returns:
        Name → text, white space as single spaces; None where the object lacks one, or there is no object.

    >>> read_object('<think>{?}</think>```json\n{"question": "How  far?", "answer": "2 m"}\n```', ["question"])
    {'question': 'How far?'}
    >>> read_object("{'thought': 'I see \"it\".',}", ["thought"])
    {'thought': 'I see "it".'}
    >>> read_object('{"thought": "I se', ["thought"])
    """
    thought, end, rest = content.partition("</think>")
    text = rest if end and not thought.lstrip().startswith(("{", "```")) else content
    try:
        found = _parsed(text[text.find("{") : text.rfind("}") + 1])
    except (ValueError, SyntaxError, AttributeError, RecursionError, MemoryError):
        return None
    if not all(isinstance(found.get(name), str) for name in names):
        return None
    return {name: " ".join(found[name].split()) for name in names}


def _parsed(text: str) -> Mapping[str, object]:
    try:
        return _once_each(json.loads(text, strict=False, object_pairs_hook=list))
    except (ValueError, TypeError):
        with warnings.catch_warnings(action="error"):  # of escapes that Python does not know
            literal = ast.parse(text, mode="eval").body
        return _once_each([(key.value, value.value) for key, value in zip(literal.keys, literal.values, strict=True)])


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)
