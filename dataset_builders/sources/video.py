"""Frames of a video by their numbers, decoded by PyAV (extra `sources`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dataset_builders.errors import InputError

FIX = "copy the video again, it may be truncated"


def video_frames(path: Path, place: str, numbers: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield frames of an MP4 file.

    The file is opened here and handed over as MP4, so that no other file is read whatever it says.

    Args:
        path: The file, which exists.
        place: How a message calls it.
        numbers: Which frames, from 0; none below the one before it.

    Yields:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: if PyAV is not installed, the file is no such video, a frame cannot be decoded, or the video ends
            before the last of the frames.
    """
    try:
        import av
    except ModuleNotFoundError:
        fix = "pip install 'spacevista[sources]'"
        raise InputError(place, "video", "needs PyAV, which is not installed", fix) from None
    wanted, count = iter(numbers), 0
    number = next(wanted, None)
    try:
        with path.open("rb") as file, av.open(file, format="mp4") as container:
            for frame in container.decode(video=0):
                if number is None:
                    return
                if frame.is_corrupt:
                    raise InputError(place, f"frame {count}", "is damaged", FIX)
                while count == number:
                    yield frame.to_ndarray(format="rgb24")
                    number = next(wanted, None)
                count += 1
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise InputError(place, "video", f"cannot be decoded ({type(error).__name__})", FIX) from None
    if number is not None:
        problem = f"ends after {count} frames, but there is a pose for frame {numbers[-1]}"
        raise InputError(place, "video", problem, "copy it again, or remove the poses after its end")
