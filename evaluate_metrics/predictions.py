"""The output folder of an evaluation: settings first, predictions batch by batch, results last.

A run may be killed at any moment. Lines are only ever appended, so what is complete stays valid, and the next run with
the same settings goes on behind it. Failed rows are taken out when a run goes on, and asked again; so is a turn of a
conversation that does not stand behind the replies that it followed.

`settings.json`
    `settings`: all that predictions depend on: backend, model, dataset (names, revisions, fingerprints), frame policy,
    prompt, decoding, attention, dtype, device, seeds; `versions`: of the libraries.

`predictions.jsonl`, one line per question and condition
    `id`, `scene_id`, `task`, `category` (the task as the benchmark publishes it), `scale`, `source`, `answer_type`;
    `condition`: `video`, `blind` or that of a control; `reference`, `unit`: the answer expected under this condition;
    `prompt_sha256`: of the prompt's text, first 16 digits; `completion`: as the model wrote it; `parsed`, `score`:
    what was read from it and its worth in [0, 1]; `abstained`: whether it says that there is no telling;
    `tokens_in`, `tokens_out`; `error`: why there is no completion, null where there is one. A failed row has an empty
    completion and scores 0. `gates`, where the model has routed experts: the mean weight of every expert over the
    prompt's tokens, a list per layer. `turn`, in a conversation: from 1; it was asked behind the completions of the
    turns before.

`timing.jsonl`, one line per batch
    `questions`, `waited` and `generated` seconds. Wall time is kept here alone, so that the other lines of two equal
    runs are equal byte for byte.

`results.json`
    the content of `settings.json`; `model`, `dataset`, `split`, `num_questions`, `num_scenes`, and, where there are
    any, `num_conversations`; `overall`, `by_task`, `by_scale`, of conversations `by_turn`: percent, see `summary`;
    `columns`: those of the benchmark, `robust` (read in our way) and `published` (as its public scorer does), null
    where it has none; `unparsed`: per condition; `coverage`: per condition how many `questions` a score stands over,
    of which how many were `answered`, `empty`, `unreadable` or `failed` (all but answered score 0); `failures`: the
    first of them, named; `controls`: see `controls.summary`; `run`: seconds, idle share of the device, tokens.
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
        rows: What is answered so far, by question and condition; failed ones as long as this run lasts.
    """

    def __init__(self, folder: Path, settings: Mapping, expected: Mapping[Key, Collection[Key]]):
        """Start the output folder, or go on with what it holds.

        Args:
            folder: New, empty, or left by a run with the same settings.
            settings: All that the predictions depend on, JSON-able.
            expected: The questions of this run, each with those that it follows in a conversation.

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

    def _read(self, expected: Mapping[Key, Collection[Key]]) -> dict[Key, dict]:
        """Read what an earlier run left; cut short lines, failed rows and turns without the earlier ones go."""
        rows: dict[Key, dict] = {}
        foreign: list[tuple[int, str]] = []
        kept = []
        content = self._path.read_bytes()
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(keepends=True), start=1):
            row = _prediction(line)
            key = row and (row["id"], row["condition"])
            if key not in expected or key in rows:
                foreign.append(
                    (number, "repeats a question" if key in rows else "is not a prediction for this dataset")
                )
            elif row["error"] is None and all(before in rows for before in expected[key]):
                rows[key] = row
                kept.append(line)
        if foreign:
            number, problem = foreign[0]
            more = f" (one of {len(foreign)} such lines)" if len(foreign) > 1 else ""
            raise InputError(self._path, f"line {number}", problem + more, f"remove the line or {_ANOTHER}")
        whole = b"".join(kept)
        if whole != content:
            _replace(self._path, whole)
        return rows


def write_json(path: Path, content: Mapping) -> None:
    """Write JSON beside `path`, then move it there."""
    _replace(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
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
    if not isinstance(row, dict) or not {"id", "condition", "parsed", "error"} <= row.keys():
        return None
    texts = (row["id"], row["condition"], row.get("completion"))
    return row if all(isinstance(text, str) for text in texts) and isinstance(row.get("score"), float) else None
