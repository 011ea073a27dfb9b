"""Questions of the report with the frames that the model saw, a few per scale, chosen without looking at scores."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

from datasets import Dataset, load_dataset
from PIL import Image
from tqdm import tqdm

from dataset_builders.conversation import FrameStore
from dataset_builders.record import LETTERS
from dataset_builders.taxonomy import SCALE_NAMES
from hub_cards.results import Results

PER_SCALE = 3
WIDTH = 336


def choose(predictions: Iterable[dict], per_scale: int = PER_SCALE) -> list[str]:
    """Choose question ids: at each scale the first of each task by id, tasks in turn; outcomes play no part.

    >>> rows = [{"id": i, "scale": "indoor", "task": t} for i, t in (("a", "x"), ("b", "x"), ("c", "y"))]
    >>> choose(rows, per_scale=2)
    ['a', 'c']
    """
    chosen = []
    rows = {row["id"]: row for row in predictions}
    for scale in SCALE_NAMES:
        seen: dict[str, int] = {}
        turns = []
        for row in sorted((row for row in rows.values() if row["scale"] == scale), key=lambda row: row["id"]):
            seen[row["task"]] = seen.get(row["task"], 0) + 1
            turns.append((seen[row["task"]], row["id"]))
        chosen += [identity for _, identity in sorted(turns)[:per_scale]]
    return chosen


def examples(dataset: Path, results: Results) -> dict[str, list[dict]]:
    """Put chosen questions, their frames and the answers given to them together.

    Args:
        dataset: The dataset folder that was evaluated.
        results: The evaluation.

    Returns:
        By scale, per question: `record` (the row, labels as names), `frames` (data URIs), `options` (letter, text,
        right) and `video`, `blind` (rows of predictions.jsonl).
    """
    split = results.data["split"]
    answers = {(row["id"], row["condition"]): row for row in results.predictions()}
    questions = load_dataset(str(dataset), "all", split=split)
    places = {identity: place for place, identity in enumerate(questions["id"])}
    chosen = choose(row for (_, condition), row in answers.items() if condition == "video")
    store = FrameStore(str(dataset), split, results.data["settings"]["num_frames"], cache_size=1)
    found: dict[str, list[dict]] = {}
    for identity in tqdm(chosen, desc="gallery", unit="question"):
        record = _named(questions, places[identity])
        frames = [data_uri(frame) for frame in store.frames(record) or ()]
        conditions = {name: answers.get((identity, name)) for name in ("video", "blind")}
        item = {"record": record, "frames": frames, "options": _options(record), **conditions}
        found.setdefault(record["scale"], []).append(item)
    return found


def data_uri(image: Image.Image, width: int = WIDTH) -> str:
    """Shrink an image to a width and write it as JPEG inside a `data:` address."""
    small = image.convert("RGB")
    small.thumbnail((width, width), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _named(questions: Dataset, place: int) -> dict:
    record = dict(questions[place])
    for name in ("scale", "task", "answer_type", "prompt_type"):
        record[name] = questions.features[name].int2str(record[name])
    return record


def _options(record: dict) -> list[tuple[str, str, bool]]:
    pairs = zip(LETTERS, record["options"] or (), strict=False)
    return [(letter, text, letter == record["answer"]) for letter, text in pairs]
