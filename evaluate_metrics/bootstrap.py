"""95 % intervals by resampling scenes: questions of one scene rise and fall together, so scenes are the unit."""

from collections.abc import Sequence

import numpy as np

NUM_RESAMPLES = 2000
SEED = 0


class SceneBootstrap:
    """One set of scene resamples that every figure of a report shares, so that differences are paired.

    A figure is the mean over some questions; its resampled values are the means over the same questions of the
    resampled scenes. Where a resample holds none of them its value is NaN, and intervals leave it out.
    """

    def __init__(self, scene_ids: Sequence[str], num_resamples: int = NUM_RESAMPLES, seed: int = SEED):
        """Draw the resamples.

        Args:
            scene_ids: (N,) the scene of each question.
            num_resamples: R.
            seed: Of the draws.
        """
        self._times, self._scene_of = _draw(scene_ids, num_resamples, seed)
        self._num_scenes = self._times.shape[1]

    def means(self, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return the resampled means over the chosen questions.

        Args:
            values: (N, …) scores of all questions.
            chosen: (N,) bool.

        Returns:
            (R, …) means, NaN where a resample holds no chosen question.
        """
        sums = np.zeros((self._num_scenes, *values.shape[1:]))
        np.add.at(sums, self._scene_of[chosen], values[chosen])
        counts = self._times @ np.bincount(self._scene_of[chosen], minlength=self._num_scenes)
        totals = np.tensordot(self._times, sums, axes=1)
        counts = counts.reshape(-1, *[1] * (values.ndim - 1))
        return np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)


def mean_interval(values: Sequence[float], scene_ids: Sequence[str] | None = None) -> list[float]:
    """Return the 95 % interval of a mean, its ends rounded to eight decimals.

    Args:
        values: (N,) scores.
        scene_ids: (N,) the scene of each; each is a scene of its own by default.

    >>> mean_interval([0.0, 1.0], ["a", "a"])
    [0.5, 0.5]
    """
    ids = [str(place) for place in range(len(values))] if scene_ids is None else scene_ids
    means = SceneBootstrap(ids).means(np.asarray(values, dtype=float), np.ones(len(values), dtype=bool))
    return [round(bound, 8) for bound in interval(means)]


def scene_draws(scene_ids: Sequence[str], num_resamples: int = NUM_RESAMPLES, seed: int = SEED) -> np.ndarray:
    """Return how often each row was drawn with its scene, (R, N), for figures that are no means.

    >>> scene_draws(["a", "a"], 3).tolist()
    [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    """
    times, scene_of = _draw(scene_ids, num_resamples, seed)
    return times[:, scene_of]


def _draw(scene_ids: Sequence[str], num_resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how often each scene was drawn, (R, S), and the scene of each row, (N,)."""
    scenes, scene_of = np.unique(np.asarray(scene_ids), return_inverse=True)
    even = np.full(len(scenes), 1 / len(scenes))
    times = np.random.default_rng(seed).multinomial(len(scenes), even, size=num_resamples).astype(float)
    return times, scene_of


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of resampled figures, (R,).

    >>> interval(np.arange(1001.0))
    (25.0, 975.0)
    """
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return float(low), float(high)
