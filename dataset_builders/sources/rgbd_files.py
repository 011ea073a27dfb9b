"""The files of one scene of images; each reader refuses what cannot be right and names the file."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.scene import Camera, Frame, is_rotation
from dataset_builders.sources.depth_png import decode_depth
from dataset_builders.sources.fields import read_json, require
from dataset_builders.sources.files import inside

BROKEN_IMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


class SceneFolder:
    """One scene on disk; `place` is how messages call a file, without the path that leads to the scene."""

    def __init__(self, root: Path, scene_id: str):
        """Remember where the scene is."""
        self._root, self._scene_id = root.resolve(), scene_id

    def place(self, name: str) -> str:
        """Name a file for a message."""
        return f"{self._scene_id}/{name}"

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        return (self._root / name).exists()

    def listing(self) -> list[str]:
        """List the file names in alphabetical order."""
        return sorted(path.name for path in self._root.iterdir())

    def path(self, name: str) -> Path:
        """Return the path of a file that must exist and must not be a link that leads out of the folder."""
        path = inside(self._root, name)
        if not path.is_file():
            raise InputError(self.place(name), "file", "is missing", "add it or remove its frame")
        return path

    def text(self, name: str) -> str:
        """Read a text file."""
        try:
            return self.path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = f"cannot be read ({type(error).__name__})"
            raise InputError(self.place(name), "text", problem, "copy the file again") from None

    def intrinsics(self) -> np.ndarray:
        """Read the (3, 3) camera matrix, pixels."""
        name = "camera-intrinsics.txt"
        matrix = self._matrix(name, (3, 3))
        focal = matrix[[0, 1], [0, 1]]
        if not np.isfinite(matrix).all() or (focal <= 0).any() or not np.allclose(matrix[2], [0, 0, 1]):
            raise InputError(self.place(name), "matrix", "is not a camera matrix", "give fx 0 cx, 0 fy cy, 0 0 1")
        return matrix

    def about(self) -> dict:
        """Read the optional scene.json; its `license` is text."""
        if not self.has("scene.json"):
            return {"license": "unknown"}
        about = read_json(self.path("scene.json"), self.place("scene.json"), dict)
        return about | {"license": require(about.get("license", "unknown"), str, self.place("scene.json"), "license")}

    def frame(self, stem: str, color: np.ndarray, intrinsics: np.ndarray, encoding: str = "millimetre") -> Frame:
        """Read what belongs to the colours, (H, W, 3), of a frame; `encoding` is that of its depth."""
        height, width = color.shape[:2]
        camera = Camera(intrinsics, self._pose(f"{stem}.pose.txt"), width, height)
        return Frame(camera, color, self.depth(f"{stem}.depth.png", (height, width), encoding))

    def color(self, name: str) -> np.ndarray:
        """Read an image as (H, W, 3) uint8 RGB."""
        return np.asarray(self.image(name).convert("RGB"))

    def depth(self, name: str, shape: tuple[int, int], encoding: str) -> np.ndarray:
        """Read depth of an encoding as (H, W) float32 metres, 0 where unknown."""
        raw = np.asarray(self.image(name))
        if raw.ndim != 2 or raw.dtype not in (np.uint16, np.int32):
            raise InputError(self.place(name), "pixels", "are not 16 bit grey values", "store millimetres in 16 bit")
        if raw.shape != shape:
            problem = f"is {raw.shape[1]}x{raw.shape[0]}, the colour image {shape[1]}x{shape[0]}"
            raise InputError(self.place(name), "size", problem, "give depth registered to the colour image")
        return decode_depth(raw, encoding)

    def image(self, name: str) -> Image.Image:
        """Read and decode an image."""
        path = self.path(name)
        try:
            with Image.open(path) as image:
                image.verify()  # checksums of PNG, which decoding alone does not check
            with Image.open(path) as image:
                image.load()  # truncated JPEG, which `verify` does not notice
                return image
        except BROKEN_IMAGE as error:
            problem = "is empty" if path.stat().st_size == 0 else f"cannot be decoded ({type(error).__name__})"
            raise InputError(self.place(name), "image", problem, "copy the file again") from None

    def _pose(self, name: str) -> np.ndarray:
        pose = self._matrix(name, (4, 4))
        rotation, last_row = pose[:3, :3], pose[3]
        proper = is_rotation(rotation) and np.linalg.det(rotation) > 0
        if not proper or not np.isfinite(pose).all() or not np.allclose(last_row, [0, 0, 0, 1], atol=1e-4):
            fix = "give camera-to-world with a rotation, metres, last row 0 0 0 1"
            raise InputError(self.place(name), "pose", "is not rigid", fix)
        return pose

    def _matrix(self, name: str, shape: tuple[int, int]) -> np.ndarray:
        path = self.path(name)
        try:
            values = np.array(path.read_text(encoding="utf-8").split(), dtype=np.float64)
        except (OSError, ValueError):
            values = np.empty(0)
        if values.size != shape[0] * shape[1]:
            expected = f"{shape[0]} x {shape[1]} numbers"
            raise InputError(self.place(name), "matrix", f"is not {expected}", f"give {expected}")
        return values.reshape(shape)
