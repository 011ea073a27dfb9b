"""The consistency reward: does the reasoning entail the answer (Faithful GRPO)?

The paper asks a language model. Here it is a rule: the reasoning has to end in the answer that the reply gives, as
the rationales of the cold start do.
"""

import re
from collections.abc import Sequence

from dataset_builders.rewriting.check import ends_in
from evaluate_metrics.parsing_answer import plain
from evaluate_metrics.parsing_choices import read_choice
from trl_recipes.rewards.claims import MAX_CLAIM, claimed_choice, claimed_number
from trl_recipes.rewards.rules import answer_type_name
from trl_recipes.rewards.tags import read_reply, reply_texts

# Numbers nearer than this are the same, rounded: the finest threshold of mean relative accuracy.
SAME = 0.05

# Characters at the end of the reasoning that are read.
_TAIL = 300

_SENTENCE_END = re.compile(r"[.!?;]\s+|\n+")
_NUMBER_START = re.compile(r"(?<![\w.,])[-−]?\d")
_DENIED = re.compile(r"\b(?:not|no|never|nor|cannot|neither)\b|n['’]t\b", re.IGNORECASE)


def consistency_reward(completions, answer_type, options, unit, **_) -> list[float]:
    """1.0 where the last sentence of the reasoning concludes what the answer part says, right or wrong; else 0.0.

    A number is concluded where the sentence ends in it, in any unit, up to rounding by 5 %; a choice where the
    sentence ends in the option's text or names it alone; words where it ends in them.

    Args:
        completions: Replies.
        answer_type: One of `ANSWER_TYPES` for each, by name or by number.
        options: Texts of the options of a multiple-choice question.
        unit: Unit of the asked number.

    >>> replies = [f"<think>So it is 2.5 m.</think><answer>{claim}</answer>" for claim in ("250 cm", "3 m")]
    >>> consistency_reward(replies, ["regression"] * 2, [[], []], ["m", "m"])
    [1.0, 0.0]
    """
    rows = zip(reply_texts(completions), answer_type, options, unit, strict=True)
    return [float(_entailed(read_reply(text).parts, *asked)) for text, *asked in rows]


def _entailed(parts: dict[str, str], kind: str | int, options: Sequence[str] | None, unit: str | None) -> bool:
    sentences = [one for one in _SENTENCE_END.split(parts.get("think", "")[-_TAIL:]) if one.strip(" .!")]
    claim = parts.get("answer")
    if not sentences or not claim:
        return False
    conclusion, kind = sentences[-1].strip(), answer_type_name(kind)
    if kind == "regression":
        return _concludes_number(conclusion, claim, unit or "")
    if kind == "multiple_choice":
        return _concludes_choice(conclusion, claim, options)
    return len(claim) <= MAX_CLAIM and ends_in(conclusion.casefold(), plain(claim))


def _concludes_number(conclusion: str, claim: str, unit: str) -> bool:
    number = claimed_number(claim, unit)
    if number is None:
        return False
    starts = [start.start() for start in _NUMBER_START.finditer(conclusion)] or [0]  # in words, from the beginning
    ends = (claimed_number(conclusion[start:], unit) for start in starts)
    return any(end is not None and abs(end - number) <= SAME * abs(number) for end in ends)


def _concludes_choice(conclusion: str, claim: str, options: Sequence[str]) -> bool:
    letter = claimed_choice(claim, options)
    if letter is None:
        return False
    chosen = options[ord(letter) - ord("A")]
    if ends_in(conclusion.casefold(), chosen.casefold(), [option.casefold() for option in options]):
        return True
    return read_choice(conclusion, options) == (letter, None) and not _DENIED.search(conclusion)
