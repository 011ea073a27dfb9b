"""3DSRBench: the table for VLMEvalKit, tab-separated, one image in base64 per question.

In the circular table a question is there once per shift of its options, `qid` telling which, and some again with the
image flipped. The questions about one image are one scene.
"""

import csv
import sys
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.record import LETTERS
from dataset_builders.sources.fields import require
from evaluate_metrics.benchmarks.base import Definition, find_one, lettered, make_record
from evaluate_metrics.benchmarks.media import EncodedImage

FILES = ("3dsrbench_v1_vlmevalkit_circular.tsv", "3dsrbench_v1_vlmevalkit.tsv", "3DSRBench.tsv")
CHOOSE = "Please select the correct answer from the options above."
BASE_ID = 8
"""Characters of `qid` that name the question whatever its shift or flip."""


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions; the benchmark has one split, whatever is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    path = find_one(folder, FILES, "questions")[0]
    csv.field_size_limit(sys.maxsize)  # an image is longer than the default allows
    images: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(enumerate(csv.DictReader(stream, delimiter="\t")))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            path, "file", f"cannot be read ({error})", "copy the file again, it may be truncated"
        ) from None
    for _, content in rows:
        images[content.get("index") or ""] = content.get("image") or ""
    return [_record(content, images, f"{path.name} row {number}") for number, content in rows], [path]


def prompt(record: dict) -> str:
    """Write the prompt of VLMEvalKit, with which the published table is used."""
    options = lettered(record["options"], "{letter}. {option}")
    return "\n".join([f"Question: {record['question']}", "Options:", *options, CHOOSE])


def _record(content: dict, images: dict[str, str], place: str) -> dict:
    index, question, answer, category, identity = (
        require(content.get(name), str, place, name) for name in ("index", "question", "answer", "category", "qid")
    )
    options = [content[letter] for letter in LETTERS if content.get(letter)]
    if answer not in LETTERS[: len(options)]:
        raise InputError(place, "answer", f"is {answer!r}", f"give the letter of one of the {len(options)} options")
    # A cell that is the index of another row stands for the image of that row.
    image = content.get("image") or ""
    image = images[image] if image in images else image
    if not image:
        raise InputError(place, "image", "is missing", "take the table that holds the images")
    return make_record(
        id=identity,
        scene_id=identity[:BASE_ID],
        source=str(content.get("image_source") or ""),
        task=category,
        category=category,
        answer_type="multiple_choice",
        question=question,
        options=options,
        answer=answer,
        media=EncodedImage(image),
    )


DEFINITION = Definition(
    "3dsr-bench",
    "ccvl/3DSRBench",
    read,
    prompt,
    f"of VLMEvalKit: 'Question: …', 'Options:', options as lines 'A. …', '{CHOOSE}'",
    "three_dsr_bench",
)
