"""A COLMAP sparse model, read by pycolmap after a look at its files.

pycolmap believes what it is told: from `cameras.bin` cut in half it returns a camera of arbitrary numbers, and on a
count that is too large it allocates or runs until something gives in. So the counts of binary files are followed to
their ends first, without keeping anything. A text file without its last lines is noticed by what the others refer to.
"""

import struct
from collections.abc import Callable

import pycolmap

from dataset_builders.errors import InputError
from dataset_builders.sources.rgbd_files import SceneFolder

NEEDED, OPTIONAL = ("cameras", "images", "points3D"), ("rigs", "frames")
COPY_AGAIN = "copy the file again, it may be truncated"
REFUSED = (ValueError, IndexError, KeyError, RuntimeError, OverflowError, MemoryError)
"""What pycolmap raises: failed checks, unknown ids, unreadable files, absurd sizes."""


def read_model(folder: SceneFolder, model: str) -> pycolmap.Reconstruction:
    """Read the model in `model`, a path inside the folder, binary where both forms are there.

    Raises:
        InputError: if a file is missing, empty or truncated, leads outside the folder, or contradicts another.
    """
    binary = any(folder.has(f"{model}/{stem}.bin") for stem in NEEDED)
    suffix = ".bin" if binary else ".txt"
    for stem in (*NEEDED, *(stem for stem in OPTIONAL if folder.has(f"{model}/{stem}{suffix}"))):
        _check(folder, f"{model}/{stem}{suffix}")
    path = folder.path(f"{model}/cameras{suffix}").parent
    reconstruction = pycolmap.Reconstruction()
    try:
        (reconstruction.read_binary if binary else reconstruction.read_text)(str(path))
        names = {image.name for image in reconstruction.images.values()}  # fails where one is not UTF-8
    except REFUSED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(folder.place(model), "model", f"cannot be read ({reason})", "export it again") from None
    if len(names) != reconstruction.num_images():
        raise InputError(folder.place(model), "images", "two have one name", "export it again")
    images = reconstruction.images.values()
    shown = {point.point3D_id for image in images for point in image.get_observation_points2D()}
    if not shown <= set(reconstruction.point3D_ids()):
        raise InputError(folder.place(model), "points", "some that the images show are missing", COPY_AGAIN)
    return reconstruction


def _check(folder: SceneFolder, name: str) -> None:
    path = folder.path(name)
    if path.stat().st_size == 0:
        raise InputError(folder.place(name), "file", "is empty", COPY_AGAIN)
    if path.suffix == ".bin":
        try:
            _Walk(path.read_bytes()).follow(WALKS[path.stem])
        except ValueError as error:
            raise InputError(folder.place(name), "file", f"is not complete ({error})", COPY_AGAIN) from None


class _Walk:
    """Steps through the bytes of a file (COLMAP documentation, "Binary File Format"; little endian, packed)."""

    def __init__(self, content: bytes):
        self._content, self._at = content, 0

    def follow(self, entry: Callable[["_Walk"], None]) -> None:
        """Step over a count and so many entries, to the very end of the file."""
        for _ in range(self.take("Q")):
            entry(self)
        if self._at != len(self._content):
            raise ValueError(f"{len(self._content) - self._at} bytes too many")

    def take(self, layout: str) -> int:
        """Read the last number of a layout in the letters of `struct`."""
        start = self._at
        self.skip(1, struct.calcsize(f"<{layout}"))
        return struct.unpack_from(f"<{layout}", self._content, start)[-1]

    def skip(self, count: int, size: int) -> None:
        """Step over items of equal size."""
        if self._at + count * size > len(self._content):
            raise ValueError(f"{count} x {size} bytes go past its end")
        self._at += count * size

    def skip_text(self) -> None:
        """Step over a text that a zero byte ends."""
        self._at = self._content.find(b"\0", self._at) + 1
        if self._at == 0:
            raise ValueError("a name does not end")


def _camera(walk: _Walk) -> None:
    model = walk.take("Ii")
    walk.skip(1, 16)
    try:
        camera = pycolmap.Camera.create_from_model_id(0, pycolmap.CameraModelId(model), 1.0, 1, 1)
    except REFUSED:
        raise ValueError(f"no camera model {model}") from None
    walk.skip(len(camera.params), 8)


def _image(walk: _Walk) -> None:
    walk.take("I7dI")
    walk.skip_text()
    walk.skip(walk.take("Q"), 24)


def _point(walk: _Walk) -> None:
    walk.take("Q3d3Bd")
    walk.skip(walk.take("Q"), 8)


def _rig(walk: _Walk) -> None:
    sensors = walk.take("II")
    if sensors:
        walk.take("iI")
    for _ in range(sensors - 1):
        has_pose = walk.take("iI?")
        walk.skip(int(has_pose), 56)


def _frame(walk: _Walk) -> None:
    walk.take("II7d")
    walk.skip(walk.take("I"), 16)


WALKS = {"cameras": _camera, "images": _image, "points3D": _point, "rigs": _rig, "frames": _frame}
