import pytest
import torch

from dataset_builders.errors import InputError
from trl_recipes.length_limit import LimitedCollator

BATCH = {
    "input_ids": torch.arange(10).view(2, 5),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]),
    "mm_token_type_ids": torch.tensor([[0, 2, 2, 0, 0], [0, 0, 2, 0, 0]]),
    "labels": torch.tensor([[-100, -100, -100, 3, 4], [-100, -100, -100, -100, -100]]),
    "pixel_values_videos": torch.zeros(12, 7),
}
ROWS = [{"id": "long"}, {"id": "short"}]


@pytest.mark.parametrize("max_length", [3, 4, 5, 100])
def test_replies_lose_their_end_and_features_stay(max_length):
    batch = LimitedCollator(lambda rows: BATCH, max_length)(ROWS)
    for name, value in BATCH.items():
        kept = value if name == "pixel_values_videos" else value[:, :max_length]
        assert torch.equal(batch[name], kept)


def test_frames_are_never_cut():
    with pytest.raises(InputError, match="long: max_length: 2 is too short for the frames"):
        LimitedCollator(lambda rows: BATCH, 2)(ROWS)
