"""The questions of a dataset folder, and fingerprints of the folders that a score depends on."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet
from datasets import Features
from datasets.exceptions import DatasetGenerationError

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from dataset_builders.record import QUESTION_FEATURES, named
from dataset_builders.turns import turns_of

# What decides a completion; cards, logs and checkpoints beside it do not.
MODEL_FILES = (
    "*.safetensors",
    "*.bin",
    "*.py",
    "*config*.json",
    "*token*.json",
    "vocab.json",
    "merges.txt",
    "*.jinja",
)
UNREADABLE = (DatasetGenerationError, OSError, ValueError)
_BUILD, _REBUILD = (f"build it {word}with python -m dataset_builders build" for word in ("", "again "))


def load_questions(folder: Path, split: str) -> list[dict]:
    """Read the questions of a split, labels by name; each turn of a conversation is a question, see `turns_of`.

    Raises:
        InputError: if the folder, the split or a column is missing, or the split is empty or unreadable.
    """
    if not folder.is_dir():
        raise InputError(folder, "--dataset", "is not a folder", _BUILD)
    shards = _shards(folder, "questions", split)
    if not shards:
        splits = sorted({path.name.split("-")[0] for path in folder.glob("questions/*-*.parquet")})
        fix = f"choose one of {', '.join(splits)}" if splits else _BUILD
        raise InputError(folder, "--split", f"has no questions in split {split!r}", fix)
    try:
        # Not `load_dataset`: its cache knows a folder by name, and may serve the questions of an earlier build.
        table = pyarrow.parquet.read_table(shards)
    except UNREADABLE as error:
        raise InputError(folder, f"questions/{split}", f"cannot be read ({first_line(error)})", _REBUILD) from error
    lacking = sorted(set(QUESTION_FEATURES) - set(table.column_names))
    if lacking:
        raise InputError(folder, f"questions/{split}", f"lacks the columns {', '.join(lacking)}", _REBUILD)
    if not table.num_rows:
        raise InputError(folder, f"questions/{split}", "is empty", "choose another split or build more scenes")
    features = Features.from_arrow_schema(table.schema)
    return [turn for row in table.to_pylist() for turn in turns_of(named(row, features))]


def open_frames(folder: Path, split: str, num_frames: int, records: Iterable[dict]) -> FrameStore:
    """Open the frames of a split, when `num_frames` leave room for the key frames of every question.

    Raises:
        InputError: if a question cannot do with `num_frames`, or the scenes are unreadable.
    """
    needed = max(len(set(record["key_frames"])) for record in records)
    if num_frames < needed:
        problem = f"is {num_frames}, but a question shows marks on {needed}"
        raise InputError(folder, "--num-frames", problem, f"give {needed} or more")
    if not _shards(folder, "scenes", split):
        raise InputError(folder, f"scenes/{split}", "is missing", _REBUILD)
    try:
        return FrameStore(str(folder), split, num_frames)
    except UNREADABLE as error:
        raise InputError(folder, f"scenes/{split}", f"cannot be read ({first_line(error)})", _REBUILD) from error


def dataset_files(folder: Path, split: str) -> list[Path]:
    """List the shards of the questions and scenes of a split."""
    return [*_shards(folder, "questions", split), *_shards(folder, "scenes", split)]


def model_files(folder: Path) -> list[Path]:
    """List the files of a model folder that decide what the model writes."""
    return sorted({path for pattern in MODEL_FILES for path in folder.glob(pattern)})


def fingerprint(root: Path, files: Iterable[Path]) -> str:
    """Hash the names under `root` and the contents of files, so that a changed one is noticed wherever it lies."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _shards(folder: Path, config: str, split: str) -> list[Path]:
    return sorted((folder / config).glob(f"{split}-*.parquet"))
