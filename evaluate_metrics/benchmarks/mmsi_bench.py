"""MMSI-Bench: `MMSI_Bench.parquet`, several images per question, options in the text of the question."""

from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.importers.reading import read_text
from dataset_builders.sources.fields import require
from evaluate_metrics.benchmarks.base import Definition, find_one, make_record
from evaluate_metrics.benchmarks.media import ImageRow
from evaluate_metrics.benchmarks.tables import read_rows

FILES = ("MMSI_Bench.parquet", "test-*.parquet", "data/test-*.parquet")
CHOOSE = "Answer with the option's letter from the given choices directly. Enclose the option's letter within ``."


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions; the benchmark has one split, whatever is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    files = find_one(folder, FILES, "questions")
    return [_record(*row) for path in files for row in read_rows(path, ["images"])], files


def prompt(record: dict) -> str:
    """Write the published prompt; the question holds its options."""
    return f"{record['question']}\n{CHOOSE}"


def _record(content: dict, media: ImageRow, place: str) -> dict:
    question, answer, kind = (
        require(content.get(name), str, place, name) for name in ("question", "answer", "question_type")
    )
    reading = read_text(question, answer)
    if reading.answer_type != "multiple_choice":
        raise InputError(place, "answer", f"is {answer!r}", "give the letter of an option of the question")
    return make_record(
        id=str(content.get("id")),
        scene_id=str(content.get("id")),
        task=kind,
        category=kind,
        answer_type="multiple_choice",
        question=question.strip(),
        options=list(reading.options),
        options_in_question=True,
        answer=reading.answer,
        media=media,
    )


DEFINITION = Definition(
    "mmsi-bench",
    "RunsenXu/MMSI-Bench",
    read,
    prompt,
    f"published: the question with its options, then '{CHOOSE}'",
    "mmsi_bench",
)
