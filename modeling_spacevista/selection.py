"""Which frames of a video a model sees: evenly spread, at a rate, or given; the marked ones always."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np


@dataclass(frozen=True)
class Selection:
    """A choice of frames; without any argument, all of them.

    Args:
        num_frames: this many, evenly spread, first and last included.
        fps: this many per second, evenly spread from the first.
        frame_indices: these, in increasing order.

    Raises:
        ValueError: if more than one is given, or a value cannot be used.

    >>> Selection(num_frames=4).indices(8), Selection(num_frames=4).indices(8, required=[3])
    ([0, 2, 5, 7], [0, 3, 5, 7])
    >>> Selection(fps=2).indices(30, native_fps=10)
    [0, 5, 10, 15, 20, 25]
    """

    num_frames: int | None = None
    fps: float | None = None
    frame_indices: Sequence[int] | None = None

    def __post_init__(self):
        """Check what was given."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"give one of num_frames, fps and frame_indices, got {given}")
        if self.num_frames is not None and not (_is_whole(self.num_frames) and self.num_frames > 0):
            raise ValueError(f"num_frames must be a whole number of at least 1, got {self.num_frames!r}")
        if self.fps is not None and not (isinstance(self.fps, Real) and 0 < self.fps < float("inf")):
            raise ValueError(f"fps must be a number above 0, got {self.fps!r}")
        if self.frame_indices is not None:
            indices = list(self.frame_indices)
            if not indices or not all(map(_is_whole, indices)) or sorted(set(indices)) != indices:
                raise ValueError(f"frame_indices must be whole numbers in increasing order, got {indices}")

    def indices(
        self, available: int, native_fps: float | None = None, required: Iterable[int] = (), what: str = "the video"
    ) -> list[int]:
        """Choose among the frames of a video.

        Args:
            available: frames of the video.
            native_fps: its frames per second, which `fps` needs.
            required: indices that must be among the chosen; each takes the place of its nearest neighbour.
            what: name of the video, for errors.

        Returns:
            Increasing indices.

        Raises:
            ValueError: if the video has fewer frames than were asked for, or a required one would be left out.
        """
        if self.frame_indices is not None:
            return self._given(available, sorted(set(required)), what)
        if self.fps is not None:
            chosen = self._at_rate(available, native_fps, what)
        elif self.num_frames is not None:
            if self.num_frames > available:
                raise ValueError(f"{what} has too few frames, expected num_frames={self.num_frames}, got {available}")
            chosen = [int(round(index)) for index in np.linspace(0, available - 1, self.num_frames)]
        else:
            return list(range(available))
        return _keep(chosen, sorted(set(required)))

    def _given(self, available, required, what):
        chosen = [int(index) for index in self.frame_indices]
        beyond = [index for index in chosen if not 0 <= index < available]
        if beyond:
            raise ValueError(f"{what} has too few frames, expected indices from 0 to {available - 1}, got {beyond}")
        if left_out := [index for index in required if index not in chosen]:
            raise ValueError(f"frames with regions must be among frame_indices, expected {left_out} too, got {chosen}")
        return chosen

    def _at_rate(self, available, native_fps, what):
        if native_fps is None:
            raise ValueError(f"fps={self.fps} needs the frame rate of {what}; give it as video_metadata={{'fps': …}}")
        if self.fps > native_fps:
            raise ValueError(
                f"{what} has too few frames, expected fps={self.fps}, got {float(native_fps):g} frames per second"
            )
        # The least above a whole number counts as that number: 200 frames at 30 per second hold 20 at 3 per second.
        number = max(1, int(available / float(native_fps) * self.fps + 1e-6))
        return [place * available // number for place in range(number)]


def _is_whole(value) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _keep(chosen: list[int], required: list[int]) -> list[int]:
    if len(required) > len(chosen):
        raise ValueError(
            f"frames {required} have regions, expected at least {len(required)} to be selected, got {len(chosen)}"
        )
    for index in required:
        free = [place for place, other in enumerate(chosen) if other not in required or other == index]
        chosen[min(free, key=lambda place: abs(chosen[place] - index))] = index
    return sorted(chosen)


def selected_rate(indices: Sequence[int], native_fps: float) -> float:
    """Return the mean frames per second of the selected frames; of one frame alone, the rate of its video.

    >>> selected_rate([0, 15, 30], 30.0)
    2.0
    """
    if len(indices) < 2:
        return float(native_fps)
    return (len(indices) - 1) / (indices[-1] - indices[0]) * float(native_fps)
