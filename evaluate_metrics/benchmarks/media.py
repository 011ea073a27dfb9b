"""What a model is shown with a question, wherever it is stored: a video file, the frames of one, or images."""

import base64
import binascii
import io
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from dataset_builders.conversation import select_frames

ROW_GROUPS = 8
"""Row groups of Parquet whose images are kept, so that memory stays bounded."""


@dataclass(frozen=True)
class Shown:
    """Images in the order in which the model gets them.

    Attributes:
        images: RGB.
        indices: Of each in the whole video or list of images.
        is_video: Whether they are frames of one video, or images in their own right.
        frame_rate: Of the whole video, per second; None where it is not known.
    """

    images: tuple[Image.Image, ...]
    indices: tuple[int, ...]
    is_video: bool = True
    frame_rate: float | None = None

    @property
    def sampling_rate(self) -> float | None:
        """How many different frames are shown per second of what they span; None where there is no telling.

        >>> Shown((), (0, 15, 30), frame_rate=30.0).sampling_rate
        2.0
        """
        distinct = len(set(self.indices))
        if self.frame_rate is None or distinct < 2:
            return None
        return self.frame_rate * (distinct - 1) / (max(self.indices) - min(self.indices))


@dataclass(frozen=True)
class VideoFile:
    """A video that PyAV decodes."""

    path: Path
    is_video = True

    def files(self) -> tuple[Path, ...]:
        """List what must exist."""
        return (self.path,)

    def load(self, num_frames: int, required: Collection[int] = ()) -> Shown:
        """Decode evenly spaced frames, first and last included.

        Args:
            num_frames: Of them.
            required: Indices that must be among them.

        Raises:
            ValueError: if there is no frame, or a required one does not exist.
            OSError: if the file cannot be decoded.
        """
        import av  # here, because only the model extra needs it

        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            packets = [
                (packet.pts, packet.is_keyframe) for packet in container.demux(stream) if packet.pts is not None
            ]
            times = sorted(pts for pts, _ in packets)
            if not times:
                raise ValueError(f"{self.path.name} holds no frame")
            chosen = select_frames(len(times), num_frames, required)
            starts = sorted(pts for pts, is_key in packets if is_key)
            images = _decode(container, stream, [times[index] for index in chosen], starts)
            rate = stream.guessed_rate
        return Shown(tuple(images), tuple(chosen), frame_rate=float(rate) if rate else None)


@dataclass(frozen=True)
class FrameFiles:
    """A video that is stored as one image file per frame."""

    paths: tuple[Path, ...]
    is_video = True

    def files(self) -> tuple[Path, ...]:
        """List what must exist."""
        return self.paths

    def load(self, num_frames: int, required: Collection[int] = ()) -> Shown:
        """Open evenly spaced frames, first and last included; see `VideoFile.load`."""
        chosen = select_frames(len(self.paths), num_frames, required)
        return Shown(tuple(_open(self.paths[index].read_bytes()) for index in chosen), tuple(chosen))


class ParquetImages:
    """The image columns of a Parquet file; one row group at a time is in memory, and the last few stay there."""

    def __init__(self, path: Path, columns: Sequence[str]):
        """Read the layout of the file, and no image.

        Args:
            path: The file.
            columns: That hold images: structs of bytes and path, bare bytes, or lists of either.
        """
        self.path, self._columns = path, list(columns)
        self._file = pq.ParquetFile(path)
        sizes = [self._file.metadata.row_group(index).num_rows for index in range(self._file.num_row_groups)]
        self._place = [(group, row) for group, size in enumerate(sizes) for row in range(size)]
        self._cache: OrderedDict[int, pa.Table] = OrderedDict()

    def images(self, row: int) -> list[Image.Image]:
        """Open the images of a row, column after column; empty columns are left out."""
        group, place = self._place[row]
        if group not in self._cache:
            self._cache[group] = self._file.read_row_group(group, columns=self._columns)
            if len(self._cache) > ROW_GROUPS:
                self._cache.popitem(last=False)
        self._cache.move_to_end(group)
        cells = [self._cache[group][name][place].as_py() for name in self._columns]
        flat = [image for cell in cells for image in (cell if isinstance(cell, list) else [cell]) if image is not None]
        return [_open(image["bytes"] if isinstance(image, dict) else image) for image in flat]


@dataclass(frozen=True)
class ImageRow:
    """The images of one row of Parquet, all of which are shown."""

    store: ParquetImages
    row: int
    is_video = False

    def files(self) -> tuple[Path, ...]:
        """List what must exist."""
        return (self.store.path,)

    def load(self, num_frames: int, required: Collection[int] = ()) -> Shown:
        """Open all images; how many frames a video would have does not matter."""
        images = self.store.images(self.row)
        return Shown(tuple(images), tuple(range(len(images))), is_video=False)


@dataclass(frozen=True)
class EncodedImage:
    """One image in base64, as tables in text files hold it."""

    text: str
    is_video = False

    def files(self) -> tuple[Path, ...]:
        """List what must exist."""
        return ()

    def load(self, num_frames: int, required: Collection[int] = ()) -> Shown:
        """Open the image."""
        try:
            content = base64.b64decode(self.text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"image is not base64 ({error})") from None
        return Shown((_open(content),), (0,), is_video=False)


@dataclass(frozen=True)
class ImageFile:
    """One image in a file of its own."""

    path: Path
    is_video = False

    def files(self) -> tuple[Path, ...]:
        """List what must exist."""
        return (self.path,)

    def load(self, num_frames: int, required: Collection[int] = ()) -> Shown:
        """Open the image."""
        return Shown((_open(self.path.read_bytes()),), (0,), is_video=False)


Media = VideoFile | FrameFiles | ImageRow | EncodedImage | ImageFile


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def _decode(container, stream, wanted: list[int], starts: list[int]) -> list[Image.Image]:
    """Decode the frames with these presentation times, ascending; seeks where a key frame saves decoding."""
    images, position, frames = [], None, None
    for target in wanted:
        start = max((time for time in starts if time <= target), default=None)
        if position is None or (start is not None and start > position):
            container.seek(target if start is None else start, stream=stream, backward=True)
            frames = container.decode(stream)
        for frame in frames:
            if frame.pts is not None and frame.pts >= target:
                break
        else:
            raise ValueError(f"{container.name} ends before the frame at time {target}")
        images.append(frame.to_image())
        position = target
    return images
