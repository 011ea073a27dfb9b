"""Regions are drawn as the dataset draws them, and what cannot be drawn is refused."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_builders import conversation
from dataset_builders.masks import encode_mask
from dataset_builders.question import REGION_COLOURS as DATASET_COLOURS
from modeling_spacevista.regions import REGION_COLOURS, check_regions, decode_mask, draw_regions

WIDTH, HEIGHT = 90, 62
seeds = st.integers(0, 2**32 - 1)


def _noise(seed, size=(WIDTH, HEIGHT)):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


@st.composite
def regions(draw):
    x, y = st.floats(-5, WIDTH + 5), st.floats(-5, HEIGHT + 5)
    kind = draw(st.sampled_from(["point", "bbox", "mask", "path"]))
    region = {"frame_index": 0, "kind": kind, "colour": draw(st.sampled_from(list(REGION_COLOURS)))}
    region |= dict.fromkeys(["point", "bbox", "mask", "path"])
    if kind == "point":
        region["point"] = [draw(x), draw(y)]
    elif kind == "bbox":
        left, right = sorted([draw(x), draw(x)])
        top, bottom = sorted([draw(y), draw(y)])
        region["bbox"] = [left, top, right, bottom]
    elif kind == "path":
        region["path"] = draw(st.lists(st.tuples(x, y), min_size=2, max_size=5))
    else:
        rng = np.random.default_rng(draw(seeds))
        blocks = np.kron(rng.random((8, 10)) < draw(st.floats(0, 1)), np.ones((8, 9), dtype=bool))
        region["mask"] = encode_mask(blocks[:HEIGHT, :WIDTH])
    return region


@settings(max_examples=60, deadline=None)
@given(marks=st.lists(regions(), max_size=4), seed=seeds)
def test_pixels_are_those_of_the_dataset(marks, seed):
    frame = _noise(seed)
    before = frame.tobytes()
    check_regions(marks, 1)
    assert draw_regions(frame, marks).tobytes() == conversation.draw_regions(frame, marks).tobytes()
    assert frame.tobytes() == before


def test_colours_are_those_of_the_dataset():
    assert list(REGION_COLOURS.items()) == list(DATASET_COLOURS.items())


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), fill=st.floats(0, 1), seed=seeds)
def test_masks_come_back_from_run_lengths(height, width, fill, seed):
    mask = np.random.default_rng(seed).random((height, width)) < fill
    assert np.array_equal(decode_mask(encode_mask(mask), (height, width)), mask)


def test_long_runs_come_back():
    mask = np.zeros((700, 900), dtype=bool)
    mask[50:600, 100:800] = True
    assert np.array_equal(decode_mask(encode_mask(mask), mask.shape), mask)


POINT = {"frame_index": 0, "kind": "point", "colour": "red", "point": [1, 2]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame_index": 3}, "frame_index of a region must be a whole number from 0 to 2, got 3"),
        ({"frame_index": -1}, "from 0 to 2, got -1"),
        ({"frame_index": "0"}, "from 0 to 2, got '0'"),
        ({"kind": "circle"}, "kind of a region must be one of point, bbox, mask, path, got 'circle'"),
        ({"colour": "mauve"}, "colour of a region must be one of red, blue, green, yellow, got 'mauve'"),
        ({"point": None}, "point of a region must be [x, y], got None"),
        ({"point": [1, 2, 3]}, "point of a region must be [x, y], got [1, 2, 3]"),
        ({"point": [1, float("nan")]}, "point of a region must be finite"),
        ({"point": "ab"}, "point of a region must be [x, y], got 'ab'"),
        ({"kind": "bbox", "bbox": [5, 1, 2, 9]}, "ordered as [x1, y1, x2, y2], got [5, 1, 2, 9]"),
        ({"kind": "bbox", "bbox": [5, 1]}, "bbox of a region must be [x1, y1, x2, y2], got [5, 1]"),
        ({"kind": "path", "path": [[1, 2]]}, "path of a region must be [[x, y], …] of two points or more"),
        ({"kind": "mask", "mask": None}, "a mask must be COCO run lengths"),
        ({"kind": "mask", "mask": {"size": [2, 2]}}, "a mask must be COCO run lengths"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, message):
    check_regions([POINT], 3)
    with pytest.raises(ValueError, match=re.escape(message)):
        check_regions([POINT, POINT | change], 3)


@pytest.mark.parametrize(
    ("counts", "size", "message"),
    [
        ("121", [2, 3], "a mask must have the size of its frame, expected [2, 2], got [2, 3]"),
        ("122", [2, 2], "the run lengths of a mask must fill its 4 pixels, got 5"),
        ("", [2, 2], "must fill its 4 pixels, got 0"),
        ("1 2", [2, 2], "must be COCO's characters '0' to 'o', got ' '"),
        ("Oo0", [2, 2], "must fill its 4 pixels"),
    ],
)
def test_a_mask_that_is_not_of_its_frame_is_refused(counts, size, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        decode_mask({"size": size, "counts": counts}, (2, 2))
