"""One frame: a single view of the video; what is still right needs no second one."""

import numpy as np

from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.base import Condition, shows_video, with_images


def one_frame(record: dict, shown: Shown, rng: np.random.Generator) -> tuple[dict, Shown]:
    """Keep the first frame that the question is about, or else the one in the middle."""
    keyed = [place for place, index in enumerate(shown.indices) if index in record["key_frames"]]
    return record, with_images(shown, [keyed[0] if keyed else len(shown.images) // 2])


CONDITIONS = (Condition("one-frame", one_frame, shows_video),)
