"""Precomputed geometry tokens (e.g. the features of VGGT), on the token grids of their images and videos."""

from collections.abc import Sequence

import numpy as np
import torch


def flatten_geometry(geometry: Sequence, grids: Sequence[Sequence[int]], merge_size: int) -> torch.Tensor:
    """Check geometry against its grids and put it in the order of the visual tokens.

    Args:
        geometry: one floating-point array or tensor (T, h / merge_size, w / merge_size, C) per image or video.
        grids: their (T, h, w): frame pairs, and patches of a frame.
        merge_size: patches along a side of a token.

    Returns:
        (sum of tokens, C), float32.

    Raises:
        ValueError: names the expected and the given number, shape or dtype.
    """
    if len(geometry) != len(grids):
        raise ValueError(f"geometry needs one tensor per image and video, expected {len(grids)}, got {len(geometry)}")
    tokens = []
    for place, (given, (t, h, w)) in enumerate(zip(geometry, grids, strict=True)):
        tensor = torch.from_numpy(given) if isinstance(given, np.ndarray) else given
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point():
            kind = getattr(given, "dtype", type(given).__name__)
            raise ValueError(f"geometry[{place}] must be a floating-point array or tensor, got {kind}")
        width = tokens[0].shape[-1] if tokens else (tensor.shape[-1] if tensor.ndim else "C")
        expected = (int(t), int(h) // merge_size, int(w) // merge_size, width)
        if tuple(tensor.shape) != expected:
            raise ValueError(
                f"geometry[{place}] must lie on the token grid, expected {expected}, got {tuple(tensor.shape)}"
            )
        tokens.append(tensor.float().flatten(0, 2))
    return torch.cat(tokens)
