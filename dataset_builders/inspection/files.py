"""The files of a dataset folder, checked before anything is shown, and read a row group at a time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builders.errors import InputError
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES
from dataset_builders.splits import SPLITS

FEATURES = {"questions": QUESTION_FEATURES, "scenes": SCENE_FEATURES}
REBUILD = "name a folder that `python -m dataset_builders build` wrote"


class Group(NamedTuple):
    """One row group of one file."""

    path: Path
    number: int

    @property
    def split(self) -> str:
        """Of its rows; the name of a file begins with it."""
        return self.path.name.partition("-")[0]


@dataclass(frozen=True)
class DatasetFiles:
    """A dataset folder.

    Attributes:
        folder: Where it is.
        report: Content of build_report.json.
        parts: `questions` and `scenes` → Parquet files.
    """

    folder: Path
    report: dict
    parts: Mapping[str, tuple[Path, ...]]

    @classmethod
    def open(cls, folder: Path | str) -> "DatasetFiles":
        """Find the files and check their columns.

        Raises:
            InputError: if the folder is not one that a build wrote, or a file of it is broken.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(folder, "DIR", "is not a folder", REBUILD)
        parts = {config: tuple(sorted(folder.glob(f"{config}/*.parquet"))) for config in FEATURES}
        for config, paths in parts.items():
            if not paths:
                raise InputError(folder, config, "has no Parquet files", REBUILD)
            for path in paths:
                _check(path, config)
        return cls(folder, _read_report(folder / "build_report.json"), parts)

    @property
    def num_rows(self) -> int:
        """Rows of all files."""
        return sum(pq.read_metadata(path).num_rows for paths in self.parts.values() for path in paths)

    def groups(self, config: str, columns: Sequence[str]) -> Iterator[tuple[Group, pa.Table]]:
        """Yield the row groups of a config, one in memory at a time.

        Args:
            config: `questions` or `scenes`.
            columns: Names, or paths of columns within columns.

        Raises:
            InputError: if a file is broken.
        """
        for path in self.parts[config]:
            with pq.ParquetFile(path) as file:
                for number in range(file.num_row_groups):
                    group = Group(path, number)
                    yield group, _read(file, group, columns)


def read_group(group: Group) -> pa.Table:
    """Read a row group with all columns.

    Raises:
        InputError: if the file is broken.
    """
    with pq.ParquetFile(group.path) as file:
        return _read(file, group, None)


def _read(file: pq.ParquetFile, group: Group, columns: Sequence[str] | None) -> pa.Table:
    try:
        return file.read_row_group(group.number, columns=columns)
    except (pa.ArrowException, OSError):
        raise InputError(group.path, f"row group {group.number}", "cannot be read", "copy or build it again") from None


def _check(path: Path, config: str) -> None:
    if Group(path, 0).split not in SPLITS:
        problem = f"begins with {Group(path, 0).split!r}"
        raise InputError(path, "name", problem, f"name the split first, one of {', '.join(SPLITS)}")
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        raise InputError(path, "file", "is not Parquet", "copy or build it again") from None
    for expected in FEATURES[config].arrow_schema:
        index = schema.get_field_index(expected.name)
        if index < 0 or schema.field(index).type != expected.type:
            problem = "is missing" if index < 0 else f"is {schema.field(index).type}, not {expected.type}"
            raise InputError(path, expected.name, problem, "build the dataset again with this version")


def _read_report(path: Path) -> dict:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(path, "file", "is missing or not JSON", REBUILD) from None
    shortcuts = report.get("shortcuts") if isinstance(report, dict) else None
    if not isinstance(shortcuts, dict) or not all(isinstance(kind, dict) for kind in shortcuts.values()):
        raise InputError(path, "shortcuts", "is not a table", REBUILD)
    return report
