"""VSI-Bench (`test.jsonl` or Parquet, videos as `<dataset>/<scene_name>.mp4`) and its debiased version.

The debiased version leaves out the questions that `pruned_ids.txt` of the same repository lists, or whose column
`pruned` is true.
"""

from functools import partial
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.importers import vsibench
from dataset_builders.importers.base import to_record
from dataset_builders.importers.rows import read_json, read_parquet
from evaluate_metrics.benchmarks.base import Definition, find_one, lettered, make_record, member
from evaluate_metrics.benchmarks.media import VideoFile

FILES = ("test.jsonl", "test.parquet", "test-*.parquet", "eval_vsibench.json")
OPENING = "These are frames of a video."
CHOOSE = "Answer with the option's letter from the given choices directly."
NUMBER = "Please answer the question using a single word or phrase."


def read(folder: Path, split: str, debiased: bool = False) -> tuple[list[dict], list[Path]]:
    """Read the questions; the benchmark has one split, whatever is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    files = find_one(folder, FILES, "questions")
    rows = [row for path in files for row in (read_parquet if path.suffix == ".parquet" else read_json)(path)]
    if debiased:
        rows, more = _unbiased(rows, folder)
        files = [*files, *more]
    records = []
    for row in rows:
        asked = vsibench.convert(row, folder)
        changed = {
            "id": str(asked.original_id),
            "category": asked.original_task,
            "media": VideoFile(member(folder, f"{asked.source}/{asked.scene_id}.mp4", row.place)),
        }
        records.append(make_record(**to_record(asked, row, vsibench.FORMAT.name) | changed))
    return records, files


def prompt(record: dict) -> str:
    """Write the prompt of the published evaluation."""
    if not record["options"]:
        return "\n".join([OPENING, record["question"], NUMBER])
    return "\n".join(
        [OPENING, record["question"], "Options:", *lettered(record["options"], "{letter}. {option}"), CHOOSE]
    )


def _unbiased(rows: list, folder: Path) -> tuple[list, list[Path]]:
    listed = folder / "pruned_ids.txt"
    if listed.is_file():
        pruned = set(listed.read_text(encoding="utf-8").split())
        return [row for row in rows if str(row.content.get("id")) not in pruned], [listed]
    if not all(isinstance(row.content.get("pruned"), bool) for row in rows):
        fix = "take both from the repository of VSI-Bench"
        raise InputError(folder, "pruned_ids.txt", "is missing, and the questions have no column pruned", fix)
    return [row for row in rows if not row.content["pruned"]], []


_WORDING = f"'{OPENING}', the question, its options as lines 'A. …', '{CHOOSE}' or '{NUMBER}' (published)"
_REPOSITORY = "nyu-visionx/VSI-Bench"
DEFINITION = Definition("vsi-bench", _REPOSITORY, read, prompt, _WORDING, "vsi_bench")
DEBIASED = Definition("vsi-bench-debiased", _REPOSITORY, partial(read, debiased=True), prompt, _WORDING, "vsi_bench")
