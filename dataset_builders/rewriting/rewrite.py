"""Dataset folder → the same questions, ids and answers traceable, in the words of a model where these hold up."""

from collections.abc import Mapping
from pathlib import Path

from dataset_builders.chat.client import ChatSettings
from dataset_builders.chat.passes import Author, PassReport, run_pass
from dataset_builders.chat.replies import Words, read_object
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.rewriting.check import rejection
from dataset_builders.rewriting.prompt import chat_request


class Rewriter(Author):
    """Puts questions and rationales in other words."""

    name, verb, origin = "rewriting", "rewriting", ("rewritten_from", "rewriter")

    def __init__(self, model: str, names: Mapping[str, tuple[str, ...]]):
        """Take the model, and scene → categories of its objects."""
        super().__init__(model)
        self._names = names

    def refusal(self, row: Mapping) -> str | None:
        """Leave out conversations, whose turns rest on each other's words."""
        return "not asked: a conversation of several turns" if row["turns"] else None

    def request(self, row: Mapping) -> dict:
        """Send the question with its answer and how that was computed."""
        return chat_request(row, self.model)

    def read(self, row: Mapping, content: str) -> Words | str:
        """Take a rewrite that still asks the same and ends in the computed answer."""
        found = read_object(content, Words._fields)
        if found is None:
            return "reply is not the JSON asked for"
        words = Words(**found)
        return rejection(row, words, self._names.get(row["scene_id"], ())) or words

    def paragraph(self, report: PassReport) -> str:
        """Tell what a model wrote."""
        return f"""## Model-written language

A language model, `{report.model}`, put {report.kept} of the {report.total} questions in other words and wrote their
rationales from the computed quantities. Answers, options and marks are as computed; a rewrite was kept only if it
ends in the computed answer and no number, name, colour, direction or comparison changed. `provenance` names the
`rewriter` and, as `rewritten_from`, the id of the original.
"""


def rewrite_dataset(
    folder: Path | str, output: Path | str, settings: ChatSettings, cache: Path | str | None = None
) -> PassReport:
    """Have a model put the questions of a dataset folder in other words; see `run_pass`.

    Raises:
        InputError: if `folder` is not a dataset, `output` is taken, or the server cannot be used.
    """
    files = DatasetFiles.open(folder)
    return run_pass(files, output, Rewriter(settings.model, scene_names(files)), settings, cache)


def scene_names(files: DatasetFiles) -> dict[str, tuple[str, ...]]:
    """Return scene → categories of its objects; of scenes that share a name, those of all."""
    names: dict[str, set[str]] = {}
    for _, table in files.groups("scenes", ["scene_id", "objects.list.element.category"]):
        for row in table.to_pylist():
            names.setdefault(row["scene_id"], set()).update(box["category"] for box in row["objects"])
    return {scene_id: tuple(sorted(found)) for scene_id, found in names.items()}
