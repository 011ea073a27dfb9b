"""Parquet with images: the other columns as rows, and a way to the images of each."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builders.errors import InputError
from evaluate_metrics.benchmarks.media import ImageRow, ParquetImages


def read_rows(path: Path, image_columns: Sequence[str]) -> Iterator[tuple[dict, ImageRow, str]]:
    """Read the rows of a file without its images.

    Args:
        path: The file.
        image_columns: That hold images.

    Yields:
        The other columns, the images of the row, and the place of the row for messages.

    Raises:
        InputError: if the file is no complete Parquet, or lacks a column of images.
    """
    try:
        names = pq.read_schema(path).names
        lacking = sorted(set(image_columns) - set(names))
        if lacking:
            raise InputError(path, "columns", f"lack {', '.join(lacking)}", "take the file from its repository again")
        table = pq.read_table(path, columns=[name for name in names if name not in image_columns])
        store = ParquetImages(path, image_columns)
    except (OSError, pa.ArrowInvalid) as error:
        problem = f"is not complete Parquet ({type(error).__name__})"
        raise InputError(path, "file", problem, "copy the file again, it may be truncated") from None
    for index, content in enumerate(table.to_pylist()):
        yield content, ImageRow(store, index), f"{path.name} row {index}"
