"""The four parts of a reply, read strictly: what is repeated, nested, unclosed or too long earns nothing."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

TAGS = ("think", "semantics", "scale", "answer")

# Bytes, about four to a token in any language: what a reply can be beside a video in the longest sequence that the
# recipes train on (32,768 tokens). What is longer is no reply but an attack on the time that reading takes.
MAX_REPLY = 100_000

_MARKS = tuple(f"<{slash}{tag}>".encode() for tag in TAGS for slash in ("", "/"))


class Reply(NamedTuple):
    """What a reply says.

    Attributes:
        parts: The text of each part that can be read, by tag.
        in_order: Whether the reply is the four parts, once each and in order, with nothing but space around them.
    """

    parts: dict[str, str]
    in_order: bool


def reply_texts(completions: Sequence[str] | Sequence[list[dict]]) -> list[str]:
    """Return the texts of completions that are strings or chat messages (one assistant turn each)."""
    return [reply if isinstance(reply, str) else reply[-1]["content"] for reply in completions]


def read_reply(text: str) -> Reply:
    """Read the parts of a reply, in linear time.

    A part counts where its two tags are written as asked, next to each other and outside of every other part. A tag
    that occurs twice, in whatever case, makes the whole reply unreadable, and so does a reply above `MAX_REPLY`.

    >>> read_reply("<scale> 3 m </scale><answer>4").parts, read_reply("<answer>3</answer><ANSWER>4</ANSWER>").parts
    ({'scale': '3 m'}, {})
    """
    # Bytes, as lower case never changes their number; half a surrogate pair is left out.
    raw = text.encode("utf-8", "ignore") if len(text) <= MAX_REPLY else b""
    lowered = raw.lower() if len(raw) <= MAX_REPLY else b""
    found = []
    for mark in _MARKS:
        times = lowered.count(mark)
        if times > 1:
            return Reply({}, False)
        if times:
            found.append((lowered.index(mark), mark))
    found.sort()
    parts, unclosed, gaps, reached = {}, 0, [], 0
    for (start, mark), (end, follower) in pairwise([*found, (len(raw), b"")]):
        body = start + len(mark)
        if mark[1:2] == b"/":
            unclosed -= unclosed > 0
            continue
        written = raw.startswith(mark, start) and raw.startswith(follower, end)
        if unclosed == 0 and written and follower == b"</" + mark[1:]:
            parts[mark[1:-1].decode()] = raw[body:end].decode().strip()
            gaps.append(raw[reached:start])
            reached = end + len(follower)
        unclosed += 1
    gaps.append(raw[reached:])
    return Reply(parts, tuple(parts) == TAGS and not b"".join(gaps).strip())
