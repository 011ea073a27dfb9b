"""The card of a dataset folder: every number in it is counted from the Parquet files themselves."""

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import ClassLabel, DatasetInfo, Features, List, SplitDict, SplitInfo, Value
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData

from dataset_builders.card import build_command
from dataset_builders.conversation import prompt_text
from dataset_builders.record import LETTERS, QUESTION_FEATURES, SCENE_FEATURES
from dataset_builders.taxonomy import SCALE_NAMES, SCALES, TASK_NAMES
from evaluate_metrics.report.files import field, write_text
from evaluate_metrics.report.templating import words
from hub_cards.croissant import write_croissant
from hub_cards.dataset_folder import SPLITS, DatasetFolder, count, open_dataset, present, shards
from hub_cards.hand_written import keep
from hub_cards.licenses import license_metadata, read_terms, strictest
from hub_cards.pictures import dataset_pictures, write_pictures
from hub_cards.templating import render

# What the cards of `python -m dataset_builders` begin with.
STARTERS = ("# Spatial questions with computed answers", "# Imported spatial questions")
MANIFEST = "fetch_manifest.json"

QUESTION_FIELDS = {
    "id": "hash of scene, task and parameters; the same question always gets the same id",
    "scene_id": "the scene asked about: a row of the config `scenes`",
    "source": "where the scene comes from",
    "license": "terms of the underlying data",
    "scale": "one of five, from millimetres to hundreds of metres",
    "task": "one of the 19 tasks",
    "answer_type": "how the answer is scored",
    "prompt_type": "how the question points at things",
    "question": "the text, without options",
    "options": "texts of the options, empty for a number",
    "answer": "the letter of the right option, or the number in `unit`",
    "unit": "unit of a number, empty for counts and choices",
    "regions": "marks that are drawn on frames; pixels of that frame",
    "anchors": "names of the objects and size of the scene, which the reward checks",
    "rationale": "the computation in words",
    "video": "`scene_id` of the row that holds the frames, null where the source has none",
    "key_frames": "frames that the question cannot do without",
    "provenance": "JSON: rule, measured values, margins, wording, engine version",
    "turns": "questions that follow in a conversation about the same frames, empty where none does",
}
SCENE_FIELDS = {
    "scene_id": "unique within the source",
    "source": "where the scene comes from",
    "license": "terms of the underlying data",
    "scale": "one of five",
    "room_size": "square metres of floor, null where the scene is no room",
    "frames": "images in temporal order",
    "intrinsics": "3×3 per frame, pixels; pixel (0, 0) is the centre of the top left pixel",
    "camera_to_world": "4×4 per frame, metres; camera x right, y down, z forward; world Z up",
    "objects": "oriented boxes: centre and full lengths in metres, rows of `rotation` are the box's axes",
}
SIZES = [(10**power, label) for power, label in ((3, "n<1K"), (4, "1K<n<10K"), (5, "10K<n<100K"), (6, "100K<n<1M"))]


def write_dataset_card(path: Path, name: str | None = None) -> Path:
    """Write the full card of a dataset folder over its README.md, with pictures and Croissant metadata beside it.

    Args:
        path: A folder that `python -m dataset_builders build` wrote.
        name: Of the dataset; that of the folder if None.

    Returns:
        The path of the card.

    Raises:
        InputError: if the folder is no dataset or cannot be written, or its card holds text that would be lost.
    """
    data = open_dataset(path)
    name = name or data.path.resolve().name
    card = data.path / "README.md"
    example = data.example()
    pictures = dataset_pictures(task_rows(data), scale_rows(data), data.scales)
    text = render(
        "dataset_card.md.jinja",
        metadata=metadata(data, name).to_yaml(),
        data=data,
        name=name,
        pictures=pictures,
        command=build_command(field(data.report, "arguments", data.path / "build_report.json")),
        engine=field(data.report, "engine", data.path / "build_report.json"),
        seed=field(data.report, "seed", data.path / "build_report.json"),
        task_rows=task_rows(data),
        scale_rows=scale_rows(data),
        letters=letter_rows(data),
        sources=source_rows(data),
        question_fields=_described(QUESTION_FEATURES, QUESTION_FIELDS),
        scene_fields=_described(SCENE_FEATURES, SCENE_FIELDS),
        example=_as_text(example),
        skipped=data.report.get("skipped", {}),
        shortcuts=data.report.get("shortcuts", {}),
        margins=[(words(scale), SCALES[scale].margin) for scale in data.scales],
        splits=split_rows(data),
        obligations=sorted(strictest(map(read_terms, data.terms))),
        withheld=(data.path / MANIFEST).is_file(),
        limits=limits(data),
    )
    text = keep(card, text, STARTERS)
    write_pictures(data.path, pictures)
    write_croissant(data.path, data.metadata, name, metadata(data, name).to_dict())
    write_text(card, text)
    return card


