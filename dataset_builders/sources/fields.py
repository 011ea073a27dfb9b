"""Reading JSON written by others: every wrong field is named before it can do harm."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from dataset_builders.errors import InputError

JSON_KINDS = {dict: "a JSON object", list: "a JSON array", str: "a string", int: "a whole number"}


def read_json(path: Path, place, kind: type) -> Any:
    """Read a JSON file whose top level is of `kind` (dict or list).

    Raises:
        InputError: if the file is missing, truncated, not UTF-8, or of another kind.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(place, "file", f"cannot be read ({error.strerror})", "put a readable file there") from None
    except ValueError as error:
        problem = f"is not complete JSON ({error})"
        raise InputError(place, "file", problem, "copy the file again, it may be truncated") from None
    return require(content, kind, place, "file")


def require(value: Any, kind: type, place, name: str) -> Any:
    """Return `value` if it is of `kind`, else name the field that is missing or of another kind."""
    if not isinstance(value, kind):
        problem = "is missing" if value is None else f"is a {type(value).__name__}"
        raise InputError(place, name, problem, f"give {JSON_KINDS[kind]}")
    return value


def numbers(value: Any, shape: tuple[int, ...], place, name: str) -> np.ndarray:
    """Return nested lists as a float array of `shape`; whether the values make sense is for `validate_scene`.

    >>> numbers([1, 2, 3], (3,), "room.json", "center")
    array([1., 2., 3.])
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = None
    if array is None or array.shape != shape:
        expected = " x ".join(str(length) for length in shape)
        problem = "is missing" if value is None else f"is not {expected} numbers"
        raise InputError(place, name, problem, f"give {expected} numbers")
    return array


def positive_or_none(value: Any, place, name: str) -> float | None:
    """Return an optional positive number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise InputError(place, name, f"is {value!r}", "give a positive number or leave it out")
    return float(value)
