"""Many replies at once: what is said alike is read once.

Replies that reason differ in their reasoning and announce the same few answers ("…, so the answer is 3."). Where an
answer is announced, what follows the last "answer" decides, so the reading of that part is kept and looked up. Every
other reply is read in full; the result is always that of `read_number` and `read_choice`.
"""

from collections.abc import Sequence
from functools import cache

from dataset_builders.record import LETTERS
from evaluate_metrics.parsing_answer import Reading, extract_answer
from evaluate_metrics.parsing_choices import CHOSEN, choose, claim_of
from evaluate_metrics.parsing_numbers import announced_number_in, number_in

_LONGEST_REPEATED = 40
"""Characters; longer texts are hardly ever said twice, so they are not kept."""


class BatchReader:
    """Reads the replies of one batch; what it has read of short texts is kept as long as it lives."""

    def __init__(self):
        """Start with nothing read."""
        self._number, self._claim = cache(number_in), cache(claim_of)
        self._announced_number, self._named = cache(announced_number_in), cache(_named_in)

    def number(self, text: str, unit: str = "") -> Reading:
        """Read a number, as `read_number` does.

        >>> BatchReader().number("Frame 7 shows it, so the answer is 3.")
        Reading(value=3.0, flag=None)
        """
        answer = extract_answer(text)
        part = last_announcement(answer)
        reading = self._announced_number(part, unit) if part else None
        return reading or (number_in if len(answer) > _LONGEST_REPEATED else self._number)(answer, unit)

    def choice(self, text: str, options: Sequence[str] | None = None) -> Reading:
        """Read the letter of the chosen option, as `read_choice` does.

        >>> BatchReader().choice("Frame 7 shows it, so the answer is B.", ["cup", "bowl"])
        Reading(value='B', flag=None)
        """
        answer = extract_answer(text)
        part = last_announcement(answer)
        # What else could decide before a letter that is named: the text of an option, and a letter at the start.
        if part and answer[:2].isalpha() and not (options and "answer" in "".join(options).casefold()):
            letters = LETTERS if options is None else LETTERS[: len(options)]
            for letter in self._named(part):
                if letter in letters:
                    return CHOSEN[letter]
        return choose((claim_of if len(answer) > _LONGEST_REPEATED else self._claim)(answer), options)


def last_announcement(answer: str) -> str:
    """Return the short end of an answer from its last word "answer" on; nothing where it has none.

    >>> last_announcement("The answer is A? No, Answer: B"), last_announcement("unanswered")
    ('Answer: B', '')
    """
    start = answer.rfind("nswer") - 1
    if start < 0 or answer[start] not in "Aa" or len(answer) - start > _LONGEST_REPEATED:
        return ""
    before = answer[start - 1 : start]
    return "" if before.isalnum() or before == "_" else answer[start:]


def _named_in(part: str) -> tuple[str, ...]:
    """Return the letters that what follows an "answer" names, the last one first."""
    return claim_of(part).named[::-1]
