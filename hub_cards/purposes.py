"""Which files a repository of each kind is made of, and how large each may be; every other file is refused by name."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from dataset_builders.errors import InputError

KINDS = ("model", "dataset", "metric", "space")
MEBIBYTE = 2**20
SHARD = 50 * 2**30  # bytes; the Hub takes no larger file

# Working files of training and of Python, which stay where they are: patterns of a path or of one of its folders.
LEFT_OUT = ("checkpoint-*", "runs", "__pycache__", ".cache", ".git", ".DS_Store", "training_args.bin")
LEFT_OUT += ("optimizer.pt", "scheduler.pt", "rng_state*.pth", "trainer_state.json", "*.pyc")


@dataclass(frozen=True)
class Purpose:
    """A kind of file.

    Attributes:
        name: What it is for.
        patterns: Of its path in the repository; `*` stays inside one folder.
        most: Bytes that it may have.
    """

    name: str
    patterns: tuple[str, ...]
    most: int


COMMON = (
    Purpose("card", ("README.md", "*/README.md"), 4 * MEBIBYTE),
    Purpose("licence", ("LICENSE", "LICENSE.*", "NOTICE"), MEBIBYTE),
    Purpose("picture of the card", ("figures/*.svg", "figures/*.png"), 4 * MEBIBYTE),
    Purpose("git attributes", (".gitattributes",), MEBIBYTE),
)
PURPOSES = {
    "model": (
        *COMMON,
        Purpose("weights", ("*.safetensors",), SHARD),
        Purpose("index of weights", ("*.safetensors.index.json",), 64 * MEBIBYTE),
        Purpose("configuration", ("*config*.json",), 4 * MEBIBYTE),
        Purpose("tokenizer", ("tokenizer*.json", "vocab.json", "merges.txt", "*token*.json"), 128 * MEBIBYTE),
        Purpose("chat template", ("*.jinja", "chat_template.json"), MEBIBYTE),
        Purpose("code", ("*.py",), MEBIBYTE),
        Purpose("training record", ("training.json",), 16 * MEBIBYTE),
        Purpose("results", ("results.json",), 16 * MEBIBYTE),
    ),
    "dataset": (
        *COMMON,
        Purpose("rows", ("questions/*.parquet", "scenes/*.parquet"), SHARD),
        Purpose("build report", ("build_report.json",), 64 * MEBIBYTE),
        Purpose("quarantine", ("quarantine.jsonl",), 64 * MEBIBYTE),
        Purpose("Croissant metadata", ("croissant.json",), 16 * MEBIBYTE),
        Purpose("manifest of what to fetch", ("fetch_manifest.json",), 256 * MEBIBYTE),
    ),
    "metric": (
        *COMMON,
        Purpose("code", ("*.py",), MEBIBYTE),
        Purpose("requirements", ("requirements.txt",), MEBIBYTE),
    ),
    "space": (
        *COMMON,
        Purpose("code", ("*.py", "*/*.py", "*/*/*.py"), MEBIBYTE),
        Purpose("requirements", ("requirements.txt", "packages.txt", "pre-requirements.txt"), MEBIBYTE),
        Purpose("page", ("*.css", "*.js", "*.html", "*/*.css", "*/*.js", "*/*.html", "*/*.jinja"), 4 * MEBIBYTE),
        Purpose("settings", ("*.json", "*/*.json", "*/*/*.json", "*/*.yaml", "*/*/*.yaml"), 16 * MEBIBYTE),
        Purpose("picture", ("*.png", "*.jpg", "*.svg", "*/*.png", "*/*.jpg", "*/*.svg"), 16 * MEBIBYTE),
        Purpose("sample", ("*/*.mp4", "*/*.webm", "*/*.parquet", "*/*/*.parquet"), 256 * MEBIBYTE),
        Purpose("wheel", ("*.whl",), 64 * MEBIBYTE),
    ),
}


@dataclass(frozen=True)
class SentFile:
    """A file that would be sent.

    Attributes:
        path: On this machine.
        name: In the repository.
        size: Bytes.
        purpose: What it is for.
    """

    path: Path
    name: str
    size: int
    purpose: str


def list_files(kind: str, folder: Path) -> tuple[list[SentFile], list[str]]:
    """List what a folder would send, and what it would leave out.

    Args:
        kind: One of `KINDS`.
        folder: Of the repository.

    Returns:
        The files by name, and the names of working files that stay.

    Raises:
        InputError: if a file has no purpose in such a repository, is larger than its purpose allows, is empty, or is a
            link to elsewhere.
    """
    sent, left = [], []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if any(fnmatchcase(part, pattern) for part in PurePosixPath(name).parts for pattern in LEFT_OUT):
            left.append(name)
            continue
        sent.append(_checked(kind, path, name, folder))
    return sent, left


def purpose_of(kind: str, name: str) -> Purpose | None:
    """Return what a file is for, or None.

    >>> purpose_of("model", "model-00001-of-00002.safetensors").name, purpose_of("model", "notes.docx")
    ('weights', None)
    """
    depth = name.count("/")
    for purpose in PURPOSES[kind]:
        for pattern in purpose.patterns:
            if pattern.count("/") == depth and fnmatchcase(name, pattern):
                return purpose
    return None


def _checked(kind: str, path: Path, name: str, folder: Path) -> SentFile:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(folder, name, "is a link to elsewhere", "put the file itself there")
    purpose = purpose_of(kind, name)
    if purpose is None:
        fix = "move it out of the folder, or name it as what it is"
        raise InputError(folder, name, f"has no purpose in a {kind} repository", fix)
    size = path.stat().st_size
    if size > purpose.most:
        problem = f"has {size:,} bytes, and a file for this purpose ({purpose.name}) at most {purpose.most:,}"
        raise InputError(folder, name, problem, "split it, or look what got into it")
    if not size and purpose.name != "code":
        raise InputError(folder, name, "is empty", "write it again, or delete it")
    return SentFile(path, name, size, purpose.name)
