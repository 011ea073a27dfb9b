"""Shuffled frames: the same pictures in another order; what depends on time must suffer."""

import numpy as np

from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.base import Condition, shows_video, with_images


def shuffle(record: dict, shown: Shown, rng: np.random.Generator) -> tuple[dict, Shown]:
    """Put the frames in an order drawn at random, which is never their own where there are two or more."""
    places = list(range(len(shown.images)))
    order = rng.permutation(len(places)).tolist()
    while order == places and len(places) > 1:
        order = rng.permutation(len(places)).tolist()
    return record, with_images(shown, order)


CONDITIONS = (Condition("shuffled", shuffle, shows_video),)
