"""What a video may be given as (file, bytes, pictures, array, tensor) → the selected frames, marked, and their times.

Legend: T frames of H × W pixels, C colours.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from transformers.image_utils import ChannelDimension, infer_channel_dimension_format
from transformers.video_utils import VideoMetadata, get_video_size

from .decoding import VideoFile
from .regions import check_regions, draw_regions
from .selection import Selection, selected_rate

FILES = (str, os.PathLike, bytes, bytearray, memoryview)
ARRAYS = (np.ndarray, torch.Tensor)


@dataclass
class ClipMetadata(VideoMetadata):
    """The library's description of a video, which also knows the rate of the frames that were selected.

    The library counts a selected frame for an even share of the whole video, which holds for its own way of sampling
    alone; of frames 100 and 101 of 200 it would make a hundred frames' distance.

    Attributes:
        rate: frames per second of the selected frames; None leaves it to the library.
        max_pixels: most pixels of a frame after resizing, if limited.
    """

    rate: float | None = None
    max_pixels: int | None = None

    @property
    def sampled_fps(self) -> float:
        """Frames per second that the model is told."""
        return super().sampled_fps if self.rate is None else self.rate


def list_videos(videos) -> list:
    """List single videos, out of the nested lists and batches in which processors of the library take them.

    Args:
        videos: a video or (nested) lists of videos. A video is a path, bytes, a mapping, a non-empty list of pictures
            (PIL images, or arrays or tensors of three dimensions), or an array or tensor of four dimensions; of five,
            it is a batch of videos.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(videos, (*FILES, dict)):
        return [videos]
    if _is_picture(videos):
        return [[videos]]
    if isinstance(videos, ARRAYS) and videos.ndim in (4, 5):
        return [videos] if videos.ndim == 4 else list(videos)
    if not isinstance(videos, (list, tuple)):
        shape = f" of shape {tuple(videos.shape)}" if isinstance(videos, ARRAYS) else ""
        raise ValueError(
            "a video must be a path, bytes, a list of pictures, or an array or tensor of four dimensions, "
            f"got {type(videos).__name__}{shape}"
        )
    if videos and all(map(_is_picture, videos)):
        return [videos]
    return [video for item in videos for video in list_videos(item)]


def _is_picture(item) -> bool:
    return isinstance(item, Image.Image) or (isinstance(item, ARRAYS) and item.ndim == 3)


def load_clip(
    video, selection: Selection, regions: Sequence[dict] | None = None, metadata: VideoMetadata | dict | None = None
) -> tuple[np.ndarray | torch.Tensor, ClipMetadata]:
    """Load the selected frames of one video and draw its regions.

    Args:
        video: one of what `list_videos` returns, mappings excepted.
        selection: which frames.
        regions: see `check_regions`; their frames are always among the selected.
        metadata: of frames that are already decoded, to tell their rate.

    Returns:
        The frames, (T, H, W, C) or, if they came so, (T, C, H, W), and what is known about them.

    Raises:
        ValueError: names the expected and the given value.
    """
    regions = list(regions or ())
    if not isinstance(video, FILES):
        return _from_frames(video, selection, regions, metadata)
    if metadata is not None:
        raise ValueError("video_metadata is of frames that are already decoded; that of a file is read from it")
    with VideoFile(video) as file:
        indices = selection.indices(file.num_frames, file.fps, _marked(regions, file.num_frames, file.name), file.name)
        frames = file.read(indices)
        metadata = ClipMetadata(
            total_num_frames=file.num_frames,
            fps=file.fps,
            width=frames.shape[2],
            height=frames.shape[1],
            duration=file.num_frames / file.fps if file.fps else None,
            video_backend="pyav",
            frames_indices=indices,
            rate=selected_rate(indices, file.fps) if file.fps else None,
        )
    _draw(frames, indices, regions)
    return frames, metadata


def _from_frames(video, selection, regions, metadata):
    available = len(video)
    known = ClipMetadata(**(metadata or {"total_num_frames": available, "frames_indices": range(available)}))
    numbers = list(range(available) if known.frames_indices is None else known.frames_indices)
    if len(numbers) != available:
        raise ValueError(
            f"video_metadata must number all frames of its video, expected {available}, got {len(numbers)}"
        )
    indices = selection.indices(available, known.fps, _marked(regions, available, "a video"))
    frames = _stack([video[index] for index in indices]) if isinstance(video, (list, tuple)) else video
    if not _is_pixel_type(frames.dtype):
        raise ValueError(f"frames of a video must be uint8 or floating point, got {frames.dtype}")
    if frames is video and (regions or indices != list(range(available))):
        frames = frames[indices]  # a copy
    known.frames_indices = [numbers[index] for index in indices]
    known.height, known.width = get_video_size(frames)
    if selection != Selection() and known.fps:
        known.rate = selected_rate(known.frames_indices, known.fps)
    _draw(frames, indices, regions)
    return frames, known


def _is_pixel_type(dtype) -> bool:
    return "float" in str(dtype) or str(dtype).removeprefix("torch.") == "uint8"


def _marked(regions, available, what) -> list[int]:
    """Check the regions of a video of so many frames and return which of these they mark."""
    if available == 0:
        raise ValueError(f"{what} has no frames, expected at least one, got 0")
    check_regions(regions, available)
    return [region["frame_index"] for region in regions]


def _stack(pictures):
    """Put the pictures of one video into one array or tensor, as the library does (which takes RGB alone)."""
    if all(isinstance(picture, Image.Image) for picture in pictures):
        _check_alike([picture.size for picture in pictures], "size")
        return np.stack([np.asarray(p if p.mode == "RGB" else p.convert("RGB")) for p in pictures])
    _check_alike([type(picture).__name__ for picture in pictures], "type")
    _check_alike([tuple(picture.shape) for picture in pictures], "size")
    return np.stack(pictures) if isinstance(pictures[0], np.ndarray) else torch.stack(list(pictures))


def _check_alike(values, what):
    for index, value in enumerate(values):
        if value != values[0]:
            raise ValueError(
                f"all frames of a video must have one {what}, expected {values[0]} as in frame 0, "
                f"got {value} in frame {index}"
            )


def _draw(frames, indices, regions):
    """Draw the regions into `frames`, of which `indices` are the numbers."""
    for index in sorted({region["frame_index"] for region in regions}):
        frame = frames[indices.index(index)]
        if infer_channel_dimension_format(frame, num_channels=(1, 3, 4)) == ChannelDimension.FIRST:
            frame = frame.swapaxes(0, 2).swapaxes(0, 1)
        if frame.shape[-1] != 3 or "uint8" not in str(frame.dtype):
            raise ValueError(
                f"regions are drawn on uint8 frames of 3 colours, got {frame.dtype} of {frame.shape[-1]} colours"
            )
        picture = Image.fromarray(np.ascontiguousarray(frame))
        marked = np.asarray(draw_regions(picture, [r for r in regions if r["frame_index"] == index]))
        frame[:] = marked if isinstance(frame, np.ndarray) else torch.from_numpy(marked.copy())
