"""The installed packages of this project as one wheel, which runs from where it lies: what a Space needs of them."""

import base64
import hashlib
import importlib.util
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

DISTRIBUTION = "spacevista"
PACKAGES = ("dataset_builders", "evaluate_metrics", "modeling_spacevista", "hub_cards")
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of ZIP; the same packages give the same bytes


def write_wheel(folder: Path) -> Path:
    """Write the wheel, as PEP 427 has it.

    Args:
        folder: To write into.

    Returns:
        Its path.
    """
    installed = distribution(DISTRIBUTION)
    stem = f"{DISTRIBUTION}-{installed.version}"
    path = folder / f"{stem}-py3-none-any.whl"
    about = f"{stem}.dist-info"
    contents = dict(_sources())
    contents[f"{about}/METADATA"] = (installed.read_text("METADATA") or installed.read_text("PKG-INFO")).encode()
    contents[f"{about}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: hub_cards\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    lines = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in contents.items()]
    contents[f"{about}/RECORD"] = "\n".join([*lines, f"{about}/RECORD,,", ""]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in contents.items():
            wheel.writestr(zipfile.ZipInfo(name, FIRST_DAY), content, zipfile.ZIP_DEFLATED)
    return path


def _sources() -> Iterator[tuple[str, bytes]]:
    for package in PACKAGES:
        root = Path(importlib.util.find_spec(package).origin).parent
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root.parent).as_posix(), path.read_bytes()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
