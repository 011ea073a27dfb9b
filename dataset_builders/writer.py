"""Rows → Parquet shards, a bounded number of rows in memory at a time."""

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features

from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES

SHARD_BYTES = 256 * 2**20


class ShardWriter:
    """Writes one split of one config; the schema carries the features, so that `load_dataset` restores them."""

    def __init__(self, folder: Path, split: str, features: Features, rows_per_group: int):
        """Start a split.

        Args:
            folder: Exists.
            split: Name of the split, start of the file names.
            features: Of every row.
            rows_per_group: Rows that are held in memory and then written as one row group.
        """
        self._folder, self._split, self._features, self._rows_per_group = folder, split, features, rows_per_group
        self._rows: list[dict] = []
        self._parts: list[Path] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, row: dict) -> None:
        """Add a row, class labels by name, images as {"bytes", "path"}."""
        self._rows.append(self._features.encode_example(row))
        if len(self._rows) == self._rows_per_group:
            self._flush()

    def close(self) -> None:
        """Write what is left and give the shards their final names, which tell how many there are."""
        if self._rows:
            self._flush()
        self.abandon()
        for index, part in enumerate(self._parts):
            part.rename(self._folder / f"{self._split}-{index:05d}-of-{len(self._parts):05d}.parquet")

    def abandon(self) -> None:
        """Close the open file, complete or not."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        schema = self._features.arrow_schema
        if self._writer is None:
            self._parts.append(self._folder / f"{self._split}-{len(self._parts):05d}.part")
            self._writer = pq.ParquetWriter(self._parts[-1], schema)
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=schema))
        self._rows = []
        if self._parts[-1].stat().st_size >= SHARD_BYTES:
            self.abandon()


class DatasetWriter:
    """Writes the two configs of a dataset folder, each split as soon as it has a row."""

    FEATURES = {"questions": QUESTION_FEATURES, "scenes": SCENE_FEATURES}
    ROWS_PER_GROUP = {"questions": 2000, "scenes": 16}

    def __init__(self, folder: Path):
        """Write below `folder`, which exists."""
        self._folder = folder
        self._shards: dict[tuple[str, str], ShardWriter] = {}

    def write(self, config: str, split: str, row: dict) -> None:
        """Add a row to a split of `questions` or `scenes`."""
        if (config, split) not in self._shards:
            (self._folder / config).mkdir(exist_ok=True)
            features, rows = self.FEATURES[config], self.ROWS_PER_GROUP[config]
            self._shards[config, split] = ShardWriter(self._folder / config, split, features, rows)
        self._shards[config, split].write(row)

    def __enter__(self) -> Self:
        """Start writing."""
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Complete the shards, or only close the files when something went wrong."""
        for shard in self._shards.values():
            if error is None:
                shard.close()
            else:
                shard.abandon()
