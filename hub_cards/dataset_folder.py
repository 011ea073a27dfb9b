"""A dataset folder as a card sees it: metadata, build report, and the columns that are worth counting."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from datasets import ClassLabel, Features
from huggingface_hub import metadata_load

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES
from evaluate_metrics.report.files import field, read_json, read_json_lines, require

BUILD = "build it with `python -m dataset_builders build`"
QUESTION_COLUMNS = ["scene_id", "source", "license", "scale", "task", "answer_type", "options", "answer", "video"]
SCENE_COLUMNS = ["scene_id", "source", "license", "scale", "intrinsics", "objects"]
SPLITS = ["train", "validation", "test"]


@dataclass(frozen=True)
class DatasetFolder:
    """What `python -m dataset_builders build` wrote.

    Attributes:
        path: The folder.
        metadata: YAML of its README.md, with `configs`.
        report: `build_report.json`.
        questions: `QUESTION_COLUMNS` and `split`, class labels as names.
        scenes: `scene_id`, `source`, `license`, `scale`, `num_frames`, `num_objects` and `split`.
        quarantine: Scenes that were left out, with the reason.
    """

    path: Path
    metadata: dict
    report: dict
    questions: pa.Table
    scenes: pa.Table
    quarantine: list[dict]

    @cached_property
    def splits(self) -> list[str]:
        """Splits that hold questions, in the usual order."""
        return present(self.questions, "split", SPLITS)

    @cached_property
    def scales(self) -> list[str]:
        """Scales that have questions, small to large."""
        return present(self.questions, "scale", SCALE_NAMES)

    @cached_property
    def tasks(self) -> list[str]:
        """Tasks that have questions, in the order of the paper's table."""
        return present(self.questions, "task", TASK_NAMES)

    @cached_property
    def terms(self) -> list[str]:
        """Terms that scenes or questions state."""
        return sorted({*self.scenes["license"].to_pylist(), *self.questions["license"].to_pylist()})

    def example(self) -> dict:
        """Return the first question of the first split, whole."""
        shard = shards(self.path, self.metadata, "all")[0][1]
        rows = next(pq.ParquetFile(shard).iter_batches(batch_size=1))
        return _names(pa.Table.from_batches([rows])).to_pylist()[0]


def open_dataset(path: Path) -> DatasetFolder:
    """Read everything of a dataset folder except its frames.

    Raises:
        InputError: naming the file that is missing or cannot be read.
    """
    path = Path(path)
    metadata = open_metadata(path)
    report = read_json(require(path / "build_report.json", "dataset", BUILD))
    quarantine = path / "quarantine.jsonl"
    return DatasetFolder(
        path=path,
        metadata=metadata,
        report=report,
        questions=_read(path, metadata, "all", QUESTION_COLUMNS),
        scenes=_with_lengths(_read(path, metadata, "scenes", SCENE_COLUMNS)),
        quarantine=read_json_lines(quarantine) if quarantine.exists() else [],
    )


def shards(path: Path, metadata: dict, config: str) -> list[tuple[str, Path]]:
    """List (split, Parquet file) of a config: exactly what `load_dataset` reads.

    Raises:
        InputError: if the card has no such config or its files are gone.
    """
    files = []
    for entry in metadata["configs"]:
        if field(entry, "config_name", path / "README.md") == config:
            for part in field(entry, "data_files", path / "README.md"):
                patterns = [part["path"]] if isinstance(part["path"], str) else part["path"]
                files += [(part["split"], file) for pattern in patterns for file in sorted(path.glob(pattern))]
    if not files:
        raise InputError(path, f"config {config}", "has no Parquet files", BUILD)
    return files


def count(table: pa.Table, keys: Sequence[str]) -> dict[tuple, int]:
    """Count the rows of each combination of `keys`.

    >>> count(pa.table({"task": ["a", "b", "a"]}), ["task"])
    {('a',): 2, ('b',): 1}
    """
    groups = table.group_by(list(keys), use_threads=False).aggregate([([], "count_all")])
    values = zip(*(groups[key].to_pylist() for key in keys), strict=True)
    return dict(zip(values, groups["count_all"].to_pylist(), strict=True))


def present(table: pa.Table, column: str, order: Sequence[str]) -> list[str]:
    """List the values of a column, those of `order` first and in its order."""
    values = set(table[column].to_pylist())
    return [value for value in order if value in values] + sorted(values - set(order))


def count_rows(path: Path, metadata: dict, config: str) -> dict[str, int]:
    """Count the rows of each split of a config, from the footers of its files."""
    rows: dict[str, int] = {}
    for split, file in shards(path, metadata, config):
        rows[split] = rows.get(split, 0) + pq.read_metadata(file).num_rows
    return rows


def open_metadata(path: Path) -> dict:
    """Read the YAML of the README.md of a dataset folder.

    Raises:
        InputError: if there is none, or it names no configs.
    """
    card = require(path / "README.md", "dataset", BUILD)
    try:
        metadata = metadata_load(card)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(card, "YAML", f"cannot be read ({' '.join(str(error).split())})", BUILD) from error
    if not metadata or "configs" not in metadata:
        raise InputError(card, "configs", "is missing, so nobody can load the folder", BUILD)
    return metadata


def _read(path: Path, metadata: dict, config: str, columns: list[str]) -> pa.Table:
    tables = []
    for split, file in shards(path, metadata, config):
        try:
            table = _names(pq.read_table(file, columns=columns, partitioning=None))
        except (OSError, pa.ArrowException) as error:
            raise InputError(file, "Parquet", f"cannot be read ({error})", BUILD) from error
        if missing := [name for name in columns if name not in table.column_names]:
            raise InputError(file, ", ".join(missing), "is no column of the file", BUILD)
        tables.append(table.append_column("split", pa.array([split] * len(table), pa.string())))
    return pa.concat_tables(tables)


def _names(table: pa.Table) -> pa.Table:
    """Replace class labels, stored as integers, by their names."""
    for name, feature in Features.from_arrow_schema(table.schema).items():
        if isinstance(feature, ClassLabel):
            texts = pa.array(feature.names).take(table[name].combine_chunks())
            table = table.set_column(table.column_names.index(name), name, texts)
    return table.replace_schema_metadata(None)


def _with_lengths(scenes: pa.Table) -> pa.Table:
    """Replace cameras and objects by their numbers (a scene has as many cameras as frames)."""
    for column, name in (("intrinsics", "num_frames"), ("objects", "num_objects")):
        lengths = pc.fill_null(pc.list_value_length(scenes[column]), 0)
        scenes = scenes.drop_columns([column]).append_column(name, lengths)
    return scenes
