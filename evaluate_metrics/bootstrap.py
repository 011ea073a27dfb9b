"""95 % intervals by resampling scenes: questions of one scene rise and fall together, so scenes are the unit."""

from collections.abc import Sequence
from functools import lru_cache

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
        self._scene_of, self._num_scenes = _scenes(scene_ids)
        self._times = _draw(self._num_scenes, num_resamples, seed).astype(float)

    def means(self, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return the resampled means over the chosen questions.

        Args:
            values: (N, …) scores of all questions.
            chosen: (N,) bool.

        Returns:
            (R, …) means, NaN where a resample holds no chosen question.
        """
        columns = [self._sums(chosen, column[chosen]) for column in values.reshape(len(values), -1).T]
        totals = self._times @ np.stack(columns, axis=1)
        counts = self._times @ self._sums(chosen)
        return _mean(totals, counts[:, None]).reshape(-1, *values.shape[1:])

    def means_by_group(self, values: np.ndarray, groups: np.ndarray, num_groups: int) -> np.ndarray:
        """Return the resampled means over each group of questions, by one product of matrices.

        Args:
            values: (N,) scores of all questions.
            groups: (N,) the group of each, from 0.
            num_groups: G.

        Returns:
            (R, G) means, NaN where a resample holds no question of the group.
        """
        cells, shape = self._scene_of * num_groups + groups, (self._num_scenes, num_groups)
        sums, counts = (np.bincount(cells, one, np.prod(shape)).reshape(shape) for one in (values, None))
        totals, counts = np.hsplit(self._times @ np.hstack([sums, counts]), 2)
        return _mean(totals, counts)

    def _sums(self, chosen: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Add up weights, 1 by default, of the chosen questions by scene, (S,)."""
        return np.bincount(self._scene_of[chosen], weights, self._num_scenes)


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
    scene_of, num_scenes = _scenes(scene_ids)
    return _draw(num_scenes, num_resamples, seed)[:, scene_of].astype(float)


def _scenes(scene_ids: Sequence[str]) -> tuple[np.ndarray, int]:
    """Return the place of each row's scene among the sorted ones, (N,), and how many scenes there are."""
    place_of = {scene: place for place, scene in enumerate(sorted(set(scene_ids)))}
    return np.array([place_of[scene] for scene in scene_ids]), len(place_of)


@lru_cache(maxsize=2)  # one report asks for the same draws time and again, and they take longer than its figures
def _draw(num_scenes: int, num_resamples: int, seed: int) -> np.ndarray:
    """Return how often each scene was drawn, (R, S), in the smallest type that holds it."""
    even = np.full(num_scenes, 1 / num_scenes)
    times = np.random.default_rng(seed).multinomial(num_scenes, even, size=num_resamples)
    times = times.astype(np.min_scalar_type(times.max(initial=0)))
    times.flags.writeable = False
    return times


def _mean(totals: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(totals, counts, out=np.full_like(totals, np.nan), where=counts > 0)


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of resampled figures, (R,).

    >>> interval(np.arange(1001.0))
    (25.0, 975.0)
    """
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return float(low), float(high)
