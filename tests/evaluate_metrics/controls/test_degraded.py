import numpy as np
import pytest
from PIL import Image, ImageDraw

from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.degraded import CONDITIONS, DEGRADATIONS, STRENGTHS, degrade


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A scene with edges, a gradient and texture at every place."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(40, 200, 160)[None, :, None] * np.ones((120, 1, 3))
    image = Image.fromarray(np.clip(ramp + rng.normal(0, 12, ramp.shape), 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for place in range(10, 160, 30):
        pen.rectangle((place, 20, place + 12, 100), fill=(230, 40, 40))
    return image


def distance(one: Image.Image, two: Image.Image) -> float:
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(two, dtype=float)).mean())


def degraded(image, kind, strength, seed=0) -> Image.Image:
    shown = Shown((image,), (0,))
    return degrade({}, shown, np.random.default_rng(seed), kind, strength)[1].images[0]


def test_there_are_nine_at_three_strengths():
    assert len(DEGRADATIONS) == 9 and STRENGTHS == (1, 2, 3)
    assert [condition.name for condition in CONDITIONS["haze"]] == ["haze-1", "haze-2", "haze-3"]


@pytest.mark.parametrize("kind", DEGRADATIONS)
@pytest.mark.parametrize("size", [(160, 120), (33, 47), (8, 8)])
def test_size_is_kept_and_every_strength_is_worse_than_the_one_before(picture, kind, size):
    image = picture.resize(size)
    results = [degraded(image, kind, strength) for strength in STRENGTHS]
    assert all(result.size == size and result.mode == "RGB" for result in results)
    if size == (160, 120):
        distances = [distance(image, result) for result in results]
        assert 0.5 < distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize("kind", ["motion-blur", "defocus", "low-resolution"])
def test_blur_keeps_the_light_and_loses_the_edges(picture, kind):
    result = degraded(picture, kind, 3)
    arrays = [np.asarray(image, dtype=float) for image in (picture, result)]
    assert arrays[0].mean() == pytest.approx(arrays[1].mean(), abs=3)
    edges = [np.abs(np.diff(array, axis=1)).mean() for array in arrays]
    assert edges[1] < 0.6 * edges[0]


def test_light_goes_where_its_name_says(picture):
    before = np.asarray(picture).mean()
    assert np.asarray(degraded(picture, "low-light", 2)).mean() < 0.6 * before
    assert np.asarray(degraded(picture, "over-exposure", 2)).mean() > 1.2 * before
    assert np.asarray(degraded(picture, "haze", 3)).std() < 0.5 * np.asarray(picture).std()


def test_a_grey_wall_stays_grey_under_what_moves_pixels():
    wall = Image.new("RGB", (80, 60), (120, 120, 120))
    for kind in ("motion-blur", "defocus", "low-resolution"):
        assert distance(wall, degraded(wall, kind, 3)) < 1


def test_distortion_leaves_the_centre_in_its_place(picture):
    result = degraded(picture, "distortion", 3)
    assert np.abs(np.asarray(result, float)[59:61, 79:81] - np.asarray(picture, float)[59:61, 79:81]).max() < 30
    assert np.asarray(result)[0, 0].tolist() == [0, 0, 0]  # the corner sees beyond the picture


@pytest.mark.parametrize("kind", ["motion-blur", "water-droplets"])
def test_frames_of_a_question_are_degraded_alike_and_questions_differently(picture, kind):
    shown = Shown((picture, picture), (0, 1))
    first, second = degrade({}, shown, np.random.default_rng(0), kind, 2)[1].images
    assert distance(first, second) == 0
    assert distance(first, degraded(picture, kind, 2, seed=1)) > 0


def test_noise_is_new_in_every_frame(picture):
    first, second = degrade({}, Shown((picture, picture), (0, 1)), np.random.default_rng(0), "low-light", 2)[1].images
    assert distance(first, second) > 0.5
