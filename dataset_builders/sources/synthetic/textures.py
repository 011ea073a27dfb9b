"""Ground textures: small repeating tiles drawn from a generator, with coarser copies for what is far away."""

from dataclasses import dataclass

import numpy as np

from dataset_builders.sources.synthetic.paints import COLOURS

TILE = 256
LEVELS = 7


@dataclass(frozen=True)
class Ground:
    """A repeating texture in coarser and coarser copies.

    Attributes:
        texels: (3, M) float32 RGB; copy l is a (TILE >> l) square, all copies one after another, row by row.
        offsets: (LEVELS,) int32, where each copy begins.
        size: Metres that one repeat covers.
    """

    texels: np.ndarray
    offsets: np.ndarray
    size: float

    def colour(self, x: np.ndarray, y: np.ndarray, footprint_log2: np.ndarray) -> np.ndarray:
        """Look colours up.

        Args:
            x: (N,) metres.
            y: (N,) metres.
            footprint_log2: (N,) base-2 logarithm of the metres of ground that the pixel covers.

        Returns:
            (3, N) float32 RGB.
        """
        level = np.clip(footprint_log2 - np.float32(np.log2(self.size / TILE)), 0, LEVELS - 1).astype(np.int32)
        scale = np.float32(TILE / self.size)
        column = (np.floor(x * scale).astype(np.int32) & (TILE - 1)) >> level
        row = (np.floor(y * scale).astype(np.int32) & (TILE - 1)) >> level
        return self.texels.take(self.offsets.take(level) + row * (TILE >> level) + column, axis=1)


def make_ground(rng: np.random.Generator, name: str, size: float) -> Ground:
    """Draw a ground texture by name, `size` metres to a repeat."""
    copies = [np.clip(PAINTERS[name](rng), 0.03, 1).astype(np.float32)]
    for _ in range(LEVELS - 1):
        fine = copies[-1]
        copies.append((fine[::2, ::2] + fine[1::2, ::2] + fine[::2, 1::2] + fine[1::2, 1::2]) / 4)
    offsets = np.cumsum([0] + [copy.shape[0] ** 2 for copy in copies[:-1]]).astype(np.int32)
    texels = np.concatenate([copy.reshape(-1, 3) for copy in copies])
    return Ground(np.ascontiguousarray(texels.T), offsets, size)


def _noise(rng: np.random.Generator, slope: float, stretch: float = 1.0) -> np.ndarray:
    """Draw (TILE, TILE) repeating noise of mean 0 and deviation 1, whose amplitude falls as frequency**-slope."""
    frequency = np.fft.fftfreq(TILE).astype(np.float32)
    radius = np.hypot(frequency[:, None], stretch * frequency[None, : TILE // 2 + 1])
    radius[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE), np.float32)) * radius**-slope)
    return noise / noise.std()


def _tint(rng, name: str) -> np.ndarray:
    return np.array(COLOURS[name]) * rng.uniform(0.85, 1.1)


def _wood(rng) -> np.ndarray:
    tone = _tint(rng, str(rng.choice(["oak", "walnut", "cream", "copper"])))
    plank = np.arange(TILE) // (TILE // 4)
    shade = 1 + rng.uniform(-0.1, 0.1, 4)[plank] - 0.25 * (np.arange(TILE) % (TILE // 4) < 2)
    return tone * (shade[:, None] * (1 + 0.05 * _noise(rng, 1.0, 12)))[..., None]


def _tiles(rng) -> np.ndarray:
    tone, count = _tint(rng, str(rng.choice(["cream", "grey", "brick", "white"]))), 4
    cell = np.arange(TILE) // (TILE // count)
    joint = np.arange(TILE) % (TILE // count) < 3
    shade = 1 + rng.uniform(-0.08, 0.08, (count, count))[cell][:, cell] + 0.03 * _noise(rng, 1.0)
    shade[joint] *= 0.65
    shade[:, joint] *= 0.65
    return tone * shade[..., None]


def _cloth(rng) -> np.ndarray:
    tone, other = _tint(rng, str(rng.choice(["cream", "teal", "grey", "navy", "pink"]))), _tint(rng, "white")
    band = (np.arange(TILE) // (TILE // 8)) % 2
    mix = 0.22 * (band[:, None] + band[None, :])
    weave = 1 + 0.04 * rng.standard_normal((TILE, TILE), np.float32)
    return (tone + mix[..., None] * (other - tone)) * weave[..., None]


def _marble(rng) -> np.ndarray:
    tone = _tint(rng, str(rng.choice(["white", "cream", "grey", "dark"])))
    vein = np.exp(-6 * np.abs(_noise(rng, 1.8)))
    return tone * (1 + 0.04 * _noise(rng, 1.0))[..., None] + 0.16 * vein[..., None] * np.sign(0.5 - tone.mean())


def _carpet(rng) -> np.ndarray:
    tone = _tint(rng, str(rng.choice(["grey", "teal", "brick", "navy", "cream"])))
    return tone * (1 + 0.09 * rng.standard_normal((TILE, TILE), np.float32) + 0.04 * _noise(rng, 1.5))[..., None]


def _asphalt(rng) -> np.ndarray:
    return (
        _tint(rng, "grey")
        * (0.75 + 0.07 * rng.standard_normal((TILE, TILE), np.float32) + 0.04 * _noise(rng, 1.3))[..., None]
    )


def _grass(rng) -> np.ndarray:
    dry = np.clip(0.35 + 0.22 * _noise(rng, 1.2), 0, 1)[..., None]
    tone = _tint(rng, "leaf") * (1 - dry) + np.array([0.50, 0.52, 0.24]) * dry
    return tone * (1 + 0.10 * rng.standard_normal((TILE, TILE), np.float32))[..., None]


def _fields(rng) -> np.ndarray:
    plots = np.array(
        [(0.30, 0.46, 0.18), (0.44, 0.52, 0.22), (0.66, 0.60, 0.32), (0.50, 0.38, 0.24), (0.36, 0.42, 0.20)]
    )
    cell = np.arange(TILE) // (TILE // 4)
    tone = plots[rng.integers(0, len(plots), (4, 4))][cell][:, cell]
    furrow = 1 + 0.05 * np.sin(np.arange(TILE) * (2 * np.pi / 4))
    return (
        tone
        * (furrow * (1 + 0.06 * rng.standard_normal((TILE, TILE), np.float32) + 0.05 * _noise(rng, 1.3)))[..., None]
    )


def _sand(rng) -> np.ndarray:
    tone = np.array([0.76, 0.66, 0.48]) * rng.uniform(0.9, 1.1)
    return tone * (1 + 0.06 * _noise(rng, 1.2) + 0.05 * rng.standard_normal((TILE, TILE), np.float32))[..., None]


PAINTERS = {
    "wood": _wood,
    "tiles": _tiles,
    "cloth": _cloth,
    "marble": _marble,
    "carpet": _carpet,
    "asphalt": _asphalt,
    "grass": _grass,
    "fields": _fields,
    "sand": _sand,
}
