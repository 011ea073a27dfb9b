"""A reply, whole or still being written → its four parts."""

import re

TITLES = {"think": "Reasoning", "semantics": "Objects", "scale": "Scale of the scene", "answer": "Answer"}

_TAG = "|".join(TITLES)
_PART = re.compile(rf"<({_TAG})>(.*?)(?=</?(?:{_TAG})>|\Z)", re.DOTALL)
_CUT = re.compile(r"</?[a-z]*\Z")  # a tag of which the rest is still to come


def split_reply(text: str) -> dict[str, str]:
    """Read the parts that have begun, each once; a part that is not closed ends where the next one begins.

    >>> split_reply("<think>Two cups, so</think><semantics>cu")
    {'think': 'Two cups, so', 'semantics': 'cu'}
    >>> split_reply("<think>Two cups</thi"), split_reply("Two.")
    ({'think': 'Two cups'}, {})
    """
    parts: dict[str, str] = {}
    for found in _PART.finditer(text):
        body = found[2] if found.end() < len(text) else _CUT.sub("", found[2])
        parts.setdefault(found[1], body.strip())
    return parts
