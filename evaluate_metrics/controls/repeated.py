"""Repeated video: played twice, it shows no more objects, so counts must not change."""

import numpy as np

from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.base import Condition, with_images


def counts(record: dict) -> bool:
    """Apply to counts of objects in a video."""
    return record["shown_as"] == "video" and record["task"] == "object_counting"


def repeat(record: dict, shown: Shown, rng: np.random.Generator) -> tuple[dict, Shown]:
    """Show all frames, then all once more."""
    return record, with_images(shown, 2 * list(range(len(shown.images))))


CONDITIONS = (Condition("repeated", repeat, counts),)
