"""Single frames out of a video file, exact to the frame, decoding no more than they need.

Frames are numbered as they are shown, which is also how a decoder that reads the whole file hands them out. The
packets are read once without decoding: their timestamps number the frames, and their key frames say where decoding
may begin. Files are opened here, never by FFmpeg's protocols, so that a video cannot make it fetch anything.
"""

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

# Only files need PyAV; a model folder with this file loads without it.
try:
    import av
except ImportError:
    av = None

Source = str | os.PathLike | bytes | bytearray | memoryview


@dataclass
class _Packets:
    """What the packets of a stream say, in the order of decoding."""

    times: list = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    hidden: set = field(default_factory=set)
    end: int = 0

    def number_frames(self) -> bool:
        """Say whether timestamps number the frames: each has its own, and decoding can begin with the first."""
        times = self.times
        if None in times or len(set(times)) < len(times) or self.keys[:1] != [0]:
            return False
        return times[0] == min(times)

    def runs(self, wanted: Sequence) -> list[range]:
        """Return the stretches of packets that have to be decoded to show the frames of these timestamps."""
        position = {time: place for place, time in enumerate(self.times)}
        runs: list[range] = []
        for stop in sorted(position[time] for time in wanted):
            # A picture that is shown before the key picture it follows may lean on those before that.
            start = max(key for key in self.keys if key <= stop and self.times[key] <= self.times[stop])
            if runs and start <= runs[-1].stop:
                start = runs.pop().start
            runs.append(range(start, stop + 1))
        return runs


