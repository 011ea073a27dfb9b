import numpy as np
import pytest
import torch
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from modeling_spacevista.frames import check_grid, group_by_size, patches_to_frames, to_dense_pixels


def _colours(values):
    return torch.tensor(values).view(3, 1, 1)


@pytest.mark.parametrize("size", [(112, 84), (84, 112), (56, 140), (28, 28)])
def test_patches_become_the_frames_they_were_cut_from(built, frames, size):
    model, processor = built
    pictures = frames(4, size)
    batch = processor.video_processor([pictures], do_resize=False, return_tensors="pt")
    (_, height, width) = batch["video_grid_thw"][0].tolist()
    pairs = patches_to_frames(batch["pixel_values_videos"], (height, width), model.config.vision_config)
    recovered = pairs.flatten(0, 1) * _colours(OPENAI_CLIP_STD) + _colours(OPENAI_CLIP_MEAN)
    original = torch.from_numpy(np.stack([np.array(picture) for picture in pictures])).permute(0, 3, 1, 2) / 255
    assert pairs.shape == (2, 2, 3, size[1], size[0])
    assert (recovered - original).abs().max() < 1e-6


def test_an_image_fills_both_frames_of_its_pair(built, frames):
    model, processor = built
    batch = processor.image_processor(frames(1), return_tensors="pt")
    pair = patches_to_frames(batch["pixel_values"], (6, 8), model.config.vision_config)
    assert pair.shape == (1, 2, 3, 84, 112)
    assert torch.equal(pair[:, 0], pair[:, 1])


def test_dense_pixels_are_resized_then_normalised_for_dinov3():
    raw = torch.rand(2, 3, 28, 42, generator=torch.Generator().manual_seed(0))
    given = (raw - _colours(OPENAI_CLIP_MEAN)) / _colours(OPENAI_CLIP_STD)
    resized = torch.nn.functional.interpolate(raw, size=(32, 48), mode="bilinear", align_corners=False)
    expected = (resized - _colours(IMAGENET_DEFAULT_MEAN)) / _colours(IMAGENET_DEFAULT_STD)
    torch.testing.assert_close(to_dense_pixels(given, 14, 16), expected, atol=1e-5, rtol=0)


def test_group_by_size_keeps_order():
    assert group_by_size(torch.tensor([[1, 2, 4], [5, 4, 2], [2, 2, 4]])) == {(2, 4): [0, 2], (4, 2): [1]}


@pytest.mark.parametrize(
    ("pixels", "grid", "message"),
    [
        ((48, 1176), [[2, 6, 8]], r"needs patches of shape \(96, 1176\), got \(48, 1176\)"),
        ((48, 588), [[1, 6, 8]], r"needs patches of shape \(48, 1176\), got \(48, 588\)"),
        ((48, 1176), [1, 6, 8], r"must have shape \(number of images or videos, 3\), got \(3,\)"),
        ((48, 1176), None, "got None"),
        ((15, 1176), [[1, 3, 5]], "must be multiples of spatial_merge_size=2"),
    ],
)
def test_grid_that_does_not_match(built, pixels, grid, message):
    grid = None if grid is None else torch.tensor(grid)
    with pytest.raises(ValueError, match=message):
        check_grid(torch.zeros(pixels), grid, built[0].config.vision_config)


def test_patches_of_another_dtype_are_refused(built):
    with pytest.raises(ValueError, match="must be floating-point, normalised as the processor does, got torch.uint8"):
        check_grid(torch.zeros(48, 1176, dtype=torch.uint8), torch.tensor([[1, 6, 8]]), built[0].config.vision_config)
