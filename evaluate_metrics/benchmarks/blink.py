"""The spatial tasks of BLINK: a folder of Parquet per task, split `val` (the answers of `test` are not published)."""

from pathlib import Path

from dataset_builders.sources.fields import require
from evaluate_metrics.benchmarks.base import Definition, find_one, make_record
from evaluate_metrics.benchmarks.cv_bench import read_letter
from evaluate_metrics.benchmarks.media import ImageRow
from evaluate_metrics.benchmarks.tables import read_rows

TASKS = (
    "Relative_Depth",
    "Spatial_Relation",
    "Multi-view_Reasoning",
    "Visual_Correspondence",
    "Object_Localization",
)
IMAGES = ("image_1", "image_2", "image_3", "image_4")


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions of the spatial tasks, whatever split is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    files = [path for task in TASKS for path in find_one(folder, (f"{task}/val-*.parquet",), f"task {task}")]
    return [_record(path.parent.name, *row) for path in files for row in read_rows(path, IMAGES)], files


def prompt(record: dict) -> str:
    """Write the published prompt, which holds the options."""
    return record["question"]


def _record(task: str, content: dict, media: ImageRow, place: str) -> dict:
    options = [str(choice) for choice in require(content.get("choices"), list, place, "choices")]
    identity = require(content.get("idx"), str, place, "idx")
    return make_record(
        id=identity,
        scene_id=identity,
        task=task,
        category=task,
        answer_type="multiple_choice",
        question=require(content.get("prompt"), str, place, "prompt"),
        options=options,
        options_in_question=True,
        answer=read_letter(content.get("answer"), len(options), place),
        media=media,
    )


DEFINITION = Definition(
    "blink", "BLINK-Benchmark/BLINK", read, prompt, "published: the column prompt, as it is", "blink"
)
