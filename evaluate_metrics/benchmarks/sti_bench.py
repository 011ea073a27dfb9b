"""STI-Bench: `qa.parquet`, and the videos of `video.zip`, unpacked."""

import json
from pathlib import Path

from dataset_builders.errors import InputError
from dataset_builders.importers.rows import Row, read_parquet
from dataset_builders.record import LETTERS
from dataset_builders.sources.fields import require
from evaluate_metrics.benchmarks.base import Definition, find_one, lettered, make_record, member
from evaluate_metrics.benchmarks.media import VideoFile


def read(folder: Path, split: str) -> tuple[list[dict], list[Path]]:
    """Read the questions; the benchmark has one split, whatever is asked for.

    Raises:
        InputError: naming the row and field that cannot be used.
    """
    files = find_one(folder, ("qa.parquet",), "questions")
    return [_record(row, folder) for row in read_parquet(files[0])], files


def prompt(record: dict) -> str:
    """Write the published prompt; it tells the rate of the frames, if several of a video are shown."""
    rate = record["sampling_rate"]
    sampled = "" if rate is None else f", which are sampled at about {rate:.2f} FPS"
    return "\n".join(
        [
            f"Answer the question below based on the frames provided{sampled}.",
            f"Question: {record['question']}",
            *lettered(record["options"], "{letter} {option}"),
            "Please output only the option you choose!",
        ]
    )


def _record(row: Row, folder: Path) -> dict:
    content, place = row.content, row.place
    video, task, text, answer = (require(content.get(name), str, place, name) for name in _TEXTS)
    options = _options(content.get("Candidates"), place)
    if answer.strip() not in LETTERS[: len(options)]:
        raise InputError(place, "Answer", f"is {answer!r}", f"give the letter of one of the {len(options)} candidates")
    start, end = content.get("time_start"), content.get("time_end")
    name = video if (folder / video).is_file() else f"video/{video}"
    return make_record(
        id=f"{video}|{content.get('ID')}|{start}|{end}",  # what the published scripts join by
        scene_id=video,
        source=str(content.get("Source") or ""),
        task=task,
        category=task,
        answer_type="multiple_choice",
        question=f"From {start} seconds to {end} seconds. {text}",
        options=options,
        answer=answer.strip(),
        media=VideoFile(member(folder, name, place)),
    )


def _options(candidates: object, place) -> list[str]:
    """Read the candidates, an object by letter or the JSON of one; letters of no candidate are null."""
    if isinstance(candidates, str):
        try:
            candidates = json.loads(candidates)
        except ValueError:
            raise InputError(place, "Candidates", "is not complete JSON", "give an object by letter") from None
    given = {key: value for key, value in require(candidates, dict, place, "Candidates").items() if value is not None}
    if list(given) != list(LETTERS[: len(given)]) or len(given) < 2:
        raise InputError(place, "Candidates", f"have the letters {', '.join(given)}", "give A, B and so on")
    return [str(value) for value in given.values()]


_TEXTS = ("Video", "Task", "Question", "Answer")
DEFINITION = Definition(
    "sti-bench",
    "MINT-SJTU/STI-Bench",
    read,
    prompt,
    "published: the rate at which the frames shown are sampled, the question with its seconds and candidates, then "
    "'Please output only the option you choose!'",
    "sti_bench",
)
