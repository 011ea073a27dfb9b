"""The four parts of a reply, read strictly: a part that is missing or repeated earns nothing."""

import re
from collections.abc import Sequence

TAGS = ("think", "semantics", "scale", "answer")

# What a part claims is short; cutting it keeps every reward cheap on a hostile reply.
MAX_PART = 500

# Tried only when every tag occurs once, so that each lazy group stops at its one closing tag: linear time.
_IN_ORDER = re.compile(r"\s*" + r"\s*".join(rf"<{tag}>.*?</{tag}>" for tag in TAGS) + r"\s*", re.DOTALL)


def reply_texts(completions: Sequence[str] | Sequence[list[dict]]) -> list[str]:
    """Return the texts of completions that are strings or chat messages (one assistant turn each)."""
    return [reply if isinstance(reply, str) else reply[-1]["content"] for reply in completions]


def part(text: str, tag: str) -> str | None:
    """Return what stands between `<tag>` and `</tag>`, cut to `MAX_PART`; None unless both occur exactly once.

    >>> part("<scale> 3 m </scale>", "scale"), part("<scale>3</scale><scale>4</scale>", "scale")
    ('3 m', None)
    """
    opening, closing = f"<{tag}>", f"</{tag}>"
    if text.count(opening) != 1 or text.count(closing) != 1:
        return None
    start, end = text.index(opening) + len(opening), text.index(closing)
    return text[start : min(end, start + MAX_PART)].strip() if start <= end else None


def in_order(text: str) -> bool:
    """Tell whether the reply is the four parts, once each and in order, with nothing but space around them."""
    once = all(text.count(f"<{tag}>") == 1 == text.count(f"</{tag}>") for tag in TAGS)
    return once and _IN_ORDER.fullmatch(text) is not None
