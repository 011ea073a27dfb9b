"""Dataset folder → the same questions and answers, with the reasoning of a teacher where it holds up."""

from collections.abc import Mapping
from pathlib import Path

from dataset_builders.chat.client import ChatSettings
from dataset_builders.chat.passes import Author, PassReport, run_pass
from dataset_builders.chat.replies import Words, read_object
from dataset_builders.conversation import SAYS_WHAT_TO_WRITE
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.rewriting.check import rewording_rejection
from dataset_builders.rewriting.rewrite import scene_names
from dataset_builders.teaching.check import rejection
from dataset_builders.teaching.prompt import chat_request
from dataset_builders.teaching.sights import Sights

TRIPLET = ("question", "thought", "answer")
"""Keys of the JSON object of a reply, as in VST's tables 19, 34 and 35."""


class Teacher(Author):
    """Has answers explained from the images, in the first person and in four parts."""

    name, verb, origin = "teaching", "explaining", ("taught_from", "teacher")

    def __init__(self, model: str, files: DatasetFiles):
        """Take the model and the dataset, for what goes with its questions."""
        super().__init__(model)
        self._sights, self._names = Sights(files), scene_names(files)

    def refusal(self, row: Mapping) -> str | None:
        """Leave out what cannot be shown, conversations, whose turns rest on each other, and answers in JSON."""
        if row["turns"]:
            return "not asked: a conversation of several turns"
        if SAYS_WHAT_TO_WRITE.search(row["provenance"]):
            return "not asked: the answer is JSON, a list or a description"
        return None if row in self._sights else "not asked: no frames whose cameras are known"

    def request(self, row: Mapping) -> dict:
        """Send frames, picture from above, cameras, objects, question and answer."""
        return chat_request(row, self._sights.of(row), self.model)

    def read(self, row: Mapping, content: str) -> Words | str:
        """Take an explanation that holds up, and its question where that still asks the same."""
        found = read_object(content, TRIPLET)
        if found is None:
            return "reply is not the JSON asked for"
        question, thought, answer = found.values()
        names = self._names.get(row["scene_id"], ())
        reason = rejection(row, thought, answer, self._sights.num_images(row), names)
        if reason:
            return reason
        # Definitions and formats are laid out in lines, which a reply runs together.
        as_it_was = "\n" in row["question"] or rewording_rejection(row, question, names) is not None
        return Words(row["question"] if as_it_was else question, thought)

    def paragraph(self, report: PassReport) -> str:
        """Tell what a model wrote."""
        return f"""## Reasoning by a teacher

A vision-language model, `{report.model}`, wrote the reasoning of {report.kept} of the {report.total} questions from
their frames, the place seen from above, the objects and the computed answer. It was kept only if it leads to that
answer, is in the first person, tells what the images show, and speaks of no number but the answer's, of no axis and of
no answer that was given. `provenance` names the `teacher` and, as `taught_from`, the id of the original. The other
rows have the composed reasoning.
"""


def teach_dataset(
    folder: Path | str, output: Path | str, settings: ChatSettings, cache: Path | str | None = None
) -> PassReport:
    """Have a model explain the answers of a dataset folder; see `run_pass`.

    Raises:
        InputError: if `folder` is not a dataset, `output` is taken, or the server cannot be used.
    """
    files = DatasetFiles.open(folder)
    return run_pass(files, output, Teacher(settings.model, files), settings, cache)
