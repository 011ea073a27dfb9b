"""Colours, and materials drawn at random from them."""

import numpy as np

from dataset_builders.sources.synthetic.shapes import Material

COLOURS = {
    "red": (0.80, 0.16, 0.13),
    "orange": (0.93, 0.48, 0.12),
    "yellow": (0.95, 0.78, 0.16),
    "green": (0.22, 0.58, 0.25),
    "teal": (0.12, 0.56, 0.55),
    "blue": (0.15, 0.34, 0.74),
    "navy": (0.11, 0.16, 0.36),
    "purple": (0.47, 0.24, 0.60),
    "pink": (0.92, 0.52, 0.62),
    "white": (0.93, 0.92, 0.90),
    "cream": (0.91, 0.85, 0.72),
    "grey": (0.56, 0.57, 0.59),
    "dark": (0.16, 0.16, 0.18),
    "steel": (0.70, 0.72, 0.75),
    "gold": (0.83, 0.66, 0.24),
    "copper": (0.72, 0.42, 0.27),
    "oak": (0.68, 0.48, 0.29),
    "walnut": (0.40, 0.26, 0.17),
    "brick": (0.62, 0.31, 0.24),
    "leaf": (0.24, 0.46, 0.17),
    "glass": (0.30, 0.42, 0.52),
    "rubber": (0.09, 0.09, 0.10),
}
BRIGHT = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "white")


def paint(rng: np.random.Generator, *names: str, second: str | None = None, **material) -> Material:
    """Draw one of the named colours (any bright one by default), shifted a little, as a material.

    Args:
        rng: Source of randomness.
        *names: Keys of `COLOURS`.
        second: Key of `COLOURS` for the other half of a pattern.
        **material: Other fields of `Material`.

    >>> paint(np.random.default_rng(0), "red", gloss=0.5).gloss
    0.5
    """
    names = names or BRIGHT
    # Much faster than `rng.choice` and `np.clip`, and a scene draws a hundred times.
    name, gain, shifts = names[int(rng.integers(len(names)))], rng.uniform(0.88, 1.1), rng.uniform(-0.03, 0.03, 3)
    shifted = (min(max(c * gain + shift, 0.02), 1.0) for c, shift in zip(COLOURS[name], shifts.tolist(), strict=True))
    return Material(tuple(shifted), COLOURS[second or "white"], **material)
