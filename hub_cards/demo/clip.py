"""What is looked at: the frames of an uploaded video or of a sample scene, and those of them that the model sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dataset_builders.conversation import draw_regions, select_frames
from dataset_builders.errors import InputError
from hub_cards.demo.limits import Limits
from modeling_spacevista import VideoFile

VIDEO_TYPES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")
MOST_FRAMES = 24
"""Frames of an upload that a visitor can choose from; also the most that are sent to a browser."""
SIDE = 768
"""Pixels to which the longer side of a frame of an upload is reduced."""
_TOGETHER = 4  # frames decoded at once, so that a large video fits into memory


@dataclass(frozen=True)
class Seen:
    """A frame as the model gets it.

    Attributes:
        index: In the clip.
        image: With marks drawn.
        is_marked: Whether there are any.
    """

    index: int
    image: Image.Image
    is_marked: bool


@dataclass(frozen=True)
class Clip:
    """Frames of equal size, in order.

    Attributes:
        name: Of the file or scene.
        frames: RGB.
    """

    name: str
    frames: tuple[Image.Image, ...]

    def seen(self, num_frames: int, regions: Sequence[dict], required: Sequence[int] = ()) -> list[Seen]:
        """Choose frames as `FrameStore` does, and draw the marks.

        Args:
            num_frames: Most frames.
            regions: Marks, as in a row of the dataset.
            required: Indices of frames that must be among the chosen, besides those with marks.

        Raises:
            InputError: if more frames are required than the model sees.
        """
        marked = {region["frame_index"] for region in regions}
        required = marked | set(required)
        if len(required) > num_frames:
            problem = f"are on {len(required)} frames, and the model sees {num_frames}"
            raise InputError(self.name, "marks", problem, "clear the marks of some frames")
        chosen = select_frames(len(self.frames), num_frames, required)
        return [
            Seen(index, draw_regions(self.frames[index], _of(regions, index)), index in marked) for index in chosen
        ]


def read_upload(path: Path | str, limits: Limits) -> Clip:
    """Decode evenly spaced frames of an uploaded video.

    Args:
        path: The file; its name is the visitor's.
        limits: Of size, duration and resolution.

    Returns:
        At most `MOST_FRAMES` frames whose longer side is at most `SIDE` pixels.

    Raises:
        InputError: naming the limit that it passes, or that it is no video.
    """
    path = Path(path)
    if path.suffix.lower() not in VIDEO_TYPES:
        allowed = ", ".join(name[1:] for name in VIDEO_TYPES)
        raise InputError(path.name, "type", f"is {path.suffix or 'missing'}", f"use one of {allowed}")
    megabytes = path.stat().st_size / 2**20
    if megabytes > limits.upload_megabytes:
        fix = f"use a file of at most {limits.upload_megabytes} MB"
        raise InputError(path.name, "size", f"is {megabytes:.1f} MB", fix)
    try:
        with VideoFile(path) as video:
            return Clip(path.name, _frames(video, path.name, limits))
    except InputError:
        raise
    except ValueError as error:
        # Where the upload lies is nobody's business.
        problem = str(error).replace(str(path), "").strip()
        raise InputError(path.name, "content", problem, "record or export it again, as mp4 for example") from error


def _frames(video: VideoFile, name: str, limits: Limits) -> tuple[Image.Image, ...]:
    if not video.num_frames:
        raise InputError(name, "content", "holds no frame", "use another video")
    seconds = video.num_frames / video.fps if video.fps else 0.0
    if seconds > limits.video_seconds:
        fix = f"use one of at most {limits.video_seconds:g} s"
        raise InputError(name, "duration", f"is {seconds:.1f} s", fix)
    if max(video.size) > limits.video_side:
        problem, most = f"is {video.size[0]} × {video.size[1]} pixels", limits.video_side
        raise InputError(name, "resolution", problem, f"use one of at most {most} pixels a side")
    chosen = select_frames(video.num_frames, MOST_FRAMES)
    frames = []
    for start in range(0, len(chosen), _TOGETHER):
        for picture in video.read(chosen[start : start + _TOGETHER]):
            image = Image.fromarray(picture)
            image.thumbnail((SIDE, SIDE))
            frames.append(image)
    return tuple(frames)


def _of(regions: Sequence[dict], index: int) -> list[dict]:
    return [region for region in regions if region["frame_index"] == index]
