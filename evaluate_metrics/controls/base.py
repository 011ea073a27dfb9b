"""What all controls share: a condition under which questions are asked once more.

A control changes a question, what is shown with it, or both, so that it is known what must happen to the answer. Each
is a pure function; the same record, frames and generator give the same result.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evaluate_metrics.benchmarks.media import Shown

Change = Callable[[dict, Shown | None, np.random.Generator], tuple[dict, Shown | None]]
"""(record, frames, generator) → the same, changed; `answer` of the record is the one to be expected."""


@dataclass(frozen=True)
class Condition:
    """How questions are asked.

    Attributes:
        name: In predictions and results.
        change: What is done to question and frames.
        applies: To which records.
        abstain: Whether the right reaction is to say that there is no telling.
        level: Of a control with several levels or variants, which it is.
    """

    name: str
    change: Change
    applies: Callable[[dict], bool]
    abstain: bool = False
    level: int | None = None


def always(record: dict) -> bool:
    """Apply to every question."""
    return True


def shows_video(record: dict) -> bool:
    """Apply where frames of a video are shown."""
    return record["shown_as"] == "video"


def shows_anything(record: dict) -> bool:
    """Apply where anything is shown."""
    return record["shown_as"] is not None


def with_images(shown: Shown, places: list[int]) -> Shown:
    """Show the images at these places, in this order."""
    images, indices = (tuple(values[place] for place in places) for values in (shown.images, shown.indices))
    return replace(shown, images=images, indices=indices)


def replace_options(record: dict, options: list[str]) -> dict | None:
    """Give a record other options, also where its question lists them; None where they cannot be found in it."""
    changed = record | {"options": options}
    if not record.get("options_in_question"):
        return changed
    text, done, place = record["question"], "", 0
    for letter, (old, new) in zip("ABCDEFGH", zip(record["options"], options, strict=True), strict=False):
        found = list(re.finditer(rf"\(?\b{letter}\b[.:)]?\)?\s*(?={re.escape(old)})", text[place:]))
        if not found:
            return None
        # The first letter may also stand in the question itself: its last mention begins the list.
        mark = found[-1] if letter == "A" else found[0]
        end = place + mark.end()
        done, place = done + text[place:end] + new, end + len(old)
    return changed | {"question": done + text[place:]}
