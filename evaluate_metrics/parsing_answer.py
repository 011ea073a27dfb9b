"""What part of a reply is its answer, and how a reading of it is reported."""

import re
from typing import Literal, NamedTuple

# Models open their reasoning under several names; all of them close it again before the answer.
_THINKING = ("think", "thinking", "thought", "reasoning")
_ARTICLES = ("the ", "a ", "an ")
_TAG = re.compile(rf"<(/?)({'|'.join(_THINKING)}|semantics|scale|answer)>", re.IGNORECASE)


class Reading(NamedTuple):
    """What was read from a reply.

    Attributes:
        value: A number or an option letter; None where the reply holds none, or several letters and no decision.
        flag: Why a careful reader would hesitate: "range" for "2-3", of which the first number counts, "several" for
            numbers or letters that differ without a decision between them; else None.
    """

    value: float | str | None
    flag: Literal["range", "several"] | None = None


def extract_answer(text: str) -> str:
    """Return what the reply claims: the last `<answer>` body, else the text outside reasoning and anchors.

    An answer cut off before its closing tag counts to the end; reasoning cut off before its end holds no answer.

    >>> extract_answer("<think>I see 4 then 5</think><answer>3</answer>")
    '3'
    >>> extract_answer("<think>2 chairs</think> 3 in total")
    '3 in total'
    """
    if "<" not in text:
        return text.strip()
    if text.endswith("</answer>"):
        opening = text.rfind("<answer>")
        body = text[opening + len("<answer>") : -len("</answer>")]
        if opening >= 0 and "<" not in body:  # no tag between the two and none after them: this is the last answer
            return body.strip()
    answer, answer_start = None, None
    outside: list[str] = []
    inside, position = "", 0
    for tag in _TAG.finditer(text):
        closing, name = tag[1] == "/", tag[2].lower()
        thinking = name in _THINKING
        if name == "answer":
            if not closing:
                answer_start = tag.end()
            elif answer_start is not None:
                answer, answer_start = text[answer_start : tag.start()], None
            continue
        if not inside:
            outside.append(text[position : tag.start()])
        if closing and thinking and inside not in _THINKING:
            outside.clear()  # the prompt opened the reasoning, the reply only closes it
        if not closing and not inside:
            inside = name
        elif closing and (name == inside or thinking):
            inside = ""
        position = tag.end()
    if answer is not None:
        return answer.strip()
    if answer_start is not None:
        return text[answer_start:].strip()
    return "".join([*outside, "" if inside else text[position:]]).strip()


def plain(text: str) -> str:
    """Reduce a text to lower-case words without a leading article or punctuation at the ends.

    >>> plain(" The  red Box. ")
    'red box'
    """
    words = " ".join(text.casefold().split()).strip(" .,:;!?*_\"'`()[]")
    return words[words.index(" ") + 1 :] if words.startswith(_ARTICLES) else words