def metadata(data: DatasetFolder, name: str) -> DatasetCardData:
    """Return the YAML of the card; `configs` and whatever else the builder wrote stay as they are."""
    num_questions = len(data.questions)
    ours = {
        "pretty_name": f"SpaceVista: {name}",
        "language": ["en"],
        "task_categories": ["visual-question-answering", "video-text-to-text"],
        "size_categories": [next((label for size, label in SIZES if num_questions < size), "1M<n<10M")],
        "tags": ["spatial-reasoning", "spacevista", "3d", *(words(scale).replace(" ", "-") for scale in data.scales)],
    }
    kept = {name: value for name, value in data.metadata.items() if not name.startswith("license")}
    result = DatasetCardData(**kept | ours | license_metadata(data.terms))
    result.pop("dataset_info", None)
    DatasetInfosDict({info.config_name: info for info in dataset_infos(data)}).to_dataset_card_data(result)
    return result


def dataset_infos(data: DatasetFolder) -> list[DatasetInfo]:
    """Return features, splits and sizes of every config, by which the Hub types columns without reading files."""
    infos = []
    for config in data.metadata["configs"]:
        files = shards(data.path, data.metadata, config["config_name"])
        splits: dict[str, SplitInfo] = {}
        for split, file in files:
            footer = pq.read_metadata(file)
            info = splits.setdefault(split, SplitInfo(split))
            info.num_examples += footer.num_rows
            info.num_bytes += sum(footer.row_group(group).total_byte_size for group in range(footer.num_row_groups))
        named = SplitDict()
        for info in splits.values():
            named.add(info)
        infos.append(
            DatasetInfo(
                config_name=config["config_name"],
                features=Features.from_arrow_schema(pq.read_schema(files[0][1])),
                splits=named,
                download_size=sum(file.stat().st_size for _, file in files),
                dataset_size=sum(split.num_bytes for split in splits.values()),
            )
        )
    return infos


def split_rows(data: DatasetFolder) -> list[tuple[str, str, list[int]]]:
    """Count the questions of each source and licence per split, in the order of `data.splits`."""
    counts = count(data.questions, ["source", "license", "split"])
    return [
        (source, terms, [counts.get((source, terms, split), 0) for split in data.splits])
        for source, terms in sorted({key[:2] for key in counts})
    ]


def task_rows(data: DatasetFolder) -> list[dict]:
    """Count the questions of each task.

    Returns:
        Rows `{"task": name, "cells": [[n of each split] of each scale], "total": n}`.
    """
    counts = count(data.questions, ["task", "scale", "split"])
    rows = []
    for task in data.tasks:
        cells = [[counts.get((task, scale, split), 0) for split in data.splits] for scale in data.scales]
        rows.append({"task": task, "cells": cells, "total": sum(map(sum, cells))})
    return rows


