"""Read what the other packages wrote, and write a file whole or not at all."""

import json
import os
from pathlib import Path

from dataset_builders.errors import InputError


def require(path: Path, what: str, fix: str) -> Path:
    """Return `path` if it exists.

    Raises:
        InputError: naming the missing file and what makes the folder that should hold it.
    """
    if not path.exists():
        raise InputError(path.parent, path.name, f"is missing, so the folder is no {what}", fix)
    return path


def read_json(path: Path) -> dict:
    """Read a file that holds one JSON object.

    Raises:
        InputError: if it cannot be read or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(path, "JSON", f"cannot be read ({error})", "write the file again") from error
    if not isinstance(value, dict):
        raise InputError(path, "JSON", f"is a {type(value).__name__}, not an object", "write the file again")
    return value


def read_json_lines(path: Path) -> list[dict]:
    """Read a file that holds one JSON object per line.

    Raises:
        InputError: naming the first line that cannot be read.
    """
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise InputError(path, f"line {number}", f"is no JSON ({error})", "write the file again") from error
    return rows


def field(data: dict, name: str, place: Path):
    """Return `data[name]`, where `a.b` looks inside `a`.

    Raises:
        InputError: naming the file (`place`) and the field that it lacks.
    """
    value = data
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            raise InputError(place, name, "is missing", "write the file again with this version")
        value = value[part]
    return value


def write_text(path: Path, text: str) -> None:
    """Write a text as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there, so that a reader never sees half of it.

    Raises:
        InputError: if the place cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(path, "output", f"cannot be written ({error.strerror})", "choose a writable place") from error
