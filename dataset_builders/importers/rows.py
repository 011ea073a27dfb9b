"""Files of others → their rows, one at a time: a file of any length is read with a few megabytes in memory."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from dataset_builders.errors import InputError

CHUNK = 1 << 20  # characters read at a time
LONGEST_ROW = 1 << 26  # characters; a broken file is not searched for the end of a row beyond this
BATCH = 64  # rows of Parquet at a time, which may hold images
SPACE = " \t\r\n"
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Row:
    """One row of a published file.

    Attributes:
        place: File and row, for errors.
        index: Of the row in the file, from 0.
        text: The row as JSON, character by character as it was read.
        content: The same, parsed.
        images: What was taken out of the row because it is not text: {"bytes", "path"} each.
    """

    place: str
    index: int
    text: str
    content: dict[str, Any]
    images: tuple[dict, ...] = ()


def read_json_list(path: Path) -> Iterator[Row]:
    """Read the objects of a JSON array without holding more than one of them.

    Raises:
        InputError: if the file cannot be read, is truncated, or is not an array of objects.
    """
    with _open(path) as stream, _progress(path, "B") as progress:
        for index, (text, value) in enumerate(_elements(stream, path)):
            progress.update(len(text))
            yield _row(path, index, text, value)


def read_json_lines(path: Path) -> Iterator[Row]:
    """Read a file with one JSON object per line; empty lines are skipped.

    Raises:
        InputError: if the file cannot be read or a line is not an object.
    """
    with _open(path) as stream, _progress(path, "B") as progress:
        index = 0
        for line in _lines(stream, path):
            progress.update(len(line))
            text = line.strip()
            if text:
                yield _row(path, index, text, _parse(text, path, index))
                index += 1


def read_json(path: Path) -> Iterator[Row]:
    """Read a JSON array, or one object per line where the name ends in .jsonl."""
    return (read_json_lines if path.suffix == ".jsonl" else read_json_list)(path)


def read_parquet(path: Path) -> Iterator[Row]:
    """Read Parquet; the column `images` is kept apart from the JSON of a row.

    Raises:
        InputError: if the file is not Parquet, or another column holds what JSON cannot.
    """
    try:
        with pq.ParquetFile(path) as file, _progress(path, "row", file.metadata.num_rows) as progress:
            index = 0
            for batch in file.iter_batches(batch_size=BATCH):
                for content in batch.to_pylist():
                    progress.update()
                    yield _parquet_row(path, index, content)
                    index += 1
    except OSError as error:
        raise InputError(path, "file", f"cannot be read ({error})", "put a readable Parquet file there") from None
    except pa.ArrowInvalid as error:
        problem = f"is not complete Parquet ({error})"
        raise InputError(path, "file", problem, "copy the file again, it may be truncated") from None


def _parquet_row(path: Path, index: int, content: dict) -> Row:
    place = f"{path} row {index}"
    images = content.get("images") or ()
    if not isinstance(images, list | tuple) or not all(_is_image(image) for image in images):
        raise InputError(place, "images", "are not structs of bytes and path", "give images as `datasets` stores them")
    try:
        # Its place is kept, so that the columns come back in their order.
        text = json.dumps(content | {"images": None} if images else content, ensure_ascii=False)
    except TypeError as error:
        raise InputError(place, "row", f"holds no plain value ({error})", "give text and numbers") from None
    return Row(place, index, text, content, tuple(images))


def _is_image(image: object) -> bool:
    return isinstance(image, dict) and set(image) == {"bytes", "path"}


def _row(path: Path, index: int, text: str, value: object) -> Row:
    place = f"{path} row {index}"
    if not isinstance(value, dict):
        raise InputError(place, "row", f"is a {type(value).__name__}", "give a JSON object")
    return Row(place, index, text, value)


def _elements(stream: TextIO, path: Path) -> Iterator[tuple[str, object]]:
    """Yield text and value of each element of an array."""
    buffer, start, index = _Buffer(stream, path), "[", 0
    while True:
        found = buffer.next_character()
        if found == "]" and index:
            break
        if found != start:
            problem = "ends early" if found == "" else f"has {found!r} where {start!r} should be"
            raise InputError(f"{path} row {index}", "file", problem, "give one complete JSON array")
        buffer.skip(1)
        if not index and buffer.next_character() == "]":
            break
        yield buffer.take_value(index)
        start, index = ",", index + 1
    buffer.skip(1)
    if buffer.next_character():
        raise InputError(path, "file", "goes on after its JSON array", "give one complete JSON array")


class _Buffer:
    """The part of a file between the last value and as far as was read."""

    def __init__(self, stream: TextIO, path: Path):
        self._stream, self._path, self._text, self._place = stream, path, "", 0

    def next_character(self) -> str:
        """Return the next character that is not blank, which is left where it is; empty at the end of the file."""
        while True:
            while self._place < len(self._text) and self._text[self._place] in SPACE:
                self._place += 1
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._read(CHUNK):
                return ""

    def skip(self, count: int) -> None:
        self._place += count

    def take_value(self, index: int) -> tuple[str, object]:
        """Parse one value and return its text too; reads on, twice as much each time, while it is incomplete."""
        self.next_character()
        size = CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
            except (ValueError, RecursionError) as error:
                length = len(self._text) - self._place
                if length > LONGEST_ROW or isinstance(error, RecursionError) or not self._read(size):
                    raise _incomplete(self._path, index, error) from None
                size *= 2
                continue
            text, self._place = self._text[self._place : end], end
            return text, value

    def _read(self, size: int) -> bool:
        try:
            more = self._stream.read(size)
        except UnicodeDecodeError as error:
            raise _incomplete(self._path, None, error) from None
        self._text, self._place = self._text[self._place :] + more, 0
        return bool(more)


def _lines(stream: TextIO, path: Path) -> Iterator[str]:
    try:
        yield from stream
    except UnicodeDecodeError as error:
        raise _incomplete(path, None, error) from None


def _parse(text: str, path: Path, index: int) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _incomplete(path, index, error) from None


def _incomplete(path: Path, index: int | None, error: Exception) -> InputError:
    place = path if index is None else f"{path} row {index}"
    return InputError(place, "file", f"is not complete JSON ({error})", "copy the file again, it may be truncated")


def _open(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8")
    except OSError as error:
        raise InputError(path, "file", f"cannot be read ({error.strerror})", "put a readable file there") from None


def _progress(path: Path, unit: str, total: int | None = None) -> tqdm:
    total = path.stat().st_size if total is None else total
    return tqdm(total=total, desc=path.name, unit=unit, unit_scale=True, delay=1)
