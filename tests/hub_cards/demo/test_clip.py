import struct

import numpy as np
import pytest

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from hub_cards.demo.clip import MOST_FRAMES, SIDE, read_upload
from hub_cards.demo.limits import Limits

# The matrix of a track, 16.16 fixed point with 2.30 in the last column (ISO 14496-12, 8.3.2).
UPRIGHT = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
TURNED_RIGHT = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)


def stripes(num_frames: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Frame i is as bright as 8·i; the left edge is red."""
    frames = np.zeros((num_frames, height, width, 3), np.uint8)
    frames += (8 * np.arange(num_frames, dtype=np.uint8) % 248)[:, None, None, None]
    frames[:, :, :16] = (255, 0, 0)
    return frames


def test_a_short_upload_is_read_whole_and_in_order(tmp_path, write_video, limits):
    clip = read_upload(write_video(tmp_path / "room.mp4", stripes(12)), limits)
    assert clip.name == "room.mp4" and len(clip.frames) == 12
    brightness = [np.asarray(frame)[:, 32:].mean() for frame in clip.frames]
    assert np.allclose(brightness, 8 * np.arange(12), atol=6)


def test_a_long_upload_is_thinned_evenly_and_made_smaller(tmp_path, write_video, limits):
    clip = read_upload(write_video(tmp_path / "room.MP4", stripes(30, 480, 960)), limits)
    assert len(clip.frames) == MOST_FRAMES
    assert {frame.size for frame in clip.frames} == {(SIDE, SIDE // 2)}
    brightness = [np.asarray(frame)[:, 400:].mean() for frame in clip.frames]
    assert np.allclose(brightness, 8 * np.linspace(0, 29, MOST_FRAMES).round(), atol=6)


def test_a_phone_held_upright_gives_upright_frames(tmp_path, write_video, limits):
    path = write_video(tmp_path / "phone.mp4", stripes(4))
    content = path.read_bytes()
    at = content.index(UPRIGHT, content.index(b"tkhd"))
    path.write_bytes(content[:at] + TURNED_RIGHT + content[at + len(UPRIGHT) :])
    frame = np.asarray(read_upload(path, limits).frames[0]).astype(int)
    assert frame.shape == (64, 48, 3)
    redness = frame[..., 0] - frame[..., 1]
    assert redness[:12].min() > 150 and abs(redness[20:]).max() < 60  # what was left is on top


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("notes.txt", b"hello", r"^notes\.txt: type: is \.txt; use one of mp4, "),
        ("noname", b"", r"^noname: type: is missing; "),
        ("broken.mp4", b"no video" * 100, r"^broken\.mp4: content: cannot be read as a video.*; record or export"),
        ("large.mp4", bytes(1_200_000), r"^large\.mp4: size: is 1\.1 MB; use a file of at most 1 MB$"),
        # A playlist must not make the decoder open other files.
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", r"^list\.mp4: content: cannot be read"),
    ],
)
def test_what_is_no_video_for_the_page_is_refused_in_one_line(tmp_path, limits, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as refused:
        read_upload(tmp_path / name, limits)
    assert str(tmp_path) not in str(refused.value) and "\n" not in str(refused.value)


def test_too_long_and_too_large_videos_are_refused(tmp_path, write_video, limits):
    with pytest.raises(InputError, match=r"^long\.mp4: duration: is 3\.1 s; use one of at most 3 s$"):
        read_upload(write_video(tmp_path / "long.mp4", stripes(31)), limits)
    with pytest.raises(InputError, match=r"^wide\.mp4: resolution: is 64 × 48 pixels; use one of at most 60 pixels"):
        read_upload(write_video(tmp_path / "wide.mp4", stripes(3)), Limits(video_side=60))


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(InputError, match="video_seconds: is 0; "):
        Limits(video_seconds=0)


def test_the_model_sees_the_frames_that_evaluation_shows(scenes_dir, samples):
    store = FrameStore(str(scenes_dir), "train", num_frames=4)
    compared = 0
    for place in range(len(samples.entries)):
        sample = samples.open(place)
        for question in sample.questions:
            seen = sample.clip.seen(4, question["regions"], question["key_frames"])
            for ours, theirs in zip(seen, store.frames(question), strict=True):
                assert np.array_equal(np.asarray(ours.image), np.asarray(theirs))
            assert {one.index for one in seen if one.is_marked} == {one["frame_index"] for one in question["regions"]}
            compared += bool(question["regions"])
    assert compared > 0


def test_marks_on_more_frames_than_the_model_sees_are_refused(samples):
    clip = samples.open(0).clip
    marks = [{"frame_index": index, "kind": "point", "colour": "red", "point": [9.0, 9.0]} for index in range(5)]
    assert [one.index for one in clip.seen(4, marks[:4])] == [0, 1, 2, 3]
    with pytest.raises(InputError, match="marks: are on 5 frames, and the model sees 4"):
        clip.seen(4, marks)
