"""Masks as COCO run lengths, the form in which a row of the dataset holds them."""

import numpy as np
from pycocotools import mask as coco


def encode_mask(mask: np.ndarray) -> dict:
    """Turn an (H, W) boolean mask into {"size": [H, W], "counts": text}.

    >>> encode_mask(np.eye(3, dtype=bool))["size"]
    [3, 3]
    """
    encoded = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def decode_mask(encoded: dict) -> np.ndarray:
    """Return the (H, W) boolean mask of what `encode_mask` wrote."""
    return coco.decode({"size": list(encoded["size"]), "counts": encoded["counts"].encode("ascii")}).astype(bool)
