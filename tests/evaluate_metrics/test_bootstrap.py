import numpy as np
import pytest

from evaluate_metrics.bootstrap import SceneBootstrap, interval

SCENES = ["b", "a", "b", "c", "c", "c", "d"]


def resampled_by_loop(values, chosen, num_resamples, seed):
    """The same resamples, one question at a time."""
    names = sorted(set(SCENES))
    draws = np.random.default_rng(seed).multinomial(len(names), [1 / len(names)] * len(names), size=num_resamples)
    means = []
    for times in draws:
        picked = [
            values[place]
            for name, count in zip(names, times, strict=True)
            for _ in range(count)
            for place, scene in enumerate(SCENES)
            if scene == name and chosen[place]
        ]
        means.append(np.mean(picked, axis=0) if picked else np.full(values.shape[1:], np.nan))
    return np.array(means)


@pytest.mark.parametrize("chosen", [[True] * 7, [True, False, False, True, True, False, False]])
def test_means_equal_a_loop_over_resampled_scenes(chosen):
    values = np.random.default_rng(1).random((7, 2))
    expected = resampled_by_loop(values, chosen, num_resamples=50, seed=3)
    means = SceneBootstrap(SCENES, num_resamples=50, seed=3).means(values, np.array(chosen))
    np.testing.assert_allclose(means, expected, rtol=1e-12)


def test_means_by_group_are_those_over_each_group():
    values, groups = np.random.default_rng(1).random(7), np.array([0, 2, 2, 0, 0, 3, 2])
    bootstrap = SceneBootstrap(SCENES, num_resamples=50)
    each = np.stack([bootstrap.means(values, groups == group) for group in range(4)], axis=1)
    assert np.isnan(each[:, 1]).all()
    np.testing.assert_allclose(bootstrap.means_by_group(values, groups, 4), each, rtol=1e-12)


def test_interval_matches_the_normal_one_where_that_holds():
    values = np.random.default_rng(0).normal(size=400)
    low, high = interval(SceneBootstrap(np.arange(400), num_resamples=4000).means(values, np.ones(400, dtype=bool)))
    half = 1.96 * values.std() / np.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.12 * half)


def test_questions_of_one_scene_count_as_one():
    values = np.repeat(np.random.default_rng(0).random(40), 25)
    everything = np.ones(1000, dtype=bool)
    clustered = np.ptp(interval(SceneBootstrap(np.repeat(np.arange(40), 25)).means(values, everything)))
    independent = np.ptp(interval(SceneBootstrap(np.arange(1000)).means(values, everything)))
    assert clustered / independent == pytest.approx(5, rel=0.15)  # √25


def test_one_scene_has_no_spread():
    assert interval(SceneBootstrap(["a", "a"]).means(np.array([0.0, 1.0]), np.array([True, True]))) == (0.5, 0.5)