class VideoFile:
    """A video in a file or in bytes; a context manager.

    Attributes:
        name: the path, or what to call bytes.
        num_frames: frames that it holds.
        fps: mean frames per second.
        size: width and height in pixels, as stored.
    """

    def __init__(self, source: Source):
        """Open the file and number its frames.

        Args:
            source: a path, or the bytes of a file.

        Raises:
            ValueError: if it is a URL, no video, or cut short.
            ImportError: if PyAV is missing.
        """
        if av is None:
            raise ImportError("reading a video file needs PyAV: pip install av")
        self.name, self._file = _open(source)
        try:
            with self._container() as container:
                stream = container.streams.video[0]
                self.fps = float(stream.average_rate or 0) or None
                self.size = stream.width, stream.height
                self._skips = stream.codec_context.name == "h264"
                self._packets = _scan(container, stream)
                self._check_whole(container, stream)
            self._times = None
            if self._packets.number_frames():
                self._times = sorted(set(self._packets.times) - self._packets.hidden)
            self.num_frames = sum(1 for _ in self._all()) if self._times is None else len(self._times)
        except av.FFmpegError as error:
            self._file.close()
            raise ValueError(f"{self.name} cannot be read as a video: {error.strerror}") from error
        except ValueError:
            self._file.close()
            raise

    def __enter__(self):
        """Return the open file."""
        return self

    def __exit__(self, *_):
        """Close it."""
        self._file.close()

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Decode the frames of increasing indices.

        Returns:
            (T, H, W, 3) uint8, RGB.

        Raises:
            ValueError: if one of them cannot be decoded, or they differ in size.
        """
        if self._times is None:
            ways = [enumerate(self._all())]
            wanted = list(indices)
        else:
            wanted = [self._times[index] for index in indices]
            # Streams of gradual refresh have key pictures that cannot be shown: those are decoded from the start.
            ways = [self._needed(set(wanted)), ((frame.pts, frame) for frame in self._all())]
        found = 0
        for way in ways:
            frames, found = self._collect(way, wanted)
            if found == len(wanted):
                return frames
        raise ValueError(f"{self.name} is damaged: expected {len(wanted)} frames at {list(indices)}, got {found}")

    def _collect(self, numbered, wanted):
        places, rgb, frames = {number: place for place, number in enumerate(wanted)}, _Rgb(), None
        missing = set(wanted)
        try:
            for number, frame in numbered:
                if number not in missing or frame.is_corrupt:
                    continue
                picture = rgb(frame)
                if frames is None:
                    frames = np.empty((len(wanted), *picture.shape), dtype=np.uint8)
                if picture.shape != frames.shape[1:]:
                    raise ValueError(
                        f"all frames of a video must have one size, expected {frames.shape[2:0:-1]}, "
                        f"got {picture.shape[1::-1]} in {self.name}"
                    )
                frames[places[number]] = picture
                missing.discard(number)
                if not missing:
                    break
        except av.FFmpegError:
            # What is damaged counts as missing, and the caller says so.
            pass
        return frames, len(wanted) - len(missing)

    def _container(self):
        self._file.seek(0)
        # An empty whitelist: playlists and the like may not open anything by themselves.
        container = av.open(self._file, options={"protocol_whitelist": ""})
        if not container.streams.video:
            container.close()
            raise ValueError(f"{self.name} cannot be read as a video: it has no video stream")
        return container

    def _all(self) -> Iterator:
        with self._container() as container:
            container.streams.video[0].thread_type = "AUTO"
            yield from container.decode(video=0)

    def _needed(self, wanted: set) -> Iterator[tuple]:
        """Decode the runs that end in the wanted frames, leaving out pictures on which no other depends."""
        runs = iter(self._packets.runs(wanted))
        run = next(runs)
        with self._container() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            context = stream.codec_context
            for place, packet in enumerate(_demux(container, stream)):
                if place < run.start:
                    continue
                context.skip_frame = "NONREF" if self._skips and packet.pts not in wanted else "DEFAULT"
                yield from ((frame.pts, frame) for frame in packet.decode())
                if place == run.stop - 1:
                    yield from ((frame.pts, frame) for frame in context.decode(None))
                    context.flush_buffers()
                    run = next(runs, None)
                    if run is None:
                        return

    def _check_whole(self, container, stream):
        """Refuse a file that holds less than its header promises, in frames or (Matroska) in seconds."""
        number = len(self._packets.times)
        if number < stream.frames:
            raise ValueError(
                f"{self.name} is cut short: expected {stream.frames} frames as its header says, got {number}"
            )
        promised = _promised_seconds(container, stream)
        seconds = self._packets.end * float(stream.time_base)
        if promised is not None and self.fps and seconds < promised - 2 / self.fps:
            raise ValueError(
                f"{self.name} is cut short: expected {promised:.2f} s of video as its header says, got {seconds:.2f} s"
            )


class _Rgb:
    """Frames → (H, W, 3) uint8, upright as a player shows them, with one converter for all."""

    def __init__(self):
        self._reformat = av.video.reformatter.VideoReformatter().reformat

    def __call__(self, frame):
        picture = self._reformat(frame, format="rgb24").to_ndarray()
        # A phone that was held upright writes lying frames and the angle by which to turn them.
        return np.rot90(picture, round(frame.rotation / 90))


def _open(source: Source) -> tuple[str, io.IOBase]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"the video of {len(source)} bytes", io.BytesIO(source)
    name = os.fspath(source)
    if "://" in name:
        raise ValueError(
            f"a video is read from a path or from bytes and never fetched, got {name!r}; download it first"
        )
    return name, open(name, "rb")


def _demux(container, stream) -> Iterator:
    """Yield the whole packets of a stream; the empty one that ends it and those that are cut off hold no frame."""
    return (packet for packet in container.demux(stream) if packet.size and not packet.is_corrupt)


def _scan(container, stream) -> _Packets:
    packets = _Packets()
    for packet in _demux(container, stream):
        if packet.is_keyframe:
            packets.keys.append(len(packets.times))
        if packet.is_discard:
            packets.hidden.add(packet.pts)
        packets.times.append(packet.pts)
        packets.end = max(packets.end, (packet.pts or 0) + (packet.duration or 0))
    return packets


def _promised_seconds(container, stream) -> float | None:
    """Return how long Matroska's header says the stream is; other formats count frames, or promise nothing."""
    if "matroska" not in container.format.name:
        return None
    if "DURATION" in stream.metadata:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    if len(container.streams) == 1 and container.duration:
        return container.duration / 1e6
    return None
