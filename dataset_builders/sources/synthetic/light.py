"""The light of a scene: sun, sky and the shadows that objects throw on the ground."""

from dataclasses import dataclass
from math import cos, sin, tau

import numpy as np
from PIL import Image, ImageFilter

SHADOW_RAYS = 160
SHADOW_TEXELS = 320


@dataclass(frozen=True)
class Light:
    """Sun and sky.

    Attributes:
        direction: (3,) unit vector towards the sun.
        sun: (3,) RGB strength of direct light.
        sky: (3,) RGB strength of ambient light from above.
        bounce: (3,) RGB strength of ambient light from below.
        zenith: (3,) RGB of the background overhead.
        horizon: (3,) RGB of the background at eye level.
    """

    direction: np.ndarray
    sun: np.ndarray
    sky: np.ndarray
    bounce: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray

    def irradiance(self, normals: np.ndarray) -> np.ndarray:
        """Return the RGB light that arrives at surfaces with these (…, 3) unit normals, unshadowed."""
        up = (normals[..., 2:] + 1) / 2
        facing = np.clip(normals @ self.direction, 0, None)[..., None]
        return self.bounce + up * (self.sky - self.bounce) + facing * self.sun


@dataclass(frozen=True)
class ShadowMap:
    """Where the ground is in shadow.

    Attributes:
        lit: (SHADOW_TEXELS, SHADOW_TEXELS) float32, share of the sun that arrives; rows run along Y.
        low: (2,) metres, the corner where it begins.
        size: Metres, its side.
    """

    lit: np.ndarray
    low: np.ndarray
    size: float

    def sample(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Look up ground points, (N,) metres each; the border is repeated outside."""
        scale = np.float32(SHADOW_TEXELS / self.size)
        column = np.clip((x - np.float32(self.low[0])) * scale, 0, SHADOW_TEXELS - 1).astype(np.int32)
        row = np.clip((y - np.float32(self.low[1])) * scale, 0, SHADOW_TEXELS - 1).astype(np.int32)
        return self.lit.ravel().take(row * SHADOW_TEXELS + column)


def draw_light(rng: np.random.Generator, indoor: bool) -> Light:
    """Draw the light of a scene: a lamp overhead indoors, the sun lower and stronger elsewhere."""
    elevation = rng.uniform(1.0, 1.4) if indoor else rng.uniform(0.6, 1.15)
    azimuth = rng.uniform(0, tau)
    direction = np.array([cos(elevation) * cos(azimuth), cos(elevation) * sin(azimuth), sin(elevation)])
    warmth = rng.uniform(-0.06, 0.08)
    sun = rng.uniform(0.28, 0.4) if indoor else rng.uniform(0.55, 0.75)
    day = rng.uniform(0, 1)
    zenith = np.array([0.30, 0.48, 0.78]) * day + np.array([0.62, 0.66, 0.72]) * (1 - day)
    return Light(
        direction,
        sun * np.array([1 + warmth, 1.0, 1 - warmth]),
        np.array([0.52, 0.54, 0.57]) + 0.12 * indoor,
        np.array([0.30, 0.28, 0.26]) + 0.28 * indoor,
        zenith,
        np.array([0.84, 0.88, 0.92]),
    )


def soften(blocked: np.ndarray, low: np.ndarray, size: float) -> ShadowMap:
    """Turn a square boolean map of blocked ground points into a shadow map with soft edges."""
    image = Image.fromarray(np.where(blocked, 70, 255).astype(np.uint8))
    image = image.resize((SHADOW_TEXELS, SHADOW_TEXELS), Image.Resampling.BICUBIC)
    image = image.filter(ImageFilter.BoxBlur(2))
    return ShadowMap(np.asarray(image, np.float32) / 255, low, size)
