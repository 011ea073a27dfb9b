"""All templates, those of VST among them, filled with their examples, for a reader to page through."""

from collections.abc import Iterator

from dataset_builders.errors import InputError
from dataset_builders.language import VST_TEMPLATES, Wording, wordings
from dataset_builders.taxonomy import TASK_NAMES


def pages(task: str | None = None) -> Iterator[str]:
    """Yield the templates of one task, or of all, line by line; the last line is their number.

    Raises:
        InputError: if there is no such task.
    """
    if task is not None and task not in TASK_NAMES:
        raise InputError("--task", task, "is not a task", f"use one of {', '.join(TASK_NAMES)}")
    known = [*wordings().values(), *wordings(VST_TEMPLATES).values()]
    shown = [one for one in known if task in (None, one.task)]
    for wording in sorted(shown, key=lambda one: (TASK_NAMES.index(one.task), one.name)):
        yield f"# {wording.task}: {wording.name} ({len(wording.questions)} questions)"
        yield from _filled(wording)
        yield ""
    yield str(len({text for one in shown for text in one.questions}))


def _filled(wording: Wording) -> Iterator[str]:
    for index, text in enumerate(wording.questions):
        yield f"{index:4d}  {text.format_map(wording.example)}"
    for text in wording.rationales:
        yield f"   >  {text.format_map({'answer': '…', **wording.example})}"
