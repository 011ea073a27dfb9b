from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_builders.conversation import select_frames
from evaluate_metrics.benchmarks.media import (
    ROW_GROUPS,
    EncodedImage,
    FrameFiles,
    ImageRow,
    ParquetImages,
    Shown,
    VideoFile,
)

VIDEOS = Path(__file__).resolve().parents[4] / "shared" / "data" / "sam2_videos"


def brightness(shown) -> list[int]:
    return [image.getpixel((10, 10))[0] for image in shown.images]


@pytest.mark.parametrize("gop", [1, 4, 100])
def test_video_frames_are_those_asked_for(tmp_path, write_video, gop):
    values = [20 + 9 * index for index in range(23)]
    write_video(tmp_path / "a.mp4", values, gop)
    shown = VideoFile(tmp_path / "a.mp4").load(5, required=[3])
    assert list(shown.indices) == select_frames(23, 5, [3])
    assert brightness(shown) == pytest.approx([values[index] for index in shown.indices], abs=2)
    assert shown.is_video


def test_more_frames_than_there_are(tmp_path, write_video):
    write_video(tmp_path / "a.mp4", [50, 100])
    assert VideoFile(tmp_path / "a.mp4").load(8).indices == (0, 1)


@pytest.mark.parametrize(
    ("indices", "rate"),
    [((0, 10, 20, 30), 2.5), ((30, 0), 25 / 30), ((0, 10, 0, 10), 2.5), ((4,), None), ((4, 4), None)],
)
def test_the_rate_of_sampling_counts_different_frames_over_what_they_span(indices, rate):
    assert Shown((), indices, frame_rate=25.0).sampling_rate == (rate and pytest.approx(rate))
    assert Shown((), indices).sampling_rate is None


@pytest.mark.skipif(not VIDEOS.is_dir(), reason="needs ../shared/data/sam2_videos")
def test_seeking_in_a_real_video_gives_what_decoding_all_of_it_gives():
    av = pytest.importorskip("av", reason="needs the model extra")
    path = VIDEOS / "bedroom.mp4"
    shown = VideoFile(path).load(6, required=[77])
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert (len(frames), shown.indices[0], shown.indices[-1]) == (200, 0, 199)
    for index, image in zip(shown.indices, shown.images, strict=True):
        assert np.array_equal(np.asarray(image), frames[index].to_ndarray(format="rgb24"))


@pytest.mark.parametrize("content", [b"", b"not a video", None])
def test_a_broken_video_is_an_error_that_a_row_can_state(tmp_path, write_video, content):
    path = tmp_path / "a.mp4"
    write_video(path, [10, 20, 30])
    path.write_bytes(path.read_bytes()[:300] if content is None else content)
    with pytest.raises((OSError, ValueError)):
        VideoFile(path).load(2)


def test_frames_in_files(tmp_path, png):
    paths = [tmp_path / f"{index}.png" for index in range(6)]
    for index, path in enumerate(paths):
        path.write_bytes(png(10 * index))
    shown = FrameFiles(tuple(paths)).load(3, required=[1])
    assert (shown.indices, brightness(shown)) == ((1, 2, 5), [10, 20, 50])


def test_images_of_parquet_come_from_any_row_in_any_order(tmp_path, png):
    rows = 3 * ROW_GROUPS
    table = pa.table(
        {
            "one": [{"bytes": png(index), "path": None} if index % 2 else None for index in range(rows)],
            "bare": [png(100 + index) for index in range(rows)],
            "many": [[{"bytes": png(200 + index), "path": "a.png"}] * (index % 3) for index in range(rows)],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    store = ParquetImages(tmp_path / "a.parquet", ["one", "bare", "many"])
    for row in np.random.default_rng(0).permutation(rows).tolist():
        expected = [row] * (row % 2) + [100 + row] + [200 + row] * (row % 3)
        shown = ImageRow(store, row).load(1)
        assert (brightness(shown), shown.is_video) == (expected, False)
        assert len(store._cache) <= ROW_GROUPS


@pytest.mark.parametrize("text", ["!!!", "aGVsbG8="])
def test_what_is_no_image_is_an_error(text):
    with pytest.raises((ValueError, OSError)):
        EncodedImage(text).load(1)
