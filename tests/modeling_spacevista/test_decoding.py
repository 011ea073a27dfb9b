"""Single frames of a file are those of decoding all of it, whatever the format; what is cut short is refused."""

import gc
import io
import re
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest

from modeling_spacevista import decoding
from modeling_spacevista.decoding import VideoFile

REAL = Path(__file__).parents[3] / "shared" / "data" / "sam2_videos"
FORMATS = {
    "mp4": ("mp4", "libx264", {}),
    "short_groups": ("mp4", "libx264", {"x264-params": "keyint=12:scenecut=0"}),
    "open_groups": ("mp4", "libx264", {"x264-params": "keyint=12:open-gop=1:bframes=3:b-adapt=0"}),
    "no_pyramid": ("mp4", "libx264", {"x264-params": "bframes=3:b-pyramid=none:b-adapt=0"}),
    "hevc": ("mp4", "libx265", {"x265-params": "keyint=12:open-gop=1:log-level=none:pools=1"}),
    "refresh": ("mpegts", "libx264", {"x264-params": "intra-refresh=1:keyint=20"}),
    "transport": ("mpegts", "libx264", {"x264-params": "keyint=12:open-gop=1"}),
    "matroska": ("matroska", "libx264", {"x264-params": "keyint=15"}),
    "webm": ("webm", "libvpx-vp9", {"cpu-used": "8", "lag-in-frames": "10", "auto-alt-ref": "1"}),
    "avi": ("avi", "mpeg4", {"bf": "2"}),
    "raw": ("h264", "libx264", {}),
    "jpeg": ("avi", "mjpeg", {}),
}


def encode(path, number=60, size=(96, 64), container="mp4", codec="libx264", options=None, movflags="", times=None):
    """Write a video in which every frame differs from every other."""
    with av.open(str(path), "w", format=container, options={"movflags": movflags} if movflags else {}) as file:
        stream = file.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        rng = np.random.default_rng(0)
        still = rng.integers(0, 256, (size[1], size[0] + number, 3), dtype=np.uint8)
        for index in range(number):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(still[:, index : index + size[0]]), format="rgb24")
            if times:
                frame.pts = times[index]
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def decode_all(source):
    with av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


@pytest.fixture(scope="module", params=FORMATS)
def video(request, tmp_path_factory):
    container, codec, options = FORMATS[request.param]
    path = tmp_path_factory.mktemp("videos") / request.param
    encode(path, container=container, codec=codec, options=options)
    return path, decode_all(path)


@pytest.mark.parametrize(
    "indices", [[0], [59], [7], [10, 11, 12, 13], [0, 15, 30, 45, 59], [22, 23, 58], list(range(0, 60, 7)), None]
)
def test_frames_are_those_of_decoding_everything(video, indices):
    path, frames = video
    with VideoFile(path) as file:
        assert file.num_frames == len(frames) == 60
        indices = indices or list(range(60))
        assert np.array_equal(file.read(indices), frames[indices])


@pytest.mark.parametrize(("name", "most"), [("no_pyramid", 30), ("open_groups", 26), ("short_groups", 26)])
def test_no_more_is_decoded_than_needed(tmp_path, name, most):
    container, codec, options = FORMATS[name]
    path = encode(tmp_path / name, container=container, codec=codec, options=options)
    with VideoFile(path) as file:
        wanted = {file._times[index] for index in (0, 59)}
        assert wanted <= (shown := {time for time, _ in file._needed(wanted)}) and len(shown) <= most


def test_path_and_bytes_are_the_same(tmp_path):
    path = encode(tmp_path / "video.mp4")
    with VideoFile(path) as first, VideoFile(str(path)) as second, VideoFile(path.read_bytes()) as third:
        assert np.array_equal(first.read([3, 40]), second.read([3, 40]))
        assert np.array_equal(first.read([3, 40]), third.read([3, 40]))
        assert (first.fps, third.fps) == (30.0, 30.0)


def test_uneven_times_do_not_shift_frames(tmp_path):
    times = np.cumsum(np.random.default_rng(1).integers(1, 5, 60)).tolist()
    path = encode(tmp_path / "video.mkv", container="matroska", times=times)
    with VideoFile(path) as file:
        assert np.array_equal(file.read([0, 17, 59]), decode_all(path)[[0, 17, 59]])


