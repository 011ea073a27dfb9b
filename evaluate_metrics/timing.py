"""How busy the device was: seconds per batch, appended as they pass, so that a run that is killed loses none."""

import json
from collections.abc import Mapping
from pathlib import Path


class Timing:
    """`timing.jsonl` of an output folder."""

    def __init__(self, folder: Path):
        """Go on behind what earlier runs left."""
        self._path = folder / "timing.jsonl"

    def append(self, questions: int, waited: float, generated: float) -> None:
        """Note a batch: how long the device waited for it, and how long it worked on it, seconds."""
        row = {"questions": questions, "waited": round(waited, 6), "generated": round(generated, 6)}
        with self._path.open("ab") as stream:
            stream.write(f"{json.dumps(row)}\n".encode())

    def summary(self) -> dict[str, float | None]:
        """Add up all runs in this folder.

        Returns:
            `wall_seconds` from the first batch on, and `idle_share`: how much of them the device waited for data.
        """
        rows = self._rows()
        waited, generated = (sum(row[name] for row in rows) for name in ("waited", "generated"))
        total = waited + generated
        return {"wall_seconds": round(total, 3), "idle_share": round(waited / total, 4) if total else None}

    def _rows(self) -> list[Mapping]:
        lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
        return [row for row in map(_row, lines) if row is not None]


def _row(line: bytes) -> Mapping | None:
    """Read a line; None for one that a kill cut short."""
    try:
        return json.loads(line)
    except ValueError:
        return None
