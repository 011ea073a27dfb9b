import numpy as np
import pytest

from dataset_builders.masks import encode_mask
from trl_recipes.rewards import grounding_reward

BOX = {"kind": "bbox", "point": None, "bbox": [10.0, 10.0, 30.0, 30.0], "mask": None}
POINT = {"kind": "point", "point": [50.0, 50.0], "bbox": None, "mask": None}
DISC = np.hypot(*np.mgrid[:80, :100] - np.array([40, 70])[:, None, None]) < 10
MASK = {"kind": "mask", "point": None, "bbox": None, "mask": encode_mask(DISC)}
PATH = {"kind": "path", "point": None, "bbox": None, "mask": None}


def _reward(reasoning, *regions):
    [reward] = grounding_reward([f"<think>{reasoning}</think><answer>(20, 20)</answer>"], [list(regions)])
    return reward


@pytest.mark.parametrize(
    ("reasoning", "regions", "expected"),
    [
        ("the cup in [10, 10, 30, 30]", [BOX], 1.0),
        ("the cup in (10.0,10.0,30.0,30.0)", [BOX], 1.0),
        ("the cup in [20, 10, 40, 30]", [BOX], 1 / 3),
        ("the cup in [30, 30, 10, 10]", [BOX], 0.0),
        ("the cup at (20, 20)", [BOX], 1.0),
        ("the cup at (31, 20)", [BOX], 0.0),
        ("the point (50, 50)", [POINT], 1.0),
        ("the point [50, 64]", [POINT], 0.5),
        ("the point (50, 78)", [POINT], 0.0),
        ("a box is no point [40, 40, 60, 60]", [POINT], 0.0),
        ("the disc at (70, 40)", [MASK], 1.0),
        ("the disc at (62, 33)", [MASK], 0.0),
        ("off the frame (700, -40)", [MASK], 0.0),
        ("the disc in [61, 31, 80, 50]", [MASK], 1.0),
        ("from (20, 20) to (50, 50)", [BOX, POINT], 1.0),
        ("from (50, 50) to (20, 20)", [BOX, POINT], 1.0),
        ("only (50, 50)", [BOX, POINT], 0.5),
        ("(20, 20), (21, 20), (22, 20)", [BOX], 1 / 3),
        ("(20, 20) again and again (20, 20)", [BOX], 1.0),
        ("(20, 20)", [BOX, PATH], 1.0),
        ("about 20 pixels, 3 m", [BOX], 0.0),
        ("(20, 20", [BOX], 0.0),
        ("", [BOX], 0.0),
    ],
)
def test_agreement(reasoning, regions, expected):
    assert _reward(reasoning, *regions) == pytest.approx(expected)


def test_only_where_something_is_marked():
    assert _reward("(20, 20)") is None and _reward("(20, 20)", PATH) is None
    assert grounding_reward(["<think>(20, 20)</think>"], [None]) == [None]


def test_coordinates_outside_the_reasoning_do_not_count():
    assert grounding_reward(["(20, 20)", "<answer>(20, 20)</answer>"], [[BOX]] * 2) == [0.0, 0.0]


@pytest.mark.parametrize(
    "reasoning",
    ["".join(f"({x}, {y})" for x in range(0, 99, 9) for y in range(0, 99, 9)), "(" * 19_000, "(1," * 6_000],
    ids=["grid", "brackets", "halves"],
)
def test_searching_does_not_pay(reasoning):
    assert _reward(reasoning, BOX, POINT, MASK) == 0.0
