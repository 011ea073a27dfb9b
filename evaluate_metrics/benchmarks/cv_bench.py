"""CV-Bench: `test_2d.parquet` and `test_3d.parquet`, one image per question."""

from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.record import LETTERS
from dataset_builders.sources.fields import require
from evaluate_metrics.benchmarks.base import Definition, find_one, lettered, make_record
from evaluate_metrics.benchmarks.media import ImageRow
from evaluate_metrics.benchmarks.tables import read_rows

FILES = ("test_[23]d.parquet", "test-*.parquet")
SELECT = "Select from the following choices."
CHOOSE = "Answer with the option's letter from the given choices directly."


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions; the benchmark has one split, whatever is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    files = find_one(folder, FILES, "questions")
    return [_record(*row) for path in files for row in read_rows(path, ["image"])], files


def prompt(record: dict) -> str:
    """Write question and choices as the published column `prompt` has them, then what form of answer is wanted."""
    choices = lettered(record["options"], "({letter}) {option}")
    return "\n".join([f"{record['question']} {SELECT}", *choices, CHOOSE])


def read_letter(answer: object, num_options: int, place) -> str:
    """Read an answer like "(B)".

    Raises:
        InputError: if it is no letter of an option.
    """
    letter = require(answer, str, place, "answer").strip().strip("()")
    if len(letter) != 1 or letter not in LETTERS[:num_options]:
        raise InputError(place, "answer", f"is {answer!r}", f"give the letter of one of the {num_options} choices")
    return letter


def _record(content: dict, media: ImageRow, place: str) -> dict:
    question, task = (require(content.get(name), str, place, name) for name in ("question", "task"))
    options = [str(choice) for choice in require(content.get("choices"), list, place, "choices")]
    return make_record(
        id=f"{content.get('type')}-{content.get('idx')}",
        scene_id=str(content.get("source_filename") or content.get("filename") or content.get("idx")),
        source=str(content.get("source") or ""),
        task=task,
        category=task,
        answer_type="multiple_choice",
        question=question,
        options=options,
        answer=read_letter(content.get("answer"), len(options), place),
        media=media,
    )


DEFINITION = Definition(
    "cv-bench",
    "nyu-visionx/CV-Bench",
    read,
    prompt,
    f"published: the question, '{SELECT}', choices as lines '(A) …'; then '{CHOOSE}'",
    "cv_bench",
)
