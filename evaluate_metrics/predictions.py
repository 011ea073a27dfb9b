"""The output folder of an evaluation: settings first, predictions batch by batch, results last.

A run may be killed at any moment. Lines are only ever appended, so what is complete stays valid, and the next run with
the same settings goes on behind it.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.staging import staged_folder

Key = tuple[str, str]
"""A question's id and the condition it was asked under."""
_ANOTHER = "choose another --output"


class PredictionLog:
    """`predictions.jsonl` of an output folder.

    Attributes:
        rows: What is answered so far, by question and condition.
    """

    def __init__(self, folder: Path, settings: Mapping, expected: Collection[Key]):
        """Start the output folder, or go on with what it holds.

        Args:
            folder: New, empty, or left by a run with the same settings.
            settings: All that the predictions depend on, JSON-able.
            expected: The questions of this run.

        Raises:
            InputError: if the folder belongs to something else, or a line is not a prediction of this run.
        """
        self._path = folder / "predictions.jsonl"
        _claim(folder, settings)
        self.rows = self._read(expected) if self._path.exists() else {}

    def append(self, rows: Sequence[Mapping]) -> None:
        """Write rows in one go; they are safe from a kill once this returns."""
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        with self._path.open("ab") as stream:
            stream.write(lines.encode())
        self.rows.update({(row["id"], row["condition"]): row for row in rows})

    def _read(self, expected: Collection[Key]) -> dict[Key, dict]:
        content = self._path.read_bytes()
        complete = content.rfind(b"\n") + 1
        if complete < len(content):
            os.truncate(self._path, complete)  # the line that a kill cut short is asked again
        rows: dict[Key, dict] = {}
        for number, line in enumerate(content[:complete].splitlines(), start=1):
            row = _prediction(line)
            key = row and (row["id"], row["condition"])
            if key not in expected or key in rows:
                problem = "repeats a question" if key in rows else "is not a prediction for this dataset"
                raise InputError(self._path, f"line {number}", problem, f"remove the line or {_ANOTHER}")
            rows[key] = row
        return rows


def write_json(path: Path, content: Mapping) -> None:
    """Write JSON beside `path`, then move it there."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _claim(folder: Path, settings: Mapping) -> None:
    """Mark a new folder with the settings, or check that they are those of an earlier run."""
    path = folder / "settings.json"
    if not path.exists():
        with staged_folder(folder) as beside:
            write_json(beside / path.name, settings)
        return
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(path, "content", f"is not JSON ({error})", _ANOTHER) from error
    different = _differences(earlier, settings)
    if different:
        raise InputError(path, different[0], "differs from this run", f"repeat the earlier settings or {_ANOTHER}")


def _differences(earlier: object, now: object, name: str = "") -> list[str]:
    """List what differs as `name: was …, is …`."""
    if isinstance(earlier, dict) and isinstance(now, Mapping):
        names = [*earlier, *(key for key in now if key not in earlier)]
        return [line for key in names for line in _differences(earlier.get(key), now.get(key), key)]
    return [] if earlier == now else [f"{name or 'content'} (was {earlier!r}, is {now!r})"]


def _prediction(line: bytes) -> dict | None:
    """Read a line; None where it lacks what the results are made of."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or not {"id", "condition", "parsed"} <= row.keys():
        return None
    texts = (row["id"], row["condition"], row.get("completion"))
    return row if all(isinstance(text, str) for text in texts) and isinstance(row.get("score"), float) else None
