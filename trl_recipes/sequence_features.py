"""What belongs to one sequence besides its tokens: the features of its videos, and the label of its scale.

A row of features is a dictionary, empty for a sequence without any. Lists of rows can be shuffled, split and joined as
TRL does with sequences, which it could not do with tensors that hold the patches of a whole batch.
"""

from collections.abc import Mapping, Sequence

import torch

from trl_recipes.encoding import VIDEO_FEATURES, as_tensor

Features = dict[str, torch.Tensor]


def split_videos(fields: Mapping, counts: Sequence[int]) -> list[Features]:
    """Split the features of the videos of a batch.

    Args:
        fields: What a processor returned: `pixel_values_videos` (P, D), `video_grid_thw` (V, 3) and
            `second_per_grid_ts` (V,), or none of them.
        counts: Videos of each sequence, V in all.

    Returns:
        The features of each sequence.
    """
    present = {name: as_tensor(fields[name]) for name in VIDEO_FEATURES if name in fields}
    if not present:
        return [{} for _ in counts]
    patches = [int(grid.prod(-1).sum()) for grid in present["video_grid_thw"].split(counts)]
    sizes = {name: patches if name == "pixel_values_videos" else counts for name in present}
    columns = {name: values.split(sizes[name]) for name, values in present.items()}
    return [
        {name: column[row] for name, column in columns.items()} if count else {} for row, count in enumerate(counts)
    ]


def join_features(rows: Sequence[Features]) -> Features:
    """Concatenate the features of sequences, in their order; those that no sequence has are left out."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: torch.cat([row[name] for row in rows if name in row]) for name in names}


def count_videos(prompt: Sequence[dict]) -> int:
    """Count the videos of a conversation."""
    return sum(part["type"] == "video" for message in prompt for part in message["content"])
