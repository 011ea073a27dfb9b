"""Rows → a Parquet file, a bounded number of rows in memory at a time."""

import os
from collections.abc import Container
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features

from dataset_builders.record import numbered
from dataset_builders.turns import without_turns


def prune_part(path: Path, keys: Container[str]) -> list[dict]:
    """Take the rows, and the turns of conversations, with these ids out of a finished part; can be repeated.

    Returns:
        The rows that are left, labels as numbers.
    """
    table = pq.read_table(path)
    rows = table.to_pylist()
    left = [row for row in (without_turns(row, keys) for row in rows) if row is not None]
    if left != rows:
        partial = path.with_name(f".{path.name}.partial")
        pq.write_table(pa.Table.from_pylist(left, schema=table.schema), partial, compression="zstd")
        os.replace(partial, path)
    return left


class PartWriter:
    """Writes one file; the schema carries the features, so that `load_dataset` restores them.

    Used as a context, it leaves a complete file or none.
    """

    def __init__(self, path: Path, features: Features, rows_per_group: int):
        """Prepare to write.

        Args:
            path: The file; its folder is made.
            features: Of every row.
            rows_per_group: Rows that are held in memory and then written as one row group.
        """
        self._path, self._partial = path, path.with_name(f".{path.name}.partial")
        self._schema, self._rows_per_group = features.arrow_schema, rows_per_group
        self._features = features
        self._rows: list[dict] = []
        self._writer: pq.ParquetWriter | None = None

    def write(self, row: dict) -> None:
        """Add a row: class labels by name, images as {"bytes", "path"}."""
        self._rows.append(numbered(row, self._features))
        if len(self._rows) == self._rows_per_group:
            self._flush()

    def __enter__(self) -> Self:
        """Start writing."""
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Complete the file, or only close it when something went wrong."""
        if error is None and self._rows:
            self._flush()
        if self._writer is not None:
            self._writer.close()
            if error is None:
                os.replace(self._partial, self._path)
            else:
                self._partial.unlink()

    def _flush(self) -> None:
        if self._writer is None:
            self._path.parent.mkdir(exist_ok=True)
            self._writer = pq.ParquetWriter(self._partial, self._schema, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []
