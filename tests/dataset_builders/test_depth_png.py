import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_builders.sources.depth_png import ENCODINGS, decode_depth


@pytest.mark.parametrize(
    ("encoding", "stored", "metres"),
    [
        ("millimetre", 1234, 1.234),
        ("tum", 6170, 1.234),
        ("ycb", 12340, 1.234),
        ("kitti", 5157, 5157 / 256),
        ("sunrgbd", 1234 << 3, 1.234),
        ("sunrgbd", 0b0010_0000_0000_0011, 25.6),  # the lowest three bits become the highest: 0b0110_0100_0000_0000 mm
    ],
)
def test_one_value_of_each_encoding(encoding, stored, metres):
    depth = decode_depth(np.array([[stored]], np.uint16), encoding)
    assert depth.dtype == np.float32 and depth[0, 0] == np.float32(metres)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_the_lowest_and_the_highest_value_are_unknown(encoding, dtype):
    assert decode_depth(np.array([[0, 65535, 8]], dtype), encoding).astype(bool).tolist() == [[False, False, True]]


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 65534))
def test_sun_undoes_what_its_toolbox_writes(millimetres):
    """SUN RGB-D stores bitor(bitshift(mm, 3), bitshift(mm, -13)) of 16 bits."""
    stored = int(f"{millimetres:016b}"[3:] + f"{millimetres:016b}"[:3], 2)
    assert decode_depth(np.array([[stored]]), "sunrgbd")[0, 0] == np.float32(millimetres / 1000)


@pytest.mark.parametrize(
    ("folder", "pattern", "encoding", "least", "most", "known"),
    [  # as SOURCE.md of each folder says
        ("rgbd_formats", "TUM_depth.png", "tum", 1.46, 9.33, (0.5, 1)),
        ("rgbd_formats", "SUN_depth.png", "sunrgbd", 1.06, 9.87, (0.5, 1)),
        ("nyu_kitti_depth", "nyu/sync_depth_*.png", "millimetre", 0.71, 8.3, (0.67, 0.75)),
        ("nyu_kitti_depth", "kitti/depth_*.png", "kitti", 5.1, 84.9, (0.18, 0.20)),
        ("ycb_posecnn", "*-depth.png", "ycb", 0.77, 3.5, (0.5, 1)),
    ],
)
def test_real_depths_have_the_published_ranges(real_data, folder, pattern, encoding, least, most, known):
    depths = [decode_depth(np.asarray(Image.open(path)), encoding) for path in real_data(folder).glob(pattern)]
    seen = np.concatenate([depth[depth > 0] for depth in depths])
    assert seen.min() == pytest.approx(least, rel=0.02) and seen.max() == pytest.approx(most, rel=0.02)
    assert all(known[0] - 0.01 <= (depth > 0).mean() <= known[1] + 0.01 for depth in depths)


@pytest.mark.parametrize(
    ("folder", "pattern", "encoding", "median"),
    [
        ("rgbd_formats", "TUM_depth.png", "tum", (2.41, 2.43)),
        ("rgbd_formats", "SUN_depth.png", "sunrgbd", (2.71, 2.73)),
        ("ycb_posecnn", "*-depth.png", "ycb", (0.955, 0.975)),
        ("uois_tabletop", "*.depth.png", "millimetre", (0.68, 1.12)),
    ],
)
def test_real_depths_have_the_published_median(real_data, folder, pattern, encoding, median):
    for path in real_data(folder).glob(pattern):
        depth = decode_depth(np.asarray(Image.open(path)), encoding)
        assert median[0] <= np.median(depth[depth > 0]) <= median[1]
