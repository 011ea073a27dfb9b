"""A dataset folder that `python -m dataset_builders` wrote."""

from pathlib import Path

from dataset_builders.conversation import prompt_text
from evaluate_metrics.benchmarks.base import Definition
from evaluate_metrics.questions import dataset_files, load_questions


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions of a split; frames come from the `scenes` config."""
    return load_questions(folder, split), dataset_files(folder, split)


DEFINITION = Definition(
    "spacevista",
    None,
    read,
    prompt_text,
    "the question, its options as lines 'A. …', what kind of answer is wanted, and the reply format of SpaceVista",
)
