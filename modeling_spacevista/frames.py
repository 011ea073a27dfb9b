"""Pixel patches → frames: what Qwen2.5-VL is given is enough for the dense encoder to see the same pictures.

Legend: N frame pairs (temporal patches), t frames in each, h × w patches of p × p pixels, C colours, m merge size.
"""

import torch
import torch.nn.functional as F
from transformers.image_utils import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
)


def check_grid(pixels, grid_thw, vision_config):
    """Refuse patches that do not fill their grids.

    Args:
        pixels: (sum of T·h·w, C·t·p·p) patches.
        grid_thw: (number of videos or images, 3) grids.
        vision_config: of Qwen2.5-VL.

    Raises:
        ValueError: names the expected and the given dtype or shape.
    """
    c = vision_config
    if not pixels.is_floating_point():
        raise ValueError(f"patches must be floating-point, normalised as the processor does, got {pixels.dtype}")
    if grid_thw is None or grid_thw.ndim != 2 or grid_thw.shape[1] != 3:
        given = None if grid_thw is None else tuple(grid_thw.shape)
        raise ValueError(f"the grid must have shape (number of images or videos, 3), got {given}")
    width = c.in_channels * c.temporal_patch_size * c.patch_size**2
    expected = (int(grid_thw.prod(-1).sum()), width)
    if tuple(pixels.shape) != expected:
        raise ValueError(f"the grid {grid_thw.tolist()} needs patches of shape {expected}, got {tuple(pixels.shape)}")
    if bool((grid_thw[:, 1:] % c.spatial_merge_size).any()):
        raise ValueError(
            f"height and width of a grid must be multiples of spatial_merge_size={c.spatial_merge_size}, "
            f"got {grid_thw.tolist()}"
        )


def patches_to_frames(patches, size, vision_config):
    """Put the patches of frame pairs of one size back together (the inverse of Qwen2.5-VL's `patchify`).

    Args:
        patches: (N·h·w, C·t·p·p) in Qwen's order: m × m neighbours lie together.
        size: (h, w) in patches.
        vision_config: gives C, t, p and m.

    Returns:
        (N, t, C, h·p, w·p) frames with the values of the patches.
    """
    (h, w), c = size, vision_config
    t, m, p = c.temporal_patch_size, c.spatial_merge_size, c.patch_size
    blocks = patches.reshape(-1, h // m, w // m, m, m, c.in_channels, t, p, p)
    return blocks.permute(0, 6, 5, 1, 3, 7, 2, 4, 8).reshape(-1, t, c.in_channels, h * p, w * p)


def to_dense_pixels(frames, vision_patch, dense_patch):
    """Make frames what DINOv3 expects: the same patch grid at its own patch size and normalisation.

    Args:
        frames: (N, C, h·vision_patch, w·vision_patch), normalised for Qwen2.5-VL.
        vision_patch: pixels along a patch of Qwen2.5-VL.
        dense_patch: pixels along a patch of DINOv3.

    Returns:
        (N, C, h·dense_patch, w·dense_patch).
    """
    old_mean, old_std, new_mean, new_std = (
        frames.new_tensor(values)[:, None, None]
        for values in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD, IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    # Denormalising and normalising again are one affine map per colour, which bilinear resizing commutes with.
    renormalised = torch.addcmul((old_mean - new_mean) / new_std, frames, old_std / new_std)
    size = [side // vision_patch * dense_patch for side in frames.shape[-2:]]
    return F.interpolate(renormalised, size=size, mode="bilinear", align_corners=False)


def group_by_size(grid_thw: torch.Tensor) -> dict[tuple[int, int], list[int]]:
    """Say which images or videos share a frame size, so that they go through the dense encoder together.

    >>> group_by_size(torch.tensor([[2, 6, 8], [1, 4, 4], [3, 6, 8]]))
    {(6, 8): [0, 2], (4, 4): [1]}
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for index, (_, height, width) in enumerate(grid_thw.tolist()):
        groups.setdefault((height, width), []).append(index)
    return groups
