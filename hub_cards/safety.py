"""What must not leave this machine: pickles, which run code where they are loaded, absolute paths, and secrets.

Nothing is unpickled to find out: pickles are known by their opcodes.
"""

import io
import json
import pickle
import pickletools
import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataset_builders.errors import InputError
from hub_cards.model_folder import read_header

# Opcodes of a pickle that import or call something; without them it is no danger, and text may parse as one.
CALLS = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD", "EXT1", "EXT2", "EXT4"}
LARGEST_MEMBER = 64 * 2**20  # bytes of a member of an archive that are looked at
TEXT = (".md", ".json", ".jsonl", ".txt", ".py", ".jinja", ".yaml", ".yml", ".css", ".js", ".html", ".svg", "")
# Words of a language, not of this machine; pieces of them look like paths.
VOCABULARIES = ("vocab.json", "merges.txt", "tokenizer.json")

_ROOTS = (
    "home|Users|root|tmp|mnt|data|datasets|work|workspace|scratch|srv|var|opt|media|content|kaggle|nfs|gpfs|lustre"
)
PATHS = re.compile(rf"(?<![\w.:/~>\-])/(?:{_ROOTS})/[\w.\-]+|\b[A-Za-z]:\\{{1,2}}[\w.\-]+\\|\bfile://\S+")
SECRETS = {
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "an OpenAI key": r"\bsk-[A-Za-z0-9_\-]{20,}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_\-]{20,}",
    "an AWS key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a Google key": r"\bAIza[A-Za-z0-9_\-]{35}",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9\-]{10,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a password in a URL": r"\b[a-z][a-z0-9+]*://[^\s/:@\"']+:[^\s/:@\"']{3,}@",
    "a key": r"(?i)\b[\w\-]*(?:api[_-]?key|secret|passw(?:or)?d|access[_-]?token)[\"']?"
    r"\s*[:=]\s*[\"'][\w\-./+]{16,}[\"']",
}


def check_file(path: Path, name: str, own: Sequence[str] = ()) -> None:
    """Refuse a file with a pickle, an absolute path or a secret in it.

    Args:
        path: Of the file.
        name: Of the file in the repository, for messages.
        own: Texts that must not be in it: this machine's own token and folders.

    Raises:
        InputError: naming what was found, without repeating a secret.
    """
    if holds_pickle(path):
        problem = "holds a pickle, which runs code on the machine that loads it"
        raise InputError(name, "pickle", problem, "save weights as safetensors, tables as Parquet, the rest as JSON")
    for text in texts(path):
        _check_text(text, name, own, paths=Path(name).name not in VOCABULARIES)


def _check_text(text: str, name: str, own: Sequence[str], paths: bool) -> None:
    for what, pattern in SECRETS.items():
        if found := re.search(pattern, text):
            problem = f"looks like {what} ({found[0][:4]}…)"
            raise InputError(name, "secret", problem, "take it out, and revoke it if anybody has seen it")
    if any(one in text for one in own):
        raise InputError(name, "secret", "holds your token or the path of your folders", "take it out")
    if paths and (found := PATHS.search(text)):
        problem = f"names a place on one machine ({found[0][:60]})"
        raise InputError(name, "absolute path", problem, "write a name or a relative path")


def texts(path: Path) -> Iterator[str]:
    """Yield what people could read in a file: text, headers of weights, and the distinct strings of tables."""
    if path.suffix == ".safetensors":
        yield json.dumps(read_header(path).get("__metadata__", {}))
    elif path.suffix == ".parquet":
        yield from _table_texts(path)
    elif path.suffix in TEXT or path.name.startswith("."):
        yield path.read_text(encoding="utf-8", errors="replace")


def _table_texts(path: Path) -> Iterator[str]:
    try:
        with pq.ParquetFile(path) as table:
            yield str(table.schema_arrow.metadata or {})
            for batch in table.iter_batches():
                for column in batch.columns:
                    for strings in _strings(column):
                        yield "\n".join(text for text in pc.unique(strings).to_pylist() if text)
    except (OSError, pa.ArrowException) as error:
        raise InputError(path, "Parquet", f"cannot be read ({error})", "build the dataset again") from error


def _strings(column: pa.Array) -> Iterator[pa.Array]:
    """Yield the string arrays inside a column, however deep."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        yield from _strings(column.flatten())
    elif pa.types.is_struct(column.type):
        for child in column.flatten():
            yield from _strings(child)
    elif pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        yield column


def holds_pickle(path: Path) -> bool:
    """Tell whether a file is a pickle, or an archive or array with one inside, whatever its name is."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(b"PK") and zipfile.is_zipfile(path):
        return _any_in_zip(path)
    if path.suffix in {".tar", ".pt", ".pth", ".bin"} and tarfile.is_tarfile(path):
        return _any_in_tar(path)
    if start.startswith(b"\x93NUMPY"):
        return _objects_in_array(path)
    if _binary_start(start):
        return True
    if path.suffix in {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt"}:
        return True
    return start[:1] != b"{" and path.stat().st_size <= LARGEST_MEMBER and _old_pickle(path.read_bytes())


def _binary_start(start: bytes) -> bool:
    """Tell whether bytes start a pickle of protocol 2 or later: PROTO, its number, then an opcode."""
    return len(start) > 2 and start[0] == 0x80 and 2 <= start[1] <= pickle.HIGHEST_PROTOCOL


def _old_pickle(data: bytes) -> bool:
    """Tell whether all of some bytes parse as a pickle of protocol 0 or 1 that calls something."""
    if not data.rstrip().endswith(b"."):
        return False
    try:
        names = {opcode.name for opcode, _, _ in pickletools.genops(io.BytesIO(data))}
    except (ValueError, UnicodeDecodeError):
        return False
    return bool(names & CALLS)


def _any_in_zip(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                if _member(member.filename, stream.read(LARGEST_MEMBER)):
                    return True
    return False


def _any_in_tar(path: Path) -> bool:
    with tarfile.open(path) as archive:
        files = (archive.extractfile(member) for member in archive if member.isfile())
        return any(_member(file.name, file.read(LARGEST_MEMBER)) for file in files if file is not None)


def _member(name: str, data: bytes) -> bool:
    return name.endswith((".pkl", ".pickle")) or _binary_start(data[:8]) or _old_pickle(data)


def _objects_in_array(path: Path) -> bool:
    with path.open("rb") as stream:
        return b"|O" in stream.read(256)


def check_imports(path: Path, name: str, imported: Iterable[str], packages: Sequence[str]) -> None:
    """Refuse published code that imports one of `packages`, which people who load it do not have.

    Raises:
        InputError: naming the import.
    """
    for module in imported:
        if module.split(".")[0] in packages:
            raise InputError(name, "import", f"needs {module}, which is no public package", "save the model again")
