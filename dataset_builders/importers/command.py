"""Published file → dataset folder: `python -m dataset_builders import`."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from dataset_builders.card import write_card
from dataset_builders.errors import InputError
from dataset_builders.importers import FORMATS
from dataset_builders.importers.base import Format, to_record, to_scene
from dataset_builders.record import QUESTION_FEATURES, SCENE_FEATURES
from dataset_builders.report import BuildReport
from dataset_builders.splits import SPLITS
from dataset_builders.staging import staged_folder
from dataset_builders.taxonomy import SCALE_NAMES
from dataset_builders.turns import transcript
from dataset_builders.writer import PartWriter

EXAMPLE = "example: python -m dataset_builders import --format vsibench --input eval.json --output build/vsibench"
FEATURES = {"questions": (QUESTION_FEATURES, 2000), "scenes": (SCENE_FEATURES, 16)}


def import_dataset(
    format_name: str, input_file: Path | str, output: Path | str, split: str | None = None, scale: str | None = None
) -> BuildReport:
    """Turn a published file into a dataset folder, which appears complete or not at all.

    Args:
        format_name: A key of `FORMATS`.
        input_file: The file; masks that its rows name are looked for in its folder.
        output: New folder.
        split: Of all rows; that which the format is meant for if None.
        scale: Of rows that state none.

    Returns:
        The counts that also are in build_report.json.

    Raises:
        InputError: naming file, row and field of what cannot be used.
    """
    known = FORMATS[format_name]
    split = split or known.split
    report = BuildReport(format_name, {"format": format_name, "split": split, "scale": scale, "seed": None})
    with staged_folder(output) as folder:
        with ExitStack() as stack:
            writers = {
                (config, name): stack.enter_context(
                    PartWriter(folder / config / f"{split}-{name}-00000-of-00001.parquet", *FEATURES[config])
                )
                for config in FEATURES
                for name in SCALE_NAMES
            }
            for config, row in _converted(known, Path(input_file), split, scale, report):
                writers[config, row["scale"]].write(row)
        if not report.questions:
            raise InputError(input_file, "file", "has no rows", "give a file with questions")
        content = report.to_json()
        (folder / "build_report.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        write_card(folder, content, _card_body(content))
    return report


def add_import(import_command: argparse.ArgumentParser) -> None:
    """Give the parser of the command its arguments."""
    add = import_command.add_argument
    add("--format", required=True, choices=list(FORMATS), help="how the file is laid out")
    add("--input", required=True, type=Path, metavar="FILE", help="the published file")
    add("--output", required=True, metavar="DIR", help="new folder; appears complete or not at all")
    add("--split", choices=SPLITS, help="of all rows (default: train for training sets, test for benches)")
    add("--scale", choices=SCALE_NAMES, help="of rows that state none")
    import_command.set_defaults(command=_import)


def _import(arguments: argparse.Namespace) -> None:
    report = import_dataset(arguments.format, arguments.input, arguments.output, arguments.split, arguments.scale)
    sys.stdout.write(f"{report.text().rstrip()}\n\n{arguments.output}\n")


def _converted(
    known: Format, path: Path, split: str, scale: str | None, report: BuildReport
) -> Iterator[tuple[str, dict]]:
    """Yield (config, row) and count."""
    scenes, asked_before = set(), set()
    for row in known.read(path):
        record = to_record(known.convert(row, path.parent), row, known.name, scale)
        report.add_questions(split, [record])
        scene = (record["source"], record["scene_id"])
        if scene not in scenes:
            scenes.add(scene)
            report.scenes[split] += 1
            report.licenses[record["source"], record["license"]] += 1
        asked_before.add(hash((scene, transcript(record))))
        yield "questions", record
        scene_row = to_scene(record, row)
        if scene_row is not None:
            yield "scenes", scene_row
    report.repeated = report.splits.total() - len(asked_before)


def _card_body(report: dict) -> str:
    arguments = report["arguments"]
    tasks = "\n".join(f"| {task} | {count} |" for task, count in report["by_task"].items())
    sources = "\n".join(f"- {source}: {terms}" for source, terms in report["licenses"].items())
    words = [f"--{name} {arguments[name]}" for name in ("format", "split", "scale") if arguments[name] is not None]
    return f"""
# Imported spatial questions

{report["num_questions"]} questions about {report["num_scenes"]} scenes, imported from the published format
`{report["source"]}`. Questions, answers and marks are the publisher's; `provenance` keeps each published row as it
was, and `dataset_builders.importers.export` gives it back.

| task | questions |
|---|---|
{tasks}

Sources and licences:

{sources}

Imported with `python -m dataset_builders import {" ".join(words)} --input FILE --output DIR`
(SpaceVista {report["engine"]}).
"""