def test_frames_before_the_start_of_an_edit_are_not_counted(tmp_path):
    """A cut without re-encoding leaves packets in the file that are decoded and never shown."""
    path, cut = encode(tmp_path / "whole.mp4"), tmp_path / "cut.mp4"
    with av.open(str(path)) as source, av.open(str(cut), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream, packet.pts, packet.dts = stream, packet.pts - 5 * 512, packet.dts - 5 * 512
                target.mux(packet)
    with VideoFile(cut) as file:
        assert file.num_frames == 55
        assert np.array_equal(file.read([0, 1, 54]), decode_all(path)[[5, 6, 59]])


@pytest.mark.parametrize("part", [0.4, 0.7, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, part):
    whole = encode(tmp_path / "video.mp4", movflags="faststart").read_bytes()
    with pytest.raises(ValueError, match=r"is cut short: expected 60 frames as its header says, got \d+$"):
        VideoFile(whole[: int(len(whole) * part)])


def test_a_matroska_file_cut_short_is_refused(tmp_path):
    whole = encode(tmp_path / "video.mkv", container="matroska").read_bytes()
    with pytest.raises(ValueError, match=r"is cut short: expected 2\.00 s of video as its header says, got 1\.\d+ s$"):
        VideoFile(whole[: int(len(whole) * 0.7)])


def test_a_file_without_its_table_is_refused(tmp_path):
    path = encode(tmp_path / "video.mp4")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} cannot be read as a video: Invalid data"):
        VideoFile(path)


def test_a_damaged_frame_is_refused(tmp_path):
    """The header is whole, and all packets are there, but one holds nothing that can be decoded."""
    path = encode(tmp_path / "video.mp4", codec="mpeg4", options={"bf": "0", "g": "1"})
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as file:
        packet = [packet for packet in file.demux(video=0) if packet.size][30]
    content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    with VideoFile(bytes(content)) as file:
        assert np.array_equal(file.read([29, 31]), decode_all(path)[[29, 31]])
        with pytest.raises(ValueError, match=r"is damaged: expected 2 frames at \[29, 30\], got 1"):
            file.read([29, 30])


def test_frames_of_different_sizes_are_refused(tmp_path):
    """Raw streams may change their size on the way."""
    parts = [encode(tmp_path / f"{size[0]}.h264", 5, size, "h264") for size in ((96, 64), (128, 64))]
    with (
        VideoFile(b"".join(part.read_bytes() for part in parts)) as file,
        pytest.raises(ValueError, match=r"must have one size, expected \(96, 64\), got \(128, 64\)"),
    ):
        file.read(range(file.num_frames))


@pytest.mark.parametrize("content", [b"", b"no video" * 200])
def test_what_is_no_video_is_refused(content):
    with pytest.raises(ValueError, match=rf"^the video of {len(content)} bytes cannot be read as a video"):
        VideoFile(content)


def test_sound_alone_is_refused(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        sound.rate = 16000
        file.mux(stream.encode(sound))
        file.mux(stream.encode(None))
    with pytest.raises(ValueError, match="it has no video stream"):
        VideoFile(path)


@pytest.mark.parametrize("url", ["https://example.org/a.mp4", "http://example.org/a.mp4", "file:///tmp/a.mp4"])
def test_urls_are_refused(url):
    with pytest.raises(
        ValueError, match=f"from a path or from bytes and never fetched, got '{url}'; download it first"
    ):
        VideoFile(url)


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"absent\.mp4"):
        VideoFile("absent.mp4")


def test_a_playlist_cannot_open_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    encode("part.ts", container="mpegts")
    playlist = b"ffconcat version 1.0\nfile part.ts\n"
    with av.open(io.BytesIO(playlist)) as file:
        assert next(file.decode(video=0)).width == 96  # what FFmpeg does if it may
    with pytest.raises(ValueError, match="cannot be read as a video"):
        VideoFile(playlist)


def test_memory_holds_the_selected_frames_alone(tmp_path, monkeypatch):
    """Pictures are converted one by one as they are decoded, and the decoded ones are let go."""
    path = encode(tmp_path / "video.mp4", 90, (480, 270), options={"preset": "ultrafast"})
    alive, convert = [], decoding._Rgb.__call__

    def count(self, frame):
        alive.append(sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects()))
        return convert(self, frame)

    with VideoFile(path) as file:
        tracemalloc.start()
        frames = file.read(range(0, 90, 10))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        monkeypatch.setattr(decoding._Rgb, "__call__", count)
        file.read(range(0, 90, 10))
    assert frames.nbytes < peak < frames.nbytes + 3 * frames[0].nbytes
    assert len(alive) == 9 and max(alive) <= 4


@pytest.mark.parametrize(("name", "number"), [("bedroom.mp4", 200), ("03_blocks.mp4", 292)])
def test_real_videos(name, number):
    if not (REAL / name).exists():
        pytest.skip(f"needs {name} of the shared data")
    indices = [0, 13, 111, 112, 179, number - 1]
    with VideoFile(REAL / name) as file, av.open(str(REAL / name)) as reference:
        assert file.num_frames == number
        frames = dict(zip(indices, file.read(indices), strict=True))
        for index, frame in enumerate(reference.decode(video=0)):
            if index in frames:
                assert np.array_equal(frames.pop(index), frame.to_ndarray(format="rgb24"))
    assert not frames
