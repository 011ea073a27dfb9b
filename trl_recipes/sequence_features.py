"""What belongs to one sequence besides its tokens: the features of its images and videos, and the label of its scale.

A row of features is a dictionary, empty for a sequence without any. Lists of rows can be shuffled, split and joined as
TRL does with sequences, which it could not do with tensors that hold the patches of a whole batch.
"""

from collections.abc import Mapping, Sequence

import torch

from trl_recipes.encoding import VIDEO_FEATURES, VISUAL_FEATURES, as_tensor

FEATURES = {
    "image": [name for name in VISUAL_FEATURES if name not in VIDEO_FEATURES],
    "video": list(VIDEO_FEATURES),
}
Features = dict[str, torch.Tensor]


def split_visuals(fields: Mapping, prompts: Sequence[Sequence[dict]]) -> list[Features]:
    """Split the features of the images and videos of a batch.

    Args:
        fields: What a processor returned for V images or videos: `pixel_values` (P, D) and `image_grid_thw` (V, 3);
            `pixel_values_videos` (P, D), `video_grid_thw` (V, 3) and `second_per_grid_ts` (V,); or none of them.
        prompts: The conversations.

    Returns:
        The features of each.
    """
    rows: list[Features] = [{} for _ in prompts]
    for kind, names in FEATURES.items():
        present = {name: as_tensor(fields[name]) for name in names if name in fields}
        if not present:
            continue
        counts = [count_parts(prompt, kind) for prompt in prompts]
        patches = [int(grid.prod(-1).sum()) for grid in present[f"{kind}_grid_thw"].split(counts)]
        for name, values in present.items():
            pieces = values.split(patches if name.startswith("pixel") else counts)
            for row, count, piece in zip(rows, counts, pieces, strict=True):
                row |= {name: piece} if count else {}
    return rows


def join_features(rows: Sequence[Features]) -> Features:
    """Concatenate the features of sequences, in their order; those that no sequence has are left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: torch.cat([row[name] for row in rows if name in row]) for name in names}


def count_parts(prompt: Sequence[dict], kind: str) -> int:
    """Count the images or the videos of a conversation."""
    return sum(part["type"] == kind for message in prompt for part in message["content"])
