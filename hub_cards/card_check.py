"""Is a card what the Hub takes? The part of its check that needs no network, and what a folder must hold beside it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import yaml
from huggingface_hub import DatasetCard, ModelCard, SpaceCard
from huggingface_hub.constants import SPACES_SDK_TYPES
from huggingface_hub.repocard_data import model_index_to_eval_results

from dataset_builders.errors import InputError
from evaluate_metrics.report.files import require
from evaluate_metrics.report.results import check_model, open_results
from hub_cards.dataset_folder import count_rows, open_metadata, shards
from hub_cards.licenses import HUB_LICENSES, license_metadata
from hub_cards.metric_bundle import PACKAGES, imported
from hub_cards.model_folder import SAVE, open_model
from hub_cards.safety import check_imports
from hub_cards.withholding import check_redistribution

CARDS = {"model": ModelCard, "dataset": DatasetCard, "metric": SpaceCard, "space": SpaceCard}
# https://huggingface.co/docs/hub/spaces-config-reference
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
LONGEST_DESCRIPTION = 60
WRITE = "write the card with `python -m hub_cards {kind}`"


def check_card(kind: str, folder: Path) -> dict:
    """Check the card of a folder and that the folder is what the card says.

    Args:
        kind: Of the repository.
        folder: Of the repository.

    Returns:
        The metadata of the card.

    Raises:
        InputError: if the folder is no such repository or the Hub would refuse its card.
    """
    card = require(folder / "README.md", kind, WRITE.format(kind=kind))
    try:
        text = card.read_text(encoding="utf-8")
        metadata = CARDS[kind](text).data.to_dict()
        json.dumps(metadata, default=str)
    except (OSError, yaml.YAMLError, ValueError, TypeError, KeyError) as error:
        problem = f"is not valid ({' '.join(str(error).split())})"
        raise InputError(card, "metadata", problem, WRITE.format(kind=kind)) from error
    if not metadata:
        raise InputError(card, "metadata", "is missing", WRITE.format(kind=kind))
    {"model": _model, "dataset": _dataset, "metric": _metric, "space": _space}[kind](folder, card, metadata)
    return metadata


def check_license(card: Path, metadata: Mapping) -> None:
    """Refuse a card that states no licence, or one that the Hub does not know without saying what it is.

    Raises:
        InputError: naming it.
    """
    stated = metadata.get("license")
    known = ", ".join(sorted(HUB_LICENSES))
    if not stated:
        raise InputError(card, "license", "is missing", f"state one of {known}, or other")
    for one in stated if isinstance(stated, list) else [stated]:
        if one == "other" and not (metadata.get("license_name") and metadata.get("license_link")):
            raise InputError(card, "license", "is other without license_name and license_link", "state both")
        if one != "other" and one not in HUB_LICENSES:
            raise InputError(card, "license", f"is {one!r}", f"state one of {known}, or other")


def _model(folder: Path, card: Path, metadata: dict) -> None:
    check_license(card, metadata)
    config = open_model(folder).config
    for name in sorted({entry.split(".")[0] for entry in config.get("auto_map", {}).values()}):
        require(folder / f"{name}.py", "model that loads by itself", SAVE)
    for path in folder.glob("*.py"):
        check_imports(path, path.name, imported(path), PACKAGES)
    if "model-index" not in metadata:
        return
    try:
        model_index_to_eval_results(metadata["model-index"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(card, "model-index", f"is not valid ({error!r})", WRITE.format(kind="model")) from error
    # What scores stand on lies beside the card, so that a card of an earlier revision is noticed.
    check_model(open_results(folder), folder)


def _dataset(folder: Path, card: Path, metadata: dict) -> None:
    check_license(card, metadata)
    metadata = open_metadata(folder)
    for config in metadata["configs"]:
        shards(folder, metadata, config["config_name"])
    check_redistribution(folder, metadata)
    terms = license_metadata(_terms(folder, metadata))
    if metadata.get("license") != terms["license"] and terms["license"] != "other":
        problem = f"is {metadata.get('license')!r}, and the strictest terms of its rows are {terms['license']!r}"
        raise InputError(card, "license", problem, WRITE.format(kind="dataset"))
    if terms["license"] == "other" and metadata.get("license") != "other":
        raise InputError(card, "license", f"is {metadata['license']!r}, and its rows say more", "state other")
    for info in metadata.get("dataset_info", []):
        rows = count_rows(folder, metadata, info["config_name"])
        stated = {split["name"]: split["num_examples"] for split in info["splits"]}
        if stated != rows:
            raise InputError(card, "dataset_info", f"counts {stated}, the files {rows}", WRITE.format(kind="dataset"))


def _terms(folder: Path, metadata: dict) -> set[str]:
    configs = {"all", "scenes"} & {config["config_name"] for config in metadata["configs"]}
    files = [file for config in sorted(configs) for _, file in shards(folder, metadata, config)]
    return {text for file in files for text in set(pq.read_table(file, columns=["license"])["license"].to_pylist())}


def _metric(folder: Path, card: Path, metadata: dict) -> None:
    if not {"evaluate", "metric"} <= set(metadata.get("tags") or []):
        raise InputError(card, "tags", "lacks evaluate and metric, by which it is found", "add both")
    _space(folder, card, metadata)


def _space(folder: Path, card: Path, metadata: dict) -> None:
    check_license(card, metadata)
    sdk = metadata.get("sdk")
    if sdk not in SPACES_SDK_TYPES:
        raise InputError(card, "sdk", f"is {sdk!r}", f"state one of {', '.join(SPACES_SDK_TYPES)}")
    if not metadata.get("title"):
        raise InputError(card, "title", "is missing", "name the Space")
    if sdk != "static":
        require(folder / str(metadata.get("app_file", "app.py")), "Space", "name its app_file in the card")
    for name in ("colorFrom", "colorTo"):
        if metadata.get(name, "gray") not in COLOURS:
            raise InputError(card, name, f"is {metadata[name]!r}", f"state one of {', '.join(sorted(COLOURS))}")
    short = metadata.get("short_description", "")
    if len(short) > LONGEST_DESCRIPTION:
        problem = f"has {len(short)} letters, and the Hub takes {LONGEST_DESCRIPTION}"
        raise InputError(card, "short_description", problem, "shorten it")
    if metadata.get("sdk_version") and not re.fullmatch(r"\d+(\.\d+){0,2}", str(metadata["sdk_version"])):
        raise InputError(card, "sdk_version", f"is {metadata['sdk_version']!r}", "state one such as 5.49.1")
