"""Visual degradations: the nine kinds of SpaceDG at three strengths, in image space; the right answers stay.

SpaceDG ("Benchmarking Spatial Intelligence under Visual Degradation") renders them from scenes; here they are applied
to frames, marks and all. Strengths are relative to the shorter side of a frame, so that they mean the same at every
resolution. What has a direction or a place (motion, droplets) is drawn once per question and is the same in all its
frames; noise is new in every frame.
"""

import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.signal import fftconvolve

from evaluate_metrics.benchmarks.media import Shown
from evaluate_metrics.controls.base import Condition, shows_anything

STRENGTHS = (1, 2, 3)
Degrade = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""(H, W, 3) float in [0, 1], strength, generator → the same shape, clipped afterwards."""

_MOTION = (0.02, 0.04, 0.08)  # length of the path
_DEFOCUS = (0.01, 0.02, 0.04)  # radius of the disc
_BARREL = (0.1, 0.25, 0.5)  # k1 of the radial model, at half the shorter side
_GAIN = (0.35, 0.15, 0.06)  # of the light that is left
_PHOTONS = (800, 300, 120)  # that a white pixel receives in full light
_EXPOSURE = (1.8, 3.0, 5.0)  # of the light that was meant
_TRANSMISSION = (0.65, 0.4, 0.2)  # of the scene through the haze
_AIRLIGHT = 0.9
_REDUCTION = (2, 4, 8)  # of the resolution
_JPEG = (25, 10, 4)  # quality
_DROPLETS = (8, 16, 32)
_RADIUS = (0.03, 0.09)  # of a droplet, smallest and largest


def motion_blur(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Move the camera along a straight line during the exposure."""
    angle = rng.uniform(0, np.pi)
    length = max(2, round(_MOTION[strength - 1] * min(image.shape[:2])))
    steps = np.linspace(-length / 2, length / 2, 4 * length)
    half = length // 2 + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    rows, columns = (np.round(half + steps * part).astype(int) for part in (np.sin(angle), np.cos(angle)))
    kernel[rows, columns] = 1
    return _convolve(image, kernel)


def defocus(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Spread every point over a disc."""
    radius = max(1, round(_DEFOCUS[strength - 1] * min(image.shape[:2])))
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return _convolve(image, (rows**2 + columns**2 <= radius**2).astype(float))


def distortion(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Bend straight lines as a wide lens does (barrel)."""
    rows, columns, _, _ = _grid(image)
    factor = 1 + _BARREL[strength - 1] * (rows**2 + columns**2)
    return _sample(image, rows * factor, columns * factor)


def low_light(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Take light away before the sensor counts photons, so that darkness comes with noise."""
    photons = _PHOTONS[strength - 1]
    counted = rng.poisson(_linear(image) * _GAIN[strength - 1] * photons) / photons
    return _encoded(counted)


def over_exposure(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Let in more light than the sensor can hold."""
    return _encoded(_linear(image) * _EXPOSURE[strength - 1])


def haze(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Mix in scattered light, less at the bottom of the frame, where the ground is near."""
    height = np.linspace(1, 0.6, len(image))[:, None, None]
    transmission = _TRANSMISSION[strength - 1] ** height
    return image * transmission + _AIRLIGHT * (1 - transmission)


def low_resolution(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Record fewer pixels and enlarge them again."""
    height, width = image.shape[:2]
    small = (max(1, width // _REDUCTION[strength - 1]), max(1, height // _REDUCTION[strength - 1]))
    picture = _picture(image).resize(small, Image.Resampling.BOX)
    return _array(picture.resize((width, height), Image.Resampling.BICUBIC))


def compression(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Save as JPEG of low quality."""
    buffer = io.BytesIO()
    _picture(image).save(buffer, "JPEG", quality=_JPEG[strength - 1])
    return _array(Image.open(buffer))


def water_droplets(image: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
    """Put drops on the lens, each of which shows its surroundings upside down and out of focus."""
    rows, columns, height, width = _grid(image)
    bent_rows, bent_columns, wet = rows.copy(), columns.copy(), np.zeros(rows.shape)
    for _ in range(_DROPLETS[strength - 1]):
        row, column = rng.uniform(-height, height), rng.uniform(-width, width)
        radius = 2 * rng.uniform(*_RADIUS)
        inside = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        bent_rows[inside], bent_columns[inside] = 3 * row - 2 * rows[inside], 3 * column - 2 * columns[inside]
        wet[inside] = 1
    blurred = gaussian_filter(image, (0.01 * min(image.shape[:2]),) * 2 + (0,))
    edge = gaussian_filter(wet, 0.004 * min(image.shape[:2]))[..., None]
    return (1 - edge) * image + edge * _sample(blurred, bent_rows, bent_columns)


DEGRADATIONS: dict[str, Degrade] = {
    "motion-blur": motion_blur,
    "defocus": defocus,
    "distortion": distortion,
    "low-light": low_light,
    "over-exposure": over_exposure,
    "haze": haze,
    "low-resolution": low_resolution,
    "compression": compression,
    "water-droplets": water_droplets,
}


def degrade(record: dict, shown: Shown, rng: np.random.Generator, kind: str, strength: int) -> tuple[dict, Shown]:
    """Degrade every image that is shown."""
    seed = int(rng.integers(2**32))
    noise = kind == "low-light"
    images = []
    for number, image in enumerate(shown.images):
        drawn = np.random.default_rng([seed, number] if noise else seed)
        images.append(_picture(DEGRADATIONS[kind](_array(image), strength, drawn)))
    return record, replace(shown, images=tuple(images))


def _array(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=np.float64) / 255


def _picture(image: np.ndarray) -> Image.Image:
    return Image.fromarray(np.round(255 * np.clip(image, 0, 1)).astype(np.uint8))


def _linear(image: np.ndarray) -> np.ndarray:
    """Undo the display curve, so that light adds up."""
    return image**2.2


def _encoded(light: np.ndarray) -> np.ndarray:
    return np.clip(light, 0, 1) ** (1 / 2.2)


def _convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with an odd kernel, scaled to sum to 1; the border goes on outside the image."""
    half = kernel.shape[0] // 2
    padded = np.pad(image, ((half, half), (half, half), (0, 0)), mode="edge")
    return fftconvolve(padded, (kernel / kernel.sum())[..., None], mode="valid", axes=(0, 1))


def _grid(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return rows and columns, (H, W), from the centre in half shorter sides, and where they end."""
    height, width = image.shape[:2]
    unit = min(height, width) / 2
    rows, columns = np.mgrid[:height, :width]
    return (rows - (height - 1) / 2) / unit, (columns - (width - 1) / 2) / unit, height / 2 / unit, width / 2 / unit


def _sample(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Look the image up at places given as `_grid` gives them; black outside."""
    height, width = image.shape[:2]
    unit = min(height, width) / 2
    places = np.stack([rows * unit + (height - 1) / 2, columns * unit + (width - 1) / 2])
    return np.stack([map_coordinates(image[..., channel], places, order=1) for channel in range(3)], axis=-1)


def _conditions(kind: str) -> tuple[Condition, ...]:
    return tuple(
        Condition(f"{kind}-{strength}", partial(degrade, kind=kind, strength=strength), shows_anything, level=strength)
        for strength in STRENGTHS
    )


CONDITIONS = {kind: _conditions(kind) for kind in DEGRADATIONS}
