"""The README.md of a dataset folder: its YAML tells `datasets` which files make which config and split."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from dataset_builders.splits import SPLITS
from dataset_builders.taxonomy import SCALE_NAMES

# Config → its folder and what follows the split in the names of its files.
CONFIGS = {"all": ("questions", ""), **{scale: ("questions", f"{scale}-") for scale in SCALE_NAMES}}
CONFIGS["scenes"] = ("scenes", "")
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write_card(folder: Path, report: dict, body: str | None = None) -> None:
    """Write README.md.

    Args:
        folder: The dataset folder, its Parquet files already there.
        report: Content of build_report.json.
        body: What follows the YAML; that of a build if None.
    """
    front = yaml.safe_dump(_front_matter(folder, report), sort_keys=False, allow_unicode=True)
    (folder / "README.md").write_text(f"---\n{front}---\n{_body(report) if body is None else body}", encoding="utf-8")


def _front_matter(folder: Path, report: dict) -> dict:
    configs = []
    for config, (subfolder, scale) in CONFIGS.items():
        patterns = {split: f"{subfolder}/{split}-{scale}*.parquet" for split in SPLITS}
        data_files = [
            {"split": split, "path": pattern} for split, pattern in patterns.items() if any(folder.glob(pattern))
        ]
        if not data_files:
            continue
        # `datasets` caches a local folder by its name and this YAML alone: without the digest, a folder that was built
        # again, or another one of the same name, would be served from the cache of the first.
        digest = _digest(sorted(path for pattern in patterns.values() for path in folder.glob(pattern)))
        description = f"{config}, SHA-256 {digest}"
        configs.append({"config_name": config, "data_files": data_files, "description": description})
    configs[0]["default"] = True
    terms = list(report["licenses"].values())
    known = len(terms) == 1 and " " not in terms[0]
    return {
        "license": terms[0].lower() if known else "other",
        "language": ["en"],
        "task_categories": ["visual-question-answering"],
        "tags": ["spatial-reasoning", "spacevista"],
        "size_categories": [_size(report["num_questions"])],
        "configs": configs,
    }


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def _size(rows: int) -> str:
    return next((name for limit, name in SIZES if rows < limit), "1M<n<10M")


def _body(report: dict) -> str:
    tasks = "\n".join(f"| {task} | {count} |" for task, count in report["by_task"].items())
    terms = "\n".join(f"- {source}: {terms}" for source, terms in report["licenses"].items())
    return f"""
# Spatial questions with computed answers

{report["num_questions"]} questions about {report["num_scenes"]} scenes, every answer computed from the geometry of its
scene. Config `all` holds the questions, and a config per scale those of that scale; config `scenes` holds frames,
cameras and boxes, once per scene.{_conversations(report)}

```python
from datasets import load_dataset

questions = load_dataset("DIR", split="train")
scenes = load_dataset("DIR", "scenes", split="train")
```

| task | questions |
|---|---|
{tasks}

Sources and licences:

{terms}

Built with `{build_command(report["arguments"])}` (SpaceVista {report["engine"]}).
"""


def _conversations(report: dict) -> str:
    lengths = Counter()
    for counts in report.get("conversations", {}).values():
        lengths.update({int(turns): count for turns, count in counts.items()})
    turns = sum(number * count for number, count in lengths.items())
    text = f"\n{lengths.total()} of the questions begin conversations, of {turns} turns in all; `turns` holds them."
    return text if lengths else ""


def build_command(arguments: dict) -> str:
    """Write the command that builds the same files again.

    >>> build_command({"source": "synthetic", "seed": 0, "strict": False, "tasks": None})
    'python -m dataset_builders build --source synthetic --seed 0 --output DIR'
    """
    words = ["python -m dataset_builders build"]
    for name, value in arguments.items():
        if value is None or value is False or value == []:
            continue
        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words.append(" ".join(value) if isinstance(value, list) else str(value))
    if arguments["source"] != "synthetic":
        words.append("--input DIR")
    return " ".join([*words, "--output DIR"])
