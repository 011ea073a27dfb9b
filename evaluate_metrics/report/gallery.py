"""Questions of a report with the frames that the model saw: some chosen without a look at the scores, and errors."""

import base64
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image
from tqdm import tqdm

from dataset_builders.record import LETTERS
from dataset_builders.taxonomy import SCALE_NAMES
from evaluate_metrics.benchmarks import Benchmark

PER_SCALE = 3
WIDTH = 336
_JPEG = "data:image/jpeg;base64,"


@dataclass(frozen=True)
class Example:
    """A question and what became of it.

    Attributes:
        row: Of predictions.jsonl, with the video.
        blind: The same question without it.
        question: Its text; None where the dataset is not at hand, as the rest.
        options: Letter, text, and whether it is right.
        frames: As `data:` addresses.
    """

    row: dict
    blind: dict | None
    question: str | None
    options: list[tuple[str, str, bool]]
    frames: list[str]

    @property
    def files(self) -> dict[str, bytes]:
        """The frames as JPEG files, by name."""
        stem = hashlib.sha256(self.row["id"].encode()).hexdigest()[:12]
        pairs = enumerate(self.frames, start=1)
        return {f"{stem}-{place}.jpg": base64.b64decode(uri.removeprefix(_JPEG)) for place, uri in pairs}

    @property
    def gates(self) -> list[float] | None:
        """Mean weight of each expert, where the row carries `gates`: a list of weights per layer."""
        layers = self.row.get("gates")
        return [sum(column) / len(layers) for column in zip(*layers, strict=True)] if layers else None


def choose(predictions: Iterable[Mapping], per_scale: int = PER_SCALE) -> list[str]:
    """Choose question ids: at each scale the first of each task by id, tasks in turn; outcomes play no part.

    >>> rows = [{"id": i, "scale": "indoor", "task": t} for i, t in (("a", "x"), ("b", "x"), ("c", "y"))]
    >>> choose(rows, per_scale=2)
    ['a', 'c']
    """
    chosen = []
    rows = {row["id"]: row for row in predictions}
    for scale in (*SCALE_NAMES, None):
        seen: dict[str, int] = {}
        turns = []
        for row in sorted((row for row in rows.values() if row["scale"] == scale), key=lambda row: row["id"]):
            seen[row["task"]] = seen.get(row["task"], 0) + 1
            turns.append((seen[row["task"]], row["id"]))
        chosen += [identity for _, identity in sorted(turns)[:per_scale]]
    return chosen


def choose_errors(predictions: Sequence[Mapping], shown: Iterable[str]) -> list[str]:
    """Choose, in the same way, from the questions that scored 0 and are not shown yet."""
    shown = set(shown)
    return choose(row for row in predictions if row["score"] == 0 and row["id"] not in shown)


def examples(
    chosen: Sequence[str], video: Sequence[dict], blind: Sequence[dict], benchmark: Benchmark | None
) -> dict[str, list[Example]]:
    """Put questions, their frames and the answers given to them together.

    Args:
        chosen: Ids.
        video: Rows of predictions.jsonl.
        blind: Rows of predictions.jsonl.
        benchmark: The questions; None where they are not at hand.

    Returns:
        By scale; `any scale` for benchmarks that state none.
    """
    rows, without = ({row["id"]: row for row in one} for one in (video, blind))
    records = {} if benchmark is None else {record["id"]: record for record in benchmark.records}
    found: dict[str, list[Example]] = {}
    for identity in tqdm(chosen, desc="gallery", unit="question"):
        row, record = rows[identity], records.get(identity)
        question = None if record is None else record["question"]
        options, frames = ([], []) if record is None else (_options(record), _frames(benchmark, record))
        example = Example(row, without.get(identity), question, options, frames)
        found.setdefault(row["scale"] or "any scale", []).append(example)
    return found


def data_uri(image: Image.Image, width: int = WIDTH) -> str:
    """Shrink an image to a width and write it as JPEG inside a `data:` address."""
    small = image.convert("RGB")
    small.thumbnail((width, width), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82)
    return _JPEG + base64.b64encode(buffer.getvalue()).decode()


def _frames(benchmark: Benchmark, record: dict) -> list[str]:
    shown = benchmark.show(record)
    return [] if shown is None else [data_uri(image) for image in shown.images]


def _options(record: dict) -> list[tuple[str, str, bool]]:
    pairs = zip(LETTERS, record["options"] or (), strict=False)
    return [(letter, text, letter == record["answer"]) for letter, text in pairs]