def scale_rows(data: DatasetFolder) -> list[dict]:
    """Count scenes per split, frames, objects and questions at each scale."""
    rows = []
    for scale in present(data.scenes, "scale", SCALE_NAMES):
        scenes = data.scenes.filter(pc.field("scale") == scale)
        splits = count(scenes, ["split"])
        rows.append(
            {
                "scale": scale,
                "scenes": [splits.get((split,), 0) for split in SPLITS],
                "frames": pc.sum(scenes["num_frames"]).as_py(),
                "objects": pc.sum(scenes["num_objects"]).as_py(),
                "questions": data.questions.filter(pc.field("scale") == scale).num_rows,
            }
        )
    return rows


def letter_rows(data: DatasetFolder) -> list[dict]:
    """Count how often each letter is right, by number of options.

    Returns:
        Rows `{"options": n, "right": [count of A, count of B, …]}`.
    """
    choices = data.questions.filter(pc.field("answer_type") == "multiple_choice")
    choices = choices.append_column("size", pc.list_value_length(choices["options"]))
    counts = count(choices, ["size", "answer"])
    return [
        {"options": size, "right": [counts.get((size, letter), 0) for letter in LETTERS[:size]]}
        for size in sorted({size for size, _ in counts})
    ]


def source_rows(data: DatasetFolder) -> list[dict]:
    """Count scenes and questions of each source under each licence, with what its terms ask for and their place."""
    questions = count(data.questions, ["source", "license"])
    scenes = count(data.scenes, ["source", "license"])
    rows = []
    for (source, text), number in sorted(scenes.items()):
        terms = read_terms(text, source)
        row = {"source": source, "license": text, "scenes": number, "questions": questions.get((source, text), 0)}
        rows.append(
            row
            | {
                "obligations": sorted(terms.obligations),
                "published": terms.source.terms if terms.source else None,
                "name": terms.source.name if terms.source else None,
                "url": terms.source.url if terms.source else None,
            }
        )
    return rows


def limits(data: DatasetFolder) -> list[str]:
    """Say in sentences what this dataset cannot show, from what is in it."""
    found = []
    missing = [words(task) for task in TASK_NAMES if task not in data.tasks]
    if missing:
        found.append(f"{len(data.tasks)} of the {len(TASK_NAMES)} tasks are covered; not {', '.join(missing)}.")
    absent = [words(scale) for scale in SCALE_NAMES if scale not in data.scales]
    if absent:
        found.append(f"No questions at the scales {', '.join(absent)}.")
    if "synthetic" in data.questions["source"].to_pylist():
        found.append(
            "Scenes of the source `synthetic` are rendered from simple solids with exact geometry. Scores on them say "
            "little about photographs until they are measured there."
        )
    blind = data.questions["video"].null_count
    if blind:
        found.append(f"{blind:,} questions come from scenes without frames: their video is null.")
    for row in letter_rows(data):
        share = 100 * max(row["right"]) / sum(row["right"])
        found.append(
            f"Always answering the most frequent letter gets {share:.1f} % of the questions with {row['options']} "
            f"options right ({100 / row['options']:.1f} % would be even)."
        )
    found.append("Questions and rationales are written from templates, in English only.")
    return found


def _described(features: dict, texts: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(name, _type_name(feature), texts[name]) for name, feature in features.items()]


def _type_name(feature) -> str:
    if isinstance(feature, ClassLabel):
        return f"ClassLabel({feature.num_classes})"
    if isinstance(feature, Value):
        return feature.dtype
    if isinstance(feature, List):
        return f"List({_type_name(feature.feature)})"
    return "struct" if isinstance(feature, dict) else type(feature).__name__


def _as_text(record: dict) -> dict:
    """Return an example as the model reads it, and what is known about it."""
    known = {name: record[name] for name in ("answer", "unit", "anchors", "rationale", "video", "key_frames")}
    known["provenance"] = json.loads(record["provenance"])
    return {
        "id": record["id"],
        "title": f"{words(record['task'])}, {words(record['scale'])}",
        "prompt": prompt_text(record),
        "known": json.dumps(known, indent=2, ensure_ascii=False),
    }
