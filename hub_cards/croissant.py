"""Croissant metadata (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html) of a dataset folder.

Files are named relative to `croissant.json`, so that it describes the folder on this machine and the repository alike.
Columns are described as far as the vocabulary goes: text, numbers, images, lists of them, and one level of struct.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq
from datasets import ClassLabel, Features, Image, List, Value

from evaluate_metrics.report.files import write_text
from hub_cards.dataset_folder import shards

FILE_NAME = "croissant.json"
CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
TYPES = {"string": "sc:Text", "bool": "sc:Boolean", "int32": "sc:Integer", "int64": "sc:Integer"}
TYPES |= {"float32": "sc:Float", "float64": "sc:Float"}
CONFIGS = ("all", "scenes")  # the others are parts of the first
LICENSE_PAGES = {"apache-2.0": "https://spdx.org/licenses/Apache-2.0", "mit": "https://spdx.org/licenses/MIT"}


def write_croissant(folder: Path, metadata: Mapping, name: str, card: Mapping) -> Path:
    """Write `croissant.json` beside the card.

    Args:
        folder: Of the dataset.
        metadata: YAML of its card, with `configs`.
        name: Of the dataset.
        card: What the card states: licence, language, tags.

    Returns:
        Its path.
    """
    path = folder / FILE_NAME
    text = json.dumps(croissant(folder, metadata, name, card), indent=2, ensure_ascii=False)
    write_text(path, text + "\n")
    return path


def croissant(folder: Path, metadata: Mapping, name: str, card: Mapping) -> dict:
    """Return the metadata as JSON-LD; see `write_croissant`."""
    present = [config["config_name"] for config in metadata["configs"]]
    configs = {
        config: [file for _, file in shards(folder, metadata, config)] for config in CONFIGS if config in present
    }
    licenses = card["license"] if isinstance(card["license"], list) else [card["license"]]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name,
        "description": f"{card['pretty_name']}: questions about the space in scenes, with answers computed from "
        "geometry, and the scenes themselves.",
        "license": [_license(one, card) for one in licenses],
        "inLanguage": card["language"],
        "keywords": list(card["tags"]),
        "distribution": [_file_set(config, files[0], folder) for config, files in configs.items()],
        "recordSet": [_record_set(config, files[0]) for config, files in configs.items()],
    }


def _license(identifier: str, card: Mapping) -> str:
    if identifier == "other":
        return f"{card['license_name']} ({card['license_link']})"
    if identifier.startswith("cc"):
        return f"https://spdx.org/licenses/{identifier.upper()}"
    return LICENSE_PAGES.get(identifier, identifier)


def _file_set(config: str, file: Path, folder: Path) -> dict:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-{config}",
        "name": f"files-{config}",
        "description": f"Parquet files of the config {config}.",
        "encodingFormat": "application/x-parquet",
        "includes": f"{file.parent.relative_to(folder).as_posix()}/*.parquet",
    }


def _record_set(config: str, file: Path) -> dict:
    features = Features.from_arrow_schema(pq.read_schema(file))
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": f"Rows of the config {config}.",
        "field": [field for name, feature in features.items() for field in _fields(config, name, feature)],
    }


def _fields(config: str, name: str, feature) -> Iterator[dict]:
    """Yield the description of a column; none of one that is nested deeper than the vocabulary goes."""
    repeated = isinstance(feature, List)
    inner = feature.feature if repeated else feature
    kind = _type(inner)
    if kind is None:
        return
    field = {
        "@type": "cr:Field",
        "@id": f"{config}/{name}",
        "name": name,
        "dataType": kind,
        "source": {"fileSet": {"@id": f"files-{config}"}, "extract": {"column": name}},
    }
    if repeated:
        field["repeated"] = True
    if isinstance(inner, ClassLabel):
        field["description"] = "; ".join(f"{number}: {label}" for number, label in enumerate(inner.names))
    if isinstance(inner, Image):
        field["source"]["transform"] = {"jsonPath": "bytes"}
    yield field


def _type(feature) -> str | None:
    if isinstance(feature, ClassLabel):
        return "sc:Integer"
    if isinstance(feature, Image):
        return "sc:ImageObject"
    return TYPES.get(feature.dtype) if isinstance(feature, Value) else None
