import re

import numpy as np
import pytest
import torch

from modeling_spacevista.geometry import flatten_geometry

GRIDS = [[1, 4, 6], [3, 2, 4]]


def test_tokens_follow_the_grid_row_by_row():
    first, second = torch.arange(30.0).reshape(1, 2, 3, 5), torch.rand(3, 1, 2, 5)
    tokens = flatten_geometry([first.numpy(), second.double()], GRIDS, 2)
    assert tokens.shape == (12, 5) and tokens.dtype == torch.float32
    assert torch.equal(tokens[:6], torch.stack([first[0, row, column] for row in range(2) for column in range(3)]))
    assert torch.equal(tokens[6:], second.flatten(0, 2))


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        ([torch.ones(1, 2, 3, 5)], "geometry needs one tensor per image and video, expected 2, got 1"),
        (
            [torch.ones(1, 2, 3, 5), torch.ones(3, 2, 1, 5)],
            "geometry[1] must lie on the token grid, expected (3, 1, 2, 5)",
        ),
        ([torch.ones(1, 2, 3, 5), torch.ones(3, 1, 2, 4)], "expected (3, 1, 2, 5), got (3, 1, 2, 4)"),
        ([torch.ones(6, 5), torch.ones(3, 1, 2, 5)], "geometry[0] must lie on the token grid, expected (1, 2, 3, 5)"),
        ([torch.ones(1, 2, 3, 5).long(), None], "must be a floating-point array or tensor, got torch.int64"),
        ([np.ones((1, 2, 3, 5), dtype=np.uint8), None], "must be a floating-point array or tensor, got uint8"),
        ([None, None], "geometry[0] must be a floating-point array or tensor, got NoneType"),
    ],
)
def test_what_does_not_fit_is_refused(geometry, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        flatten_geometry(geometry, GRIDS, 2)
