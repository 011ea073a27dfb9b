"""Scenes whose terms forbid handing them on: found before publishing, or taken out with a manifest in their place.

Questions about them are our own words and stay. Their frames go, and, where annotations have no licence of their own,
cameras and boxes too. The manifest says where to fetch the scenes and how to build the complete dataset from them.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from dataset_builders.card import build_command, write_card
from dataset_builders.errors import InputError
from dataset_builders.staging import staged_folder
from hub_cards.dataset_card import MANIFEST, STARTERS, write_dataset_card
from hub_cards.dataset_folder import open_dataset, shards
from hub_cards.licenses import Terms, read_terms

GEOMETRY = ("intrinsics", "camera_to_world", "objects")


def check_redistribution(folder: Path, metadata: dict) -> None:
    """Refuse a dataset that holds frames or geometry which must not be handed on.

    Args:
        folder: Of the dataset.
        metadata: YAML of its card.

    Raises:
        InputError: naming the source, its terms and the command that takes them out.
    """
    for file, batch in _batches(folder, metadata):
        for row in batch.select(["scene_id", "source", "license", *_lengths(batch)]).to_pylist():
            terms = read_terms(row["license"], row["source"])
            held = [name for name in _withheld(terms) if row.get(name)]
            if held:
                where = f" (terms: {terms.source.url})" if terms.source else ""
                problem = f"holds {', '.join(held)} of {row['source']}, whose terms do not let them be handed on: "
                fix = "take them out with `python -m hub_cards withhold`, which leaves a manifest in their place"
                raise InputError(file, f"scene {row['scene_id']}", f"{problem}{terms.text}{where}", fix)


def withhold(folder: Path, output: Path) -> Path:
    """Write a dataset that may be published: as it was, without what its sources keep to themselves.

    Args:
        folder: A dataset folder.
        output: New folder; it appears complete or not at all.

    Returns:
        `output`.

    Raises:
        InputError: if it is no dataset, nothing in it has to be withheld, or `output` cannot be written.
    """
    data = open_dataset(folder)
    with staged_folder(output) as staged:
        ignored = shutil.ignore_patterns("scenes", ".*", "README.md", MANIFEST)
        shutil.copytree(folder, staged, ignore=ignored, dirs_exist_ok=True)
        (staged / "scenes").mkdir()
        files = shards(folder, data.metadata, "scenes")
        scenes = [row for split, file in files for row in _rewrite(split, file, staged / "scenes")]
        if not scenes:
            problem = "has no scene whose terms forbid handing it on"
            raise InputError(folder, "licenses", problem, "publish the folder as it is")
        manifest = json.dumps(_manifest(scenes, data.report), indent=1)
        (staged / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
        write_card(staged, data.report, f"\n{STARTERS[0]}\n")
        write_dataset_card(staged, Path(output).resolve().name)
    return Path(output)


def _withheld(terms: Terms) -> tuple[str, ...]:
    frames = ("frames",) if terms.frames_withheld else ()
    return (*frames, *GEOMETRY, "room_size") if terms.geometry_withheld else frames


def _batches(folder: Path, metadata: dict) -> Iterator[tuple[Path, pa.RecordBatch]]:
    if all(config["config_name"] != "scenes" for config in metadata["configs"]):
        return
    for _, file in shards(folder, metadata, "scenes"):
        try:
            with pq.ParquetFile(file) as table:
                for batch in table.iter_batches(batch_size=64):
                    yield file, batch
        except (OSError, pa.ArrowException) as error:
            raise InputError(file, "Parquet", f"cannot be read ({error})", "build the dataset again") from error


def _lengths(batch: pa.RecordBatch) -> list[str]:
    return [name for name in ("frames", *GEOMETRY, "room_size") if name in batch.schema.names]


def _rewrite(split: str, file: Path, target: Path) -> Iterator[dict]:
    """Write a shard without what is withheld; yield the manifest's row of each scene that something is taken from."""
    with pq.ParquetFile(file) as table, pq.ParquetWriter(target / file.name, table.schema_arrow) as writer:
        for batch in table.iter_batches(batch_size=16):
            rows = batch.to_pylist()
            for row in rows:
                terms = read_terms(row["license"], row["source"])
                if names := _withheld(terms):
                    yield _manifest_row(row, split, terms)
                    row |= {name: None if name == "room_size" else [] for name in names}
            writer.write_batch(pa.RecordBatch.from_pylist(rows, batch.schema))


def _manifest_row(row: dict, split: str, terms: Terms) -> dict:
    frames = [frame["bytes"] for frame in row["frames"]]
    size = Image.open(io.BytesIO(frames[0])).size if frames else None
    return {
        "source": row["source"],
        "license": row["license"],
        "obligations": sorted(terms.obligations),
        "url": terms.source.url if terms.source else None,
        "scene_id": row["scene_id"],
        "split": split,
        "withheld": list(_withheld(terms)),
        "frame_size": list(size) if size else None,
        "frames_sha256": [hashlib.sha256(frame).hexdigest() for frame in frames],
    }


def _manifest(scenes: list[dict], report: dict) -> dict:
    command = build_command(report["arguments"]) if "source" in report["arguments"] else None
    return {
        "about": "Scenes whose terms do not let their frames be handed on. Accept the terms at `url`, fetch the "
        "scenes there, and give the command below: it writes the complete dataset, the same questions under the same "
        "ids. `frames_sha256` are the hashes of its frames, in their order.",
        "command": command,
        "engine": report["engine"],
        "scenes": scenes,
    }
