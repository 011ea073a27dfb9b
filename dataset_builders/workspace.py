"""Where a dataset is built: beside its place, shard by shard, so that a build that was stopped can go on."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from dataset_builders.errors import InputError


@dataclass(frozen=True)
class Workspace:
    """The hidden folder of one unfinished build.

    Attributes:
        folder: Holds everything; gone when the build is complete.
        output: What the dataset will be called.
    """

    folder: Path
    output: Path

    @property
    def dataset(self) -> Path:
        """Becomes the output."""
        return self.folder / "dataset"

    @property
    def shards(self) -> Path:
        """Holds a file for every shard that is complete."""
        return self.folder / "shards"

    @property
    def plan(self) -> Path:
        """Tells which build this is."""
        return self.folder / "plan.json"

    @property
    def is_moved(self) -> bool:
        """Whether the dataset is complete and in its place, and only cleaning up was left."""
        return self.plan.exists() and not self.dataset.exists() and (self.output / "build_report.json").exists()

    def finish(self) -> None:
        """Put the dataset in its place, at once, and clean up; the plan goes last, so that this can be repeated."""
        if not self.is_moved:
            if self.output.is_dir():
                self.output.rmdir()
            self.dataset.rename(self.output)
        shutil.rmtree(self.shards, ignore_errors=True)
        shutil.rmtree(self.folder)


def write_whole(path: Path, text: str) -> None:
    """Write a file that is complete or absent, whenever the process is killed."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


@contextmanager
def workspace(output: Path | str, identity: dict) -> Iterator[Workspace]:
    """Open the workspace of a build: a new one, or that of the same build that was stopped.

    Bad input removes it; anything else that stops the build leaves it to be resumed.

    Args:
        output: Folder that the dataset will be.
        identity: JSON that decides the content of the dataset.

    Raises:
        InputError: if `output` is taken, cannot be written, is being built by another process, or was begun with
            another `identity`.
    """
    space = _locate(output)
    lock = FileLock(space.output.with_name(f".{space.output.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise InputError(output, "--output", "is being built by another process", "wait, or name another") from None
    try:
        claim(output, identity)
        yield space
    except ResumableError:
        raise
    except BaseException as error:
        if isinstance(error, InputError) or not any(space.shards.glob("*.json")):
            shutil.rmtree(space.folder, ignore_errors=True)
        raise
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


class ResumableError(InputError):
    """What stopped the build is not its input, so its finished shards are kept."""


def claim(output: Path | str, identity: dict) -> Workspace:
    """Make the workspace of a build, or enter it, without a lock: for processes that build one dataset together.

    Raises:
        ResumableError: if the workspace holds a build with another `identity`.
    """
    space = _locate(output)
    if not space.is_moved:
        space.dataset.mkdir(exist_ok=True)
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    if not space.plan.exists():
        write_whole(space.plan, json.dumps({"digest": digest, "build": identity}, indent=2))
    elif json.loads(space.plan.read_text(encoding="utf-8"))["digest"] != digest:
        problem = f"holds an unfinished build with other arguments in {space.folder.name}"
        raise ResumableError(space.output, "--output", problem, "repeat those arguments, or delete that folder")
    return space


def _locate(output: Path | str) -> Workspace:
    target = Path(output).absolute()
    space = Workspace(target.with_name(f".{target.name}.building"), target)
    if target.exists() and not space.is_moved and (not target.is_dir() or any(target.iterdir())):
        problem = "exists and is not an empty folder"
        raise InputError(output, "--output", problem, "name another folder, or delete this one first")
    try:
        space.shards.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be created ({error.strerror})"
        raise InputError(output, "--output", problem, "name a folder in a place that you may write to") from None
    return space
