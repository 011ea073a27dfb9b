"""The two things that keep visual tokens and visual features together, whoever prepares a batch.

Shapes: B sequences, L tokens, V videos, P patches of all videos, D values per patch.
"""

import torch
from transformers import PretrainedConfig

TEXT, IMAGE, VIDEO = 0, 1, 2


def token_types(input_ids: torch.Tensor, config: PretrainedConfig) -> torch.Tensor:
    """Mark every token as text (0), image (1) or video (2), Qwen2.5-VL's `mm_token_type_ids`; (B, L) → (B, L)."""
    types = torch.full_like(input_ids, TEXT)
    types[input_ids == config.image_token_id] = IMAGE
    types[input_ids == config.video_token_id] = VIDEO
    return types


def require_features(types: torch.Tensor, config: PretrainedConfig, features: dict[str, torch.Tensor]) -> None:
    """Refuse a batch in which a visual placeholder has no feature or a feature no placeholder.

    Args:
        types: (B, L) from `token_types`.
        config: The model's configuration.
        features: What the model will receive; `pixel_values` (P, D) with `image_grid_thw` (V, 3), and
            `pixel_values_videos` (P, D) with `video_grid_thw` (V, 3), each absent where there are none.

    Raises:
        ValueError: states both numbers.
    """
    merged = config.vision_config.spatial_merge_size**2
    kinds = (("image", IMAGE, "pixel_values"), ("video", VIDEO, "pixel_values_videos"))
    for kind, value, pixels in kinds:
        placeholders = int((types == value).sum())
        grid = features.get(f"{kind}_grid_thw")
        patches = len(features[pixels]) if features.get(pixels) is not None else 0
        expected = 0 if grid is None else int(grid.prod(-1).sum())
        if patches != expected or placeholders * merged != patches:
            raise ValueError(
                f"{placeholders} {kind} placeholders need {placeholders * merged} patches, "
                f"got {patches} in {pixels} and {expected} in {kind}_grid_thw"
            )
