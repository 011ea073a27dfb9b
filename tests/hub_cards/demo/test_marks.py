import math

import numpy as np
import pytest
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.masks import decode_mask
from hub_cards.demo.clip import Clip
from hub_cards.demo.marks import MOST_MARKS, read_marks

CLIP = Clip("room", tuple(Image.new("RGB", (64, 48)) for _ in range(3)))
POINT = {"frame_index": 0, "kind": "point", "colour": "red", "points": [[3, 4]]}


def mark(**changes) -> dict:
    return {"marks": [POINT | changes]}


def test_points_and_boxes_in_any_direction():
    box = {"frame_index": 2, "kind": "bbox", "colour": "blue", "points": [[40, 30], [10, 5.5]]}
    assert read_marks({"marks": [POINT, box]}, CLIP) == [
        {"frame_index": 0, "kind": "point", "colour": "red", "point": [3.0, 4.0]},
        {"frame_index": 2, "kind": "bbox", "colour": "blue", "bbox": [10.0, 5.5, 40.0, 30.0]},
    ]
    assert read_marks({"marks": []}, CLIP) == []


def test_an_outline_becomes_the_mask_of_what_it_encloses():
    (region,) = read_marks(mark(kind="mask", points=[[10, 10], [30, 10], [30, 20], [10, 20]]), CLIP)
    mask = decode_mask(region["mask"])
    expected = np.zeros((48, 64), bool)
    expected[10:21, 10:31] = True
    assert np.array_equal(mask, expected)


def test_points_beyond_the_edge_come_back_onto_it():
    (region,) = read_marks(mark(points=[[-5, 99]]), CLIP)
    assert region["point"] == [0.0, 47.0]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {"marks": None},
        {"marks": [POINT] * (MOST_MARKS + 1)},
        {"marks": ["x"]},
        {"marks": [{}]},
        mark(frame_index=3),
        mark(frame_index=-1),
        mark(frame_index="0"),
        mark(frame_index=0.5),
        mark(kind="path"),
        mark(kind=["point"]),
        mark(colour="url(x)"),
        mark(points=[]),
        mark(points=[[1, 2], [3, 4]]),
        mark(points=[[1]]),
        mark(points=[["a", "b"]]),
        mark(points=[[math.nan, 1]]),
        mark(points=[[math.inf, 1]]),
        mark(points="ab"),
        mark(kind="bbox", points=[[5, 5], [5, 30]]),
        mark(kind="bbox", points=[[100, 100], [200, 200]]),
        mark(kind="mask", points=[[1, 1], [9, 9]]),
        mark(kind="mask", points=[[1, 1]] * 5),
        mark(kind="mask", points=[[i % 60, i % 40] for i in range(5000)]),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(value):
    with pytest.raises(InputError, match=r"^frames: (mark 1|marks): [^\n]+; clear "):
        read_marks(value, CLIP)
