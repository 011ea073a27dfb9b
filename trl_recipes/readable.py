"""Questions whose frames cannot be decoded: named, and fatal or replaced by others."""

from collections.abc import Iterator

from datasets import Dataset

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from dataset_builders.general import RowError
from trl_recipes.encoding import BadRows


class ReadableQuestions:
    """Looks at the frames of questions before they are asked.

    A group of replies has to be learned from on every process at once, so a question that is skipped gives its place
    to another: the next one that can be read, of the same task if there is any, since the scores of `QuestionDraws`
    belong to tasks. Every process chooses the same one.
    """

    def __init__(self, questions: Dataset, frames: FrameStore, bad_rows: BadRows):
        """Take the questions of a split, their frames, and what to do about those that cannot be read."""
        self._questions, self._frames, self._bad_rows = questions, frames, bad_rows
        self._instead: dict[str, dict] = {}
        self._places = {name: row for row, name in enumerate(questions["id"])}

    def __call__(self, records: list[dict]) -> list[dict]:
        """Return questions of the dataset that can be read; the decoded frames stay in the cache of the store.

        TRL reads a question for every reply of its group and for every pass that its replies serve; one that cannot be
        read is named and counted the first time.

        Raises:
            RowError: if one cannot be read, under `fail`.
            InputError: if no question can be read.
        """
        for name, record in {record["id"]: record for record in records}.items():
            if name not in self._instead:
                try:
                    self._frames.frames(record)
                except RowError as error:
                    self._bad_rows.handle(error)
                    self._instead[name] = self._next(record)
        return [self._instead.get(record["id"], record) for record in records]

    def _next(self, record: dict) -> dict:
        for row in self._after(record):
            candidate = self._questions[row]
            try:
                self._frames.frames(candidate)
            except RowError:
                continue
            return candidate
        fix = "build the dataset again"
        raise InputError(record["id"], "frames", "nor those of any other question can be decoded", fix)

    def _after(self, record: dict) -> Iterator[int]:
        """Yield the other rows from the next one on, those of the same task first."""
        place, tasks = self._places[record["id"]], self._questions["task"]
        around = [*range(place + 1, len(tasks)), *range(place)]
        yield from sorted(around, key=lambda row: tasks[row] != record["task"])
