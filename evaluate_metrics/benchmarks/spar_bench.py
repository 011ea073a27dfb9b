"""SPAR-Bench: Parquet in `data/`, one or several images per question, options in the text of the question."""

from pathlib import Path

from dataset_builders.importers.reading import Reading, read_text
from dataset_builders.sources.fields import require
from evaluate_metrics.benchmarks.base import Definition, find_one, make_record
from evaluate_metrics.benchmarks.media import ImageRow
from evaluate_metrics.benchmarks.tables import read_rows

FILES = ("data/test-*.parquet", "test-*.parquet")
CHOOSE = "Answer with the option's letter from the given choices directly."
NUMBER = "Please answer the question using a single word or phrase."
BOXES = (
    "The values represent the bounding box coordinates normalized to a 0-1000 scale, with the top-left corner as the "
    "origin of the image."
)
NUMBERS = ("depth_prediction", "distance_prediction")
BOXED = ("position_matching", "camera_motion_infer")
MOVES = "view_change_infer"


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions; the benchmark has one split, whatever is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    files = find_one(folder, FILES, "questions")
    return [_record(*row) for path in files for row in read_rows(path, ["image"])], files


def prompt(record: dict) -> str:
    """Write the published prompt, which depends on the task alone."""
    task, lines = record["task"], ["", record["question"]]
    if task.startswith(NUMBERS):
        return "\n".join([*lines, NUMBER])
    if task == MOVES:
        return "\n".join([*lines, "", ""])
    return "\n".join([*lines, BOXES if task in BOXED else "", CHOOSE])


def _record(content: dict, media: ImageRow, place: str) -> dict:
    question, answer, task = (require(content.get(name), str, place, name) for name in ("question", "answer", "task"))
    # A view change is a list of moves, "move_right:0.5,rotate_up:10", that the metric of the benchmark reads.
    moves = Reading(question, (), answer, "", "free_form")
    reading = moves if task == MOVES else read_text(question, answer)
    return make_record(
        id=str(content.get("id")),
        scene_id=str(content.get("id")),
        source=str(content.get("source") or ""),
        task=task,
        category=task,
        answer_type=reading.answer_type,
        question=question,
        options=list(reading.options),
        options_in_question=True,
        answer=reading.answer,
        unit=reading.unit,
        media=media,
    )


DEFINITION = Definition(
    "spar-bench",
    "jasonzhango/SPAR-Bench",
    read,
    prompt,
    f"published: the question with its options, then by task '{CHOOSE}', '{NUMBER}' or nothing",
    "spar_bench",
)
