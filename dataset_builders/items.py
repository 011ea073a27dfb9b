"""Finished parts → what a guesser may see of their questions."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from dataset_builders.record import LETTERS, TURN_FEATURES
from dataset_builders.shortcuts import Item
from dataset_builders.taxonomy import TASK_NAMES
from dataset_builders.turns import turns_of

COLUMNS = ["id", "scene_id", *TURN_FEATURES, "turns"]


def read_items(paths: Sequence[Path], most: int | None = None) -> list[Item]:
    """Read the questions of some parts, every turn of a conversation as one, those in words left out.

    Args:
        paths: Parquet files.
        most: Read about so many rows, drawn by their ids; None for all.
    """
    total = sum(pq.read_metadata(path).num_rows for path in paths)
    step = 1 if most is None else max(1, total // most)
    asked = (turn for row in _rows(paths, step) for turn in turns_of(row))
    return [_item(row) for row in asked if row["options"] or _is_number(row["answer"])]


def _rows(paths: Iterable[Path], step: int) -> Iterator[dict]:
    """Yield one in `step` rows; not every so-manieth, because tasks take turns in the files."""
    for path in paths:
        table = pq.read_table(path, columns=COLUMNS)
        drawn = [place for place, key in enumerate(table["id"].to_pylist()) if _digest(key) % step == 0]
        yield from table.take(drawn).to_pylist()


def _digest(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])


def _item(row: dict) -> Item:
    options = tuple(row["options"])
    return Item(
        key=row["id"],
        scene_id=row["scene_id"],
        task=TASK_NAMES[row["task"]],
        rule=json.loads(row["provenance"])["rule"],
        text=row["question"],
        options=options,
        answer=options[LETTERS.index(row["answer"])] if options else row["answer"],
        unit=row["unit"],
        category=next(iter(row["anchors"]["semantics"]), ""),
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
