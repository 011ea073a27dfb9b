"""Objects under names that hold a mark, "chair (red point)", as VST's questions call them."""

from collections.abc import Sequence

import numpy as np

from dataset_builders.scene import Scene
from dataset_builders.tasks.draw import pick
from dataset_builders.tasks.pointing import kinds
from dataset_builders.tasks.views import Mark, View, draw_marks

DRAWN = {"point": "point", "bbox": "box"}
"""Kind of mark → how its name ends."""


def marked_names(
    views: Sequence[View], scene: Scene, rng: np.random.Generator
) -> tuple[tuple[str, ...], tuple[Mark, ...]] | None:
    """Mark up to four views by points or boxes, and name them with their marks; None where neither suits all.

    Args:
        views: What to mark, in one frame.
        scene: Where.
        rng: Draws the kind of mark and the colours.

    Returns:
        Names such as `"chair (red point)"`, and the marks, in the same order.
    """
    able = [kind for kind in kinds(scene, [view.shown for view in views]) if kind in DRAWN]
    if not able:
        return None
    kind = pick(rng, able)
    marks = draw_marks(views, scene, rng, kind)
    names = (f"{view.item.category} ({mark.colour} {DRAWN[kind]})" for view, mark in zip(views, marks, strict=True))
    return tuple(names), marks
