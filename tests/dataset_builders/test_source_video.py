"""Videos as the colours of posed frames, and every way in which one can be broken."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dataset_builders.build import build_dataset
from dataset_builders.errors import InputError
from dataset_builders.sources.rgbd import RgbdSource
from dataset_builders.sources.video import video_frames

SIZE = WIDTH, HEIGHT = 96, 72


def grey(number: int) -> int:
    return 20 + 3 * number


def write_video(path: Path, num_frames: int) -> Path:
    """Every frame is of one grey, which tells its number."""
    with av.open(path, "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=Fraction(30), width=WIDTH, height=HEIGHT, pix_fmt="yuv420p")
        for number in range(num_frames):
            frame = np.full((HEIGHT, WIDTH, 3), grey(number), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def kitchen(tmp_path, write_rgbd):
    """Poses 0, 35 and 70; their images make way for a video of 71 frames."""
    folder = write_rgbd(tmp_path / "kitchen", num_frames=3)
    for path in folder.glob("*.color.jpg"):
        path.unlink()
    write_video(folder / "color.mp4", 71)
    return folder


def load(folder: Path, num_frames=None):
    source = RgbdSource(folder, num_frames)
    return source.load(source.refs()[0])


def test_a_pose_goes_with_the_frame_of_its_number(tmp_path):
    path = write_video(tmp_path / "color.mp4", 40)
    found = list(video_frames(path, "color.mp4", [0, 7, 7, 39]))
    assert all(frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8 for frame in found)
    assert [round(float(frame.mean())) for frame in found] == pytest.approx([grey(n) for n in (0, 7, 7, 39)], abs=2)


def test_a_scene_with_a_video_is_one_with_its_frames(kitchen):
    scene = load(kitchen)
    assert [round(10 * frame.camera.camera_to_world[0, 3]) for frame in scene.frames] == [0, 1, 2]
    assert [len(load(kitchen, number).frames) for number in (1, 2)] == [1, 2]
    assert all(frame.color.shape == (HEIGHT, WIDTH, 3) and frame.depth.any() for frame in scene.frames)


def test_a_video_that_ends_before_its_poses_is_named(kitchen):
    write_video(kitchen / "color.mp4", 70)
    message = "kitchen/color.mp4: video: ends after 70 frames, but there is a pose for frame 70; copy it again, or"
    with pytest.raises(InputError, match=message):
        load(kitchen)
    with pytest.raises(InputError, match=message):
        load(kitchen, num_frames=2)  # the last pose is always among the chosen ones


def test_a_video_that_ends_early_is_quarantined_and_other_scenes_are_built(kitchen, write_rgbd):
    write_video(kitchen / "color.mp4", 10)
    write_rgbd(kitchen.parent / "other", size=(480, 360))
    report = build_dataset(RgbdSource(kitchen.parent), kitchen.parent.parent / "dataset")
    assert [row["scene_id"] for row in report.quarantine] == ["kitchen"]
    assert "ends after 10 frames" in report.quarantine[0]["problem"] and report.scenes.total() == 1


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_a_cut_file_is_named(kitchen, share):
    path = kitchen / "color.mp4"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="^kitchen/color.mp4: (video|frame [0-9]+): ") as caught:
        load(kitchen)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"RIFF....AVI ", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", b"ffconcat version 1.0\nfile x\n"]
)
def test_a_file_that_only_calls_itself_a_video_is_refused_and_what_it_names_is_not_read(kitchen, content):
    (kitchen / "color.mp4").write_bytes(content)
    with pytest.raises(InputError, match="kitchen/color.mp4: video: cannot be decoded"):
        load(kitchen)


def test_a_sound_track_is_no_video(kitchen):
    with av.open(kitchen / "color.mp4", "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="kitchen/color.mp4: video: cannot be decoded"):
        load(kitchen)


def test_images_beside_the_video_are_refused(kitchen):
    Image.new("RGB", SIZE).save(kitchen / "frame-000035.color.jpg")
    with pytest.raises(InputError, match="kitchen/color.mp4: file: repeats frame-000035.color.jpg; keep the video or"):
        load(kitchen)


def test_a_video_that_is_a_link_out_of_the_scene_is_refused(kitchen, tmp_path):
    (kitchen / "color.mp4").rename(tmp_path / "elsewhere.mp4")
    (kitchen / "color.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    with pytest.raises(InputError, match="kitchen/color.mp4: file: leads outside"):
        load(kitchen)


def test_without_pyav_the_way_to_get_it_is_told(kitchen, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"needs PyAV, which is not installed; pip install 'spacevista\[sources\]'"):
        load(kitchen)


@pytest.mark.parametrize(
    ("name", "size", "length"), [("bedroom.mp4", (960, 540), 200), ("03_blocks.mp4", (1280, 720), 292)]
)
def test_real_videos_are_read_to_their_last_frame_and_not_beyond(real_data, name, size, length):
    path = real_data("sam2_videos") / name
    found = video_frames(path, name, [0, length - 1, length])
    first, last = next(found), next(found)
    with pytest.raises(InputError, match=f"ends after {length} frames, but there is a pose for frame {length}"):
        next(found)
    assert first.shape == last.shape == (*size[::-1], 3)
    with av.open(path) as container:
        container.streams.video[0].thread_type = "AUTO"
        decoded = list(container.decode(video=0))
    assert len(decoded) == length
    for ours, theirs in ((first, decoded[0]), (last, decoded[-1])):
        np.testing.assert_array_equal(ours, theirs.to_ndarray(format="rgb24"))
