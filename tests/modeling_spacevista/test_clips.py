"""Whatever a video comes as, the selected frames are the same; what is no video is refused."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.video_utils import VideoMetadata

from dataset_builders.conversation import draw_regions
from dataset_builders.masks import encode_mask
from modeling_spacevista.clips import list_videos, load_clip
from modeling_spacevista.selection import Selection

from .test_decoding import decode_all, encode

MASK = np.zeros((64, 96), dtype=bool)
MASK[10:30, 20:50] = True
REGIONS = [
    {"frame_index": 5, "kind": "point", "colour": "red", "point": [30, 20], "bbox": None, "mask": None},
    {"frame_index": 5, "kind": "bbox", "colour": "blue", "bbox": [3, 4, 60, 50]},
    {"frame_index": 40, "kind": "mask", "colour": "green", "mask": encode_mask(MASK)},
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("clips") / "video.mp4")


@pytest.fixture(scope="module")
def frames(path):
    return decode_all(path)


@pytest.fixture(scope="module")
def kinds(path, frames):
    """The same video in every form, and whether its colours come first."""
    channels_first = torch.from_numpy(frames).permute(0, 3, 1, 2)
    return {
        "path": path,
        "text": str(path),
        "bytes": path.read_bytes(),
        "memory": memoryview(path.read_bytes()),
        "pictures": [Image.fromarray(frame) for frame in frames],
        "array": frames,
        "tensor": torch.from_numpy(frames),
        "channels_first": channels_first,
        "arrays": list(frames),
        "tensors": list(channels_first),
    }


KINDS = "path text bytes memory pictures array tensor channels_first arrays tensors".split()


def _channels_last(clip):
    array = np.asarray(clip)
    return array.transpose(0, 2, 3, 1) if array.shape[1] == 3 else array


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_marked_frames(kinds, frames, kind):
    assert len(list_videos(kinds[kind])) == 1
    before = np.array(frames)
    clip, metadata = load_clip(kinds[kind], Selection(num_frames=8), REGIONS)
    indices = Selection(num_frames=8).indices(60, required=[5, 40])
    expected = [
        np.asarray(draw_regions(Image.fromarray(frames[i]), [r for r in REGIONS if r["frame_index"] == i]))
        for i in indices
    ]
    assert {5, 40} < set(metadata.frames_indices) and metadata.frames_indices == indices
    assert np.array_equal(_channels_last(clip), np.stack(expected))
    assert (metadata.height, metadata.width, metadata.total_num_frames) == (64, 96, 60)
    assert np.array_equal(frames, before)


@pytest.mark.parametrize("kind", KINDS)
def test_all_frames_and_given_frames(kinds, frames, kind):
    assert np.array_equal(_channels_last(load_clip(kinds[kind], Selection())[0]), frames)
    clip, _ = load_clip(kinds[kind], Selection(frame_indices=[2, 3, 50]))
    assert np.array_equal(_channels_last(clip), frames[[2, 3, 50]])


def test_all_frames_with_regions_leave_the_given_ones_alone(kinds, frames):
    before = np.array(frames)
    for kind in ("array", "tensor", "channels_first", "pictures"):
        clip, _ = load_clip(kinds[kind], Selection(), REGIONS)
        assert not np.array_equal(_channels_last(clip)[5], before[5])
        assert np.array_equal(frames, before)


def test_rate_of_what_was_selected(path, frames):
    assert load_clip(path, Selection(num_frames=16))[1].sampled_fps == pytest.approx(15 / 59 * 30)
    assert load_clip(path, Selection(fps=5))[1].sampled_fps == pytest.approx(5)
    assert load_clip(path, Selection(frame_indices=[20, 21]))[1].sampled_fps == 30.0
    assert load_clip(path, Selection())[1].sampled_fps == 30.0
    known = VideoMetadata(total_num_frames=60, fps=12.0)
    assert load_clip(frames, Selection(fps=3), metadata=known)[1].sampled_fps == pytest.approx(3)
    assert load_clip(frames, Selection(), metadata={"total_num_frames": 60, "fps": 12.0})[1].sampled_fps == 12.0
    # What the library says of frames without a rate, and of frames that somebody else selected.
    assert load_clip(frames, Selection())[1].sampled_fps == 24
    sampled = {"total_num_frames": 600, "fps": 30.0, "frames_indices": list(range(0, 600, 10))}
    assert load_clip(frames, Selection(), metadata=sampled)[1].sampled_fps == VideoMetadata(**sampled).sampled_fps
    clip, metadata = load_clip(frames, Selection(frame_indices=[0, 6]), metadata=sampled)
    assert metadata.frames_indices == [0, 60] and metadata.sampled_fps == 0.5


def test_videos_are_listed(kinds):
    array, picture = kinds["array"], kinds["pictures"][0]
    assert [len(video) for video in list_videos(np.stack([array, array]))] == [60, 60]
    assert list_videos([["a.mp4"], [], ["b.mp4", b"c"]]) == ["a.mp4", "b.mp4", b"c"]
    assert list_videos([[[picture, picture]], [[picture]]]) == [[picture, picture], [picture]]
    assert list_videos(picture) == [[picture]]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_pictures_of_other_modes_are_taken_as_rgb(frames, mode):
    pictures = [Image.fromarray(frame).convert(mode) for frame in frames[:3]]
    clip, _ = load_clip([Image.fromarray(frames[5]), *pictures], Selection(), [{**REGIONS[0], "frame_index": 0}])
    assert np.array_equal(clip[1:], np.stack([np.asarray(picture.convert("RGB")) for picture in pictures]))


@pytest.mark.parametrize(
    ("video", "message"),
    [
        (3, "got int"),
        (np.zeros((2, 2)), "got ndarray of shape (2, 2)"),
        (torch.zeros(1, 1, 1, 1, 1, 1), "got Tensor of shape (1, 1, 1, 1, 1, 1)"),
    ],
)
def test_what_is_no_video_is_refused(video, message):
    with pytest.raises(ValueError, match=re.escape(f"array or tensor of four dimensions, {message}")):
        list_videos(video)


def _picture(mode="RGB", size=(96, 64)):
    return Image.new(mode, size)


@pytest.mark.parametrize(
    ("video", "regions", "message"),
    [
        ([], [], "a video has no frames, expected at least one, got 0"),
        (np.zeros((0, 4, 4, 3), np.uint8), [], "a video has no frames, expected at least one, got 0"),
        (np.zeros((2, 4, 4, 3), np.int64), [], "must be uint8 or floating point, got int64"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.bool), [], "must be uint8 or floating point, got torch.bool"),
        ([np.zeros((4, 4, 3)), np.zeros((4, 5, 3))], [], "one size, expected (4, 4, 3) as in frame 0, got (4, 5, 3)"),
        ([_picture(), np.zeros((64, 96, 3))], [], "one type, expected Image as in frame 0, got ndarray in frame 1"),
        ([_picture()] * 6, REGIONS, "frame_index of a region must be a whole number from 0 to 5, got 40"),
        ([_picture(size=(9, 9))] * 60, REGIONS, "size of its frame, expected [9, 9], got [64, 96]"),
        ([_picture()], [{**REGIONS[0], "frame_index": 0, "colour": "pink"}], "blue, green, yellow, got 'pink'"),
        (np.zeros((9, 64, 96, 3)), REGIONS[:1], "uint8 frames of 3 colours, got float64 of 3 colours"),
        (np.zeros((9, 64, 96, 1), np.uint8), REGIONS[:1], "uint8 frames of 3 colours, got uint8 of 1 colours"),
    ],
)
def test_bad_frames_and_regions_are_refused(video, regions, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        load_clip(video, Selection(), regions)


def test_a_mask_of_another_size_is_refused_on_a_file(path):
    region = {**REGIONS[2], "mask": encode_mask(MASK.T)}
    with pytest.raises(ValueError, match=re.escape("expected [64, 96], got [96, 64]")):
        load_clip(path, Selection(), [region])


@pytest.mark.parametrize("selection", [Selection(num_frames=61), Selection(fps=31), Selection(frame_indices=[60])])
def test_a_file_is_named_that_has_too_few_frames(path, selection):
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} has too few frames, expected .*, got "):
        load_clip(path, selection)


def test_metadata_of_other_frames_is_refused(path, frames):
    with pytest.raises(ValueError, match="that of a file is read from it"):
        load_clip(path, Selection(), metadata={"total_num_frames": 60})
    with pytest.raises(ValueError, match=r"must number all frames of its video, expected 60, got 2"):
        load_clip(frames, Selection(), metadata={"total_num_frames": 60, "frames_indices": [0, 1]})
