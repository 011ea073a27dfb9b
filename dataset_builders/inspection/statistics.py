"""Counts over a whole dataset, gathered a row group at a time."""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataset_builders.inspection.files import FEATURES
from dataset_builders.record import TURN_FEATURES

EDGES = np.array([float(f"{digit}e{power}") for power in range(-4, 6) for digit in (1, 2, 5)])
"""Bins of margins and answers, which span millimetres to kilometres: 0.0001, 0.0002, 0.0005, 0.001, …"""

UNITS = {"m": "m", "m2": "m²", "deg": "°", "share": "share"}
QUESTION_COLUMNS = [
    "scene_id",
    "source",
    "scale",
    "task",
    "answer_type",
    "prompt_type",
    "options",
    "answer",
    "unit",
    "provenance",
    "turns",
]
SCENE_COLUMNS = ["scene_id", "source", "scale", "objects.list.element.category"]


def bins(values) -> np.ndarray:
    """Return the bin of each number: -1 below zero, else how many of `EDGES` it reaches.

    >>> bins([-1, 0, 0.0001, 0.15, 0.2]).tolist()
    [-1, 0, 1, 10, 11]
    """
    values = np.asarray(values, float)
    return np.where(values < 0, -1, np.searchsorted(EDGES, values, side="right"))


def bin_label(number: int) -> str:
    """Write where a bin begins.

    >>> bin_label(-1), bin_label(0), bin_label(10)
    ('< 0', '0', '0.1')
    """
    return "< 0" if number < 0 else f"{EDGES[number - 1]:g}" if number else "0"


@cache
def margin_kind(name: str) -> str:
    """Return in what a margin is measured: the unit that ends its name, or the name itself.

    >>> margin_kind("to_spare_m"), margin_kind("boundary_deg"), margin_kind("corners_elsewhere")
    ('m', '°', 'corners elsewhere')
    """
    return UNITS.get(name.rpartition("_")[2], name.replace("_", " "))


@dataclass
class Statistics:
    """What a dataset holds; of conversations, every turn counts for its answer, the first one alone for the rest.

    Attributes:
        questions: (task, scale) → questions.
        answer_types: (task, answer type) → questions and turns.
        prompt_types: (task, prompt type) → questions.
        letters: (number of options, letter) → questions whose right option has that letter.
        answers: (unit, bin) → numeric answers.
        margins: (task, kind, bin) → margins; a question has none, one or several.
        splits: (split, scale) → scenes.
        categories: (scale, category) → objects.
    """

    questions: Counter = field(default_factory=Counter)
    answer_types: Counter = field(default_factory=Counter)
    prompt_types: Counter = field(default_factory=Counter)
    letters: Counter = field(default_factory=Counter)
    answers: Counter = field(default_factory=Counter)
    margins: Counter = field(default_factory=Counter)
    splits: Counter = field(default_factory=Counter)
    categories: Counter = field(default_factory=Counter)

    def add_questions(self, table: pa.Table) -> None:
        """Count rows of the config `questions`.

        Args:
            table: With the columns `QUESTION_COLUMNS`, labels as names (see `with_names`).
        """
        self.questions.update(count(table, ["task", "scale"]))
        self.prompt_types.update(count(table, ["task", "prompt_type"]))
        turns = pc.list_flatten(table["turns"])
        later = pa.table({name: pc.struct_field(turns, name) for name in TURN_FEATURES})
        for asked in (table, with_names(later, "questions")):
            self._add_answers(asked)

    def _add_answers(self, table: pa.Table) -> None:
        self.answer_types.update(count(table, ["task", "answer_type"]))
        choices = table.append_column("number", pc.list_value_length(table["options"]))
        self.letters.update(count(choices.filter(pc.greater(choices["number"], 0)), ["number", "answer"]))
        numbers = table.filter(pc.equal(table["answer_type"], "regression"))
        places = bins(pc.cast(numbers["answer"], pa.float64()).to_numpy())
        self.answers.update(zip(numbers["unit"].to_pylist(), places.tolist(), strict=True))
        self._add_margins(table["task"].to_pylist(), table["provenance"].to_pylist())

    def _add_margins(self, tasks: list[str], provenances: list[str]) -> None:
        found = [
            (task, margin_kind(name), value)
            for task, provenance in zip(tasks, provenances, strict=True)
            for name, value in json.loads(provenance)["margins"].items()
            if isinstance(value, int | float)
        ]
        places = bins([value for _, _, value in found])
        self.margins.update((task, kind, place) for (task, kind, _), place in zip(found, places.tolist(), strict=True))

    def add_scenes(self, split: str, table: pa.Table) -> None:
        """Count rows of the config `scenes`.

        Args:
            split: Of these scenes.
            table: With the columns `SCENE_COLUMNS`, labels as names.
        """
        scales = table["scale"].to_pylist()
        self.splits.update((split, scale) for scale in scales)
        for scale, objects in zip(scales, table["objects"].to_pylist(), strict=True):
            self.categories.update((scale, item["category"]) for item in objects)


def count(table: pa.Table, columns: list[str]) -> dict[tuple, int]:
    """Count the rows by the values of some columns."""
    grouped = table.group_by(columns).aggregate([([], "count_all")])
    keys = zip(*(grouped[name].to_pylist() for name in columns), strict=True)
    return dict(zip(keys, grouped["count_all"].to_pylist(), strict=True))


def with_names(table: pa.Table, config: str) -> pa.Table:
    """Replace the numbers of class labels by their names.

    Raises:
        pa.ArrowInvalid: if a number has no name.
    """
    for name in ("scale", "task", "answer_type", "prompt_type"):
        if name in table.column_names:
            names = pa.array(FEATURES[config][name].names)
            labels = pc.take(names, pc.cast(table[name], pa.int64()))
            table = table.set_column(table.schema.get_field_index(name), name, labels)
    return table
