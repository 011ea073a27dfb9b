"""The scale of a question as a number: which expert is to answer it, or which row of a table it belongs to."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from datasets import ClassLabel, Dataset, IterableDataset
from torch.utils.data import Sampler

from dataset_builders.errors import InputError
from dataset_builders.general import RowError, row_name
from dataset_builders.taxonomy import SCALE_NAMES

COLUMN = "scale"


def scale_names(questions: Dataset) -> list[str | None]:
    """Return the name of every question's scale, whether the column holds names or numbers of classes."""
    feature, values = questions.features[COLUMN], questions[COLUMN]
    names = feature.names if isinstance(feature, ClassLabel) else None
    return [names[value] if names and value is not None and value >= 0 else value for value in values]


def only_scales(questions: Dataset | IterableDataset, scales: Sequence[str], place: str) -> Dataset | IterableDataset:
    """Keep the questions of `scales`, of all where none are named.

    Raises:
        InputError: if one of them has no questions; a stream is not looked through for that.
    """
    if not scales:
        return questions
    if isinstance(questions, IterableDataset):
        kept = {questions.features[COLUMN].str2int(scale) for scale in scales}
        return questions.filter(lambda scale: scale in kept, input_columns=COLUMN)
    names = scale_names(questions)
    for scale in scales:
        if scale not in names:
            known = ", ".join(sorted({str(name) for name in names}))
            raise InputError(place, "scales", f"has no questions of {scale!r}", f"choose of {known}")
    return questions.select([row for row, name in enumerate(names) if name in scales])


def check_scales(questions: Dataset, labels: Mapping[str, int], place: str, fix: str) -> None:
    """Refuse questions whose scale has no label.

    Raises:
        InputError: names the scale, the first such question, and how many there are.
    """
    wrong = [(row, name) for row, name in enumerate(scale_names(questions)) if name not in labels]
    if wrong:
        row, name = wrong[0]
        problem = f"is {name!r} in {len(wrong)} of {len(questions)} questions (first {questions[row]['id']}), "
        raise InputError(place, COLUMN, f"{problem}not one of {', '.join(labels)}", fix)


class ScaleLabel:
    """Returns the label of a row by its scale."""

    def __init__(self, labels: Mapping[str, int], feature):
        """Take the label of each scale by name, and the feature of the column."""
        names = feature.names if isinstance(feature, ClassLabel) else SCALE_NAMES
        self._labels = {**labels, **{place: labels[name] for place, name in enumerate(names) if name in labels}}

    def __call__(self, row: dict) -> int:
        """Look it up.

        Raises:
            RowError: if the row's scale has none.
        """
        if row.get(COLUMN) not in self._labels:
            raise RowError(row_name(row), COLUMN, f"is {row.get(COLUMN)!r}, which has no label", "leave such rows out")
        return self._labels[row[COLUMN]]


class GroupByScaleSampler(Sampler[int]):
    """Goes through the rows so that every `batch_size` successive ones are of one label.

    Rows are shuffled within their label and batches over all labels, by seed and epoch alone, so that a resumed run
    sees what an uninterrupted one does. The last batch of a label is filled up with rows that it already had.
    """

    def __init__(self, labels: Sequence[int], batch_size: int, seed: int):
        """Take the label of every row, the size of the batches, and a seed."""
        self._batch_size, self._seed, self._epoch = batch_size, seed, 0
        self._rows = {label: [r for r, other in enumerate(labels) if other == label] for label in sorted(set(labels))}

    def __len__(self) -> int:
        """Count the rows of an epoch, repeated ones included."""
        return sum(-(-len(rows) // self._batch_size) for rows in self._rows.values()) * self._batch_size

    def set_epoch(self, epoch: int) -> None:
        """Choose another order; the data loader calls this."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """Yield the rows of an epoch."""
        generator = torch.Generator().manual_seed(1_000_003 * self._seed + self._epoch)
        batches = []
        for rows in self._rows.values():
            order = [rows[place] for place in torch.randperm(len(rows), generator=generator)]
            missing = -len(order) % self._batch_size
            order += (order * (missing // len(order) + 1))[:missing]
            batches += [order[start : start + self._batch_size] for start in range(0, len(order), self._batch_size)]
        for place in torch.randperm(len(batches), generator=generator).tolist():
            yield from batches[place]
