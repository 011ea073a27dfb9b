"""What a visitor asks → a row like those of the dataset, and the conversation that the model gets."""

from collections.abc import Sequence
from dataclasses import dataclass

from dataset_builders.conversation import to_messages
from dataset_builders.errors import InputError
from dataset_builders.record import LETTERS
from hub_cards.demo.clip import Clip, Seen
from hub_cards.demo.limits import Limits
from hub_cards.demo.samples import Sample

MOST_LETTERS = 1000
NUMBER, MEASURE, CHOICE, WORDS = "a number", "a number with its unit", "one of my options", "a few words"
KINDS = {
    MEASURE: {"answer_type": "regression", "unit": "m"},  # which unit is left to the model, see `prompt_text`
    NUMBER: {"answer_type": "regression", "unit": ""},
    CHOICE: {"answer_type": "multiple_choice", "unit": ""},
    WORDS: {"answer_type": "free_form", "unit": ""},
}
"""How an answer is asked for → the fields of a row that say so."""


@dataclass(frozen=True)
class Subject:
    """What is looked at.

    Attributes:
        clip: Frames.
        sample: The scene that they are of; None for an upload.
        question: The question of the scene that was chosen, whose marks are drawn; None for one's own.
    """

    clip: Clip
    sample: Sample | None = None
    question: dict | None = None

    @property
    def given(self) -> list[dict]:
        """Marks of the chosen question."""
        return self.question["regions"] if self.question else []


@dataclass(frozen=True)
class Asked:
    """A question that is ready for the model.

    Attributes:
        seen: Frames with marks, as the model gets them.
        messages: The conversation.
        question: The row of the dataset that this is, word for word; None if the visitor changed anything.
    """

    seen: list[Seen]
    messages: list[dict]
    question: dict | None

    @property
    def prompt(self) -> str:
        """The words of the conversation."""
        return self.messages[0]["content"][-1]["text"]


def kind_of(question: dict) -> str:
    """Return which of `KINDS` a row of the dataset asks for."""
    if question["options"]:
        return CHOICE
    if question["answer_type"] == "free_form":
        return WORDS
    return MEASURE if question["unit"] else NUMBER


def prepare(
    subject: Subject, regions: Sequence[dict], text: str, kind: str, options: Sequence[str], limits: Limits
) -> Asked:
    """Write the conversation as evaluation and training do.

    Args:
        subject: What is looked at.
        regions: The visitor's marks, see `read_marks`.
        text: The question.
        kind: One of `KINDS`.
        options: To choose from, where that is the kind.
        limits: How many frames the model sees.

    Raises:
        InputError: if there is no question, or options that do not make a choice.
    """
    text = " ".join(text.split())
    if not text:
        raise InputError("question", "text", "is empty", "write what you want to know")
    if len(text) > MOST_LETTERS:
        raise InputError("question", "text", f"has {len(text)} letters", f"use at most {MOST_LETTERS}")
    if kind not in KINDS:
        raise InputError("question", "kind of answer", f"is {kind!r}", f"choose one of {', '.join(KINDS)}")
    options = [option.strip() for option in options if option.strip()] if kind == CHOICE else []
    if kind == CHOICE and not 2 <= len(options) <= len(LETTERS):
        raise InputError("question", "options", f"are {len(options)}", f"write 2 to {len(LETTERS)}, one a line")
    given = subject.question
    is_given = given is not None and not regions and (text, kind, options) == _as_asked(given)
    record = given if is_given else {"question": text, "options": options, **KINDS[kind]}
    required = given["key_frames"] if given else ()
    seen = subject.clip.seen(limits.num_frames, [*subject.given, *regions], required)
    messages = to_messages(record, [one.image for one in seen])
    return Asked(seen, messages, given if is_given else None)


def _as_asked(question: dict) -> tuple[str, str, list[str]]:
    """Return what the controls hold where a question is asked as it is."""
    return " ".join(question["question"].split()), kind_of(question), [one.strip() for one in question["options"]]
