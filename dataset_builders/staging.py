"""All or nothing: an output folder appears complete or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataset_builders.errors import InputError


@contextmanager
def staged_folder(output: Path | str) -> Iterator[Path]:
    """Give a folder beside `output` to write into, which becomes `output` at the end, or goes if anything is raised.

    Raises:
        InputError: if `output` exists and is not an empty folder, or its parent cannot be written.
    """
    target = Path(output).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        problem = "exists and is not an empty folder"
        raise InputError(output, "--output", problem, "name another folder, or delete this one first")
    staging = target.with_name(f".{target.name}.building-{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
    except OSError as error:
        problem = f"cannot be created ({error.strerror})"
        raise InputError(output, "--output", problem, "name a folder in a place that you may write to") from None
    try:
        yield staging
        staging.rename(target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
