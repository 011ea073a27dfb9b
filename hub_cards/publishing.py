"""A folder → what a repository on the Hub would hold, listed and checked before anything is sent."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_token
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from dataset_builders.errors import InputError
from hub_cards.card_check import check_card
from hub_cards.metric_bundle import bundle_metric
from hub_cards.purposes import SentFile, list_files
from hub_cards.safety import check_file

REPO_TYPES = {"model": "model", "dataset": "dataset", "metric": "space", "space": "space"}
LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token with the right to write"
SHORTEST_OWN = 8  # letters of a folder's path that is looked for in texts; "/" would be everywhere


@dataclass(frozen=True)
class Plan:
    """What would be sent.

    Attributes:
        kind: One of `purposes.KINDS`.
        repo_id: `owner/name`, or `name` for the owner of the token.
        folder: That holds the files.
        files: By name.
        left_out: Names of working files that stay.
        metadata: Of the card.
    """

    kind: str
    repo_id: str
    folder: Path
    files: tuple[SentFile, ...]
    left_out: tuple[str, ...]
    metadata: dict

    @property
    def repo_type(self) -> str:
        """What the Hub calls it; `evaluate` finds metrics among Spaces."""
        return REPO_TYPES[self.kind]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def revision(self) -> str:
        """Name the content: the same files give the same tag."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.name}\0".encode())
            with file.path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return f"sha256-{digest.hexdigest()[:16]}"

    def text(self) -> str:
        """Lay out files, sizes and metadata."""
        width = max(len(file.name) for file in self.files)
        lines = [f"{self.kind} → {self.repo_type} {self.repo_id}", ""]
        lines += [f"{file.name:<{width}}  {file.size:>14,}  {file.purpose}" for file in self.files]
        lines += [f"{'':<{width}}  {self.size:>14,}  bytes in {len(self.files)} files", ""]
        lines += [f"left out: {name}" for name in self.left_out]
        lines += [f"{name}: {_short(value)}" for name, value in self.metadata.items()]
        return "\n".join([*lines, f"revision tag: {self.revision()}"])


@contextmanager
def planned(kind: str, folder: Path, repo_id: str | None = None) -> Iterator[Plan]:
    """List and check what a folder would send; a metric is first put together with the modules it needs.

    Args:
        kind: One of `purposes.KINDS`.
        folder: Of the repository.
        repo_id: On the Hub; the name of the folder if None.

    Yields:
        The plan, whose files exist until the block ends.

    Raises:
        InputError: if the folder is no such repository, or something in it must not be published.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(folder, kind, "is not a folder", f"give the folder of a {kind}")
    repo_id = check_repo_id(folder.resolve().name if repo_id is None else repo_id)
    with tempfile.TemporaryDirectory() as temporary:
        source = folder
        if kind == "metric":
            source = Path(temporary) / folder.resolve().name
            source.mkdir()
            bundle_metric(folder, source, repo_id)
        metadata = check_card(kind, source)
        files, left_out = list_files(kind, source)
        own = _own_texts(folder)
        for file in files:
            check_file(file.path, file.name, own)
        yield Plan(kind, repo_id, source, tuple(files), tuple(left_out), metadata)


def check_repo_id(repo_id: str) -> str:
    """Refuse what is no name on the Hub.

    Raises:
        InputError: saying what is wrong with it.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        problem = f"is no name of a repository ({str(error).rstrip('.')})"
        raise InputError("--repo-id", repr(repo_id), problem, "give owner/name") from None
    return repo_id


def require_token(find: Callable[[], str | None] = get_token) -> str:
    """Return the token of the Hub's own command line.

    Raises:
        InputError: saying how to log in.
    """
    token = find()
    if not token:
        raise InputError("Hugging Face Hub", "token", "there is none on this machine", LOG_IN)
    return token


def _own_texts(folder: Path) -> list[str]:
    """Return what names this machine or its user: the token, home and the place of the folder."""
    places = [str(path) for path in (Path.home(), folder.resolve().parent) if len(str(path)) >= SHORTEST_OWN]
    return [*places, *filter(None, [get_token()])]


def _short(value) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 160 else f"{text[:160]} …"
