"""Finding and reading files made by others: none outside their folder is read, and none is executed."""

import tokenize
from pathlib import Path

import numpy as np

from dataset_builders.errors import InputError

BROKEN_ARRAY = (
    *(OSError, ValueError, TypeError, ArithmeticError, MemoryError),
    *(SyntaxError, RecursionError, tokenize.TokenError),
)
"""What numpy raises on a broken `.npy` header, which it parses as a Python literal, or too few bytes."""


def inside(folder: Path, name: str, place=None) -> Path:
    """Return the path of a name that a list of files or an archive gives; the file need not exist.

    Args:
        folder: No file outside it may be touched.
        name: Relative to the folder.
        place: How a message calls the file; by default the folder's name and the file's.

    Raises:
        InputError: if the name, or a link on its way, leads out of the folder.

    >>> inside(Path("/data/kitchen"), "images/a.jpg").as_posix()
    '/data/kitchen/images/a.jpg'
    """
    root = folder.resolve()
    # A name may hold a line break; messages are one line.
    place = place if place is not None and name.isprintable() else f"{root.name}/{ascii(name)[1:-1]}"
    try:
        path = (root / name).resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte in the name, a link to itself
        problem = f"cannot be the name of a file ({type(error).__name__})"
        raise InputError(place, "file", problem, "name a file inside the folder") from None
    if not path.is_relative_to(root):
        raise InputError(place, "file", "leads outside the scene's folder", "copy the file into it")
    return path


def scene_folders(folder: Path | str, marker: str) -> dict[str, Path]:
    """Find the scenes: the folder itself, or else those of its sub-folders, that hold `marker`; by name, in order.

    Raises:
        InputError: if there is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(folder, "--input", "is not a folder", f"give one that holds {marker}")
    if (folder / marker).exists():
        return {folder.resolve().name: folder}
    found = {path.name: path for path in sorted(folder.iterdir()) if (path / marker).exists()}
    if not found:
        raise InputError(folder, marker, "is neither here nor one level below", "give the folder that holds it")
    return found


def read_array(path: Path, place, columns: int | None = None) -> np.ndarray:
    """Read a `.npy` file of numbers.

    The length of the file is compared with its header before anything is allocated. An array of Python objects, which
    would have to be unpickled, is refused.

    Args:
        path: The file, which exists.
        place: How a message calls it.
        columns: Of an (N, columns) array; None for an (N,) array.

    Raises:
        InputError: if the file is truncated, no array of finite numbers, or of another shape.
    """
    try:
        with np.errstate(over="raise"):  # a length beyond 64 bits
            array = np.array(np.lib.format.open_memmap(path, mode="r"))
    except BROKEN_ARRAY:
        fix = "copy the file again, it may be truncated"
        raise InputError(place, "array", "is not a complete .npy file of numbers", fix) from None
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise InputError(place, "array", "holds values that are not finite numbers", "give finite numbers")
    if array.ndim != (1 if columns is None else 2) or columns not in (None, array.shape[-1]):
        expected = "N" if columns is None else f"N x {columns}"
        raise InputError(place, "array", f"has shape {array.shape}", f"give {expected} numbers")
    return array
