"""How data sets put metres into the 16 bits of a depth image: one table, and the way back.

In each of them the lowest and the highest value, 0 and 65535, mean that the depth is unknown.
"""

from dataclasses import dataclass

import numpy as np

INVALID_DEPTHS = (0, 65535)


@dataclass(frozen=True)
class DepthEncoding:
    """How a pixel is written.

    Attributes:
        per_metre: Steps in one metre.
        rotated_bits: The 16 bits are stored rotated to the left by so many.
    """

    per_metre: float
    rotated_bits: int = 0


ENCODINGS = {
    "millimetre": DepthEncoding(1000),  # 7-Scenes, NYU, ScanNet, ARKitScenes, UOIS
    "tum": DepthEncoding(5000),  # TUM RGB-D benchmark, "file formats"
    "sunrgbd": DepthEncoding(1000, rotated_bits=3),  # SUN RGB-D toolbox, read3dPoints.m
    "ycb": DepthEncoding(10000),  # YCB-Video and PoseCNN
    "kitti": DepthEncoding(256),  # KITTI depth benchmark, development kit
}


def decode_depth(raw: np.ndarray, encoding: str) -> np.ndarray:
    """Turn the values of a depth image into metres.

    Args:
        raw: (H, W) whole numbers of 16 bits.
        encoding: A key of `ENCODINGS`.

    Returns:
        (H, W) float32 metres, 0 where unknown.

    >>> decode_depth(np.array([[0, 1000, 5000, 65535]]), "tum").tolist()
    [[0.0, 0.20000000298023224, 1.0, 0.0]]
    """
    chosen = ENCODINGS[encoding]
    words = np.asarray(raw).astype(np.uint16)
    steps = (words >> chosen.rotated_bits) | (words << (16 - chosen.rotated_bits) % 16)
    return np.where(np.isin(words, INVALID_DEPTHS), 0, steps / chosen.per_metre).astype(np.float32)
