"""One pass over a dataset: its statistics, and where each scene is, so that any of them is found at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from dataset_builders.errors import InputError
from dataset_builders.inspection.files import DatasetFiles, Group, read_group
from dataset_builders.inspection.statistics import QUESTION_COLUMNS, SCENE_COLUMNS, Statistics, count, with_names
from dataset_builders.record import QUESTION_FEATURES, named
from dataset_builders.taxonomy import SCALE_NAMES

KEY = ["scale", "source", "scene_id"]
RULE = r'"rule": "(?P<rule>[^"\\]*)", "template"'
"""As `record` writes it, so that no provenance is parsed for it."""


@dataclass(slots=True)
class SceneEntry:
    """Where a scene and its questions are.

    Attributes:
        scene_id: Unique in its source and split.
        source: Name.
        split: Name.
        scale: Name.
        group: Row group that holds it.
        row: Row in that group.
        tasks: Task → questions.
        skills: Rule → questions.
        question_groups: Row groups that hold its questions.
    """

    scene_id: str
    source: str
    split: str
    scale: str
    group: Group
    row: int
    tasks: Counter = field(default_factory=Counter)
    skills: Counter = field(default_factory=Counter)
    question_groups: list[Group] = field(default_factory=list)


@dataclass(frozen=True)
class Overview:
    """What one pass over a dataset finds."""

    files: DatasetFiles
    scenes: list[SceneEntry]
    statistics: Statistics

    @classmethod
    def read(cls, files: DatasetFiles) -> "Overview":
        """Go through all files once; memory grows with the scenes, not with the questions.

        Raises:
            InputError: if a row cannot be understood.
        """
        statistics, scenes = Statistics(), {}
        with tqdm(total=files.num_rows, desc="reading", unit="row", unit_scale=True, delay=1) as progress:
            for config, columns in (("scenes", SCENE_COLUMNS), ("questions", QUESTION_COLUMNS)):
                for group, table in files.groups(config, columns):
                    try:
                        table = with_names(table, config)
                        if config == "scenes":
                            statistics.add_scenes(group.split, table)
                            _add_scenes(scenes, group, table)
                        else:
                            statistics.add_questions(table)
                            _add_questions(scenes, group, table)
                    except (pa.ArrowException, ValueError, KeyError, TypeError, AttributeError):
                        problem = f"row group {group.number} has a row that no build writes"
                        raise InputError(group.path, config, problem, "build the dataset again") from None
                    progress.update(table.num_rows)
        order = sorted(scenes.values(), key=lambda entry: (SCALE_NAMES.index(entry.scale), entry.scene_id))
        return cls(files, order, statistics)

    def scene(self, entry: SceneEntry) -> dict:
        """Read the row of a scene."""
        table = read_group(entry.group).slice(entry.row, 1)
        return with_names(table, "scenes").to_pylist()[0]

    def questions(self, entry: SceneEntry) -> list[dict]:
        """Read the rows of a scene's questions, labels as names, in the order of the files."""
        rows = []
        for group in entry.question_groups:
            table = read_group(group)
            own = pc.and_(
                pc.equal(table["scene_id"], pa.scalar(entry.scene_id)),
                pc.equal(table["source"], pa.scalar(entry.source)),
            )
            rows += [named(row, QUESTION_FEATURES) for row in table.filter(own).to_pylist()]
        return rows

    def choose(self, most: int) -> list[int]:
        """Choose scenes, evenly spread over the scales and within each, as numbers in ascending order.

        Args:
            most: How many; scales with few scenes leave their share to the others.
        """
        left = {scale: [place for place, one in enumerate(self.scenes) if one.scale == scale] for scale in SCALE_NAMES}
        chosen: list[int] = []
        # The smallest first, so that what it cannot use is shared by the rest.
        for rank, members in enumerate(sorted(left.values(), key=len)):
            quota = -(-(most - len(chosen)) // (len(left) - rank))
            chosen += _spread(members, quota)
        return sorted(chosen)


def _spread(items: Sequence[int], most: int) -> list[int]:
    number = min(most, len(items))
    return [items[step * len(items) // number] for step in range(number)]


def _add_scenes(scenes: dict, group: Group, table: pa.Table) -> None:
    columns = (table[name].to_pylist() for name in ("source", "scene_id", "scale"))
    for row, (source, scene_id, scale) in enumerate(zip(*columns, strict=True)):
        scenes[group.split, scale, source, scene_id] = SceneEntry(scene_id, source, group.split, scale, group, row)


def _add_questions(scenes: dict, group: Group, table: pa.Table) -> None:
    for (*key, task), number in count(table, [*KEY, "task"]).items():
        entry = scenes[group.split, *key]
        entry.tasks[task] += number
        if group not in entry.question_groups:
            entry.question_groups.append(group)
    rules = pc.struct_field(pc.extract_regex(table["provenance"], RULE), "rule")
    made = table.append_column("rule", rules).filter(rules.is_valid())
    for (*key, rule), number in count(made, [*KEY, "rule"]).items():
        scenes[group.split, *key].skills[rule] += number
