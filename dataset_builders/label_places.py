"""Where to write names in a drawing so that none covers another: at their things, beside them, or else in a margin."""

from collections.abc import Sequence

import numpy as np

GAP = 3.0
"""Between a label and what is beside it, in units of the drawing."""
ROOMY = (1.15, 2.0)
"""How much wider and higher than its label a thing must be to carry it and still be seen."""
# Steps from a thing's middle: one across or down leads beside it, each further one down a line on. Near ones first.
STEPS = np.array(
    sorted(
        ((x, y) for x in (0, 1, -1, 0.5, -0.5, 2, -2) for y in range(-5, 6)),
        key=lambda step: (abs(step[0]) + abs(step[1]), -abs(step[0]), -step[0], -step[1]),
    )
)


def place_labels(
    things: np.ndarray, sizes: np.ndarray, canvas: tuple[float, float], taken: Sequence = ()
) -> tuple[np.ndarray, tuple[float, float]]:
    """Give every label a place of its own.

    A label stands on its thing if that is large enough to be seen behind it, and else beside: off all such small
    things, and off large ones where that is possible. Labels are placed in the order given, each at the first free
    place near its thing. Those without one stand in columns at the right, from top to bottom as their things do.

    Args:
        things: (N, 4), x0, y0, x1, y1 of what is named; y down.
        sizes: (N, 2), width and height of each label.
        canvas: Width and height of the drawing.
        taken: (M, 4), x0, y0, x1, y1 of what must stay free.

    Returns:
        (N, 4), x0, y0, x1, y1 of each label, and the size of the drawing with the columns.

    >>> things, sizes = np.array([[0.0, 0, 50, 50], [60, 60, 62, 62]]), np.full((2, 2), (30.0, 10.0))
    >>> places, canvas = place_labels(things, sizes, (99, 99))
    >>> places.tolist(), canvas
    ([[10.0, 20.0, 40.0, 30.0], [65.0, 56.0, 95.0, 66.0]], (99, 99))
    """
    places, left_over = np.empty((len(things), 4)), []
    small = ((things[:, 2:] - things[:, :2]) < sizes * ROOMY).any(1)
    used = np.vstack([np.array(taken, float).reshape(-1, 4), things[small]])
    for index, (thing, size) in enumerate(zip(things, sizes, strict=True)):
        middles = _middles(thing, size, bool(small[index]))
        boxes = np.hstack([middles - size / 2, middles + size / 2])
        fits = (boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] <= canvas).all(1) & ~_meet(boxes, used).any(1)
        if fits.any():
            clear = fits & (~_meet(boxes, things).any(1) if small[index] else True)
            places[index] = boxes[(clear if clear.any() else fits).argmax()]
            used = np.vstack([used, places[index]])
        else:
            left_over.append(index)
    if not left_over:
        return places, canvas
    left_over.sort(key=lambda index: (things[index][1], things[index][0]))
    columns, width = _columns(sizes[left_over], canvas)
    places[left_over] = columns
    return places, (width, canvas[1])


def _middles(thing: np.ndarray, size: np.ndarray, beside: bool) -> np.ndarray:
    """Return where the middle of a label may be, the best first."""
    step = (size + thing[2:] - thing[:2]) / 2 + GAP if beside else size
    further = np.sign(STEPS) * np.maximum(np.abs(STEPS) - 1, 0) * size
    return (thing[:2] + thing[2:]) / 2 + np.clip(STEPS, -1, 1) * step + further


def _meet(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Tell, (N, M), which boxes have an inner point in common."""
    return ((boxes[:, None, :2] < others[:, 2:]) & (others[:, :2] < boxes[:, None, 2:])).all(-1)


def _columns(sizes: np.ndarray, canvas: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Stand labels in columns at the right of a drawing; return their places and the width of it all."""
    line = float(sizes[:, 1].max())
    rows = max(int(canvas[1] // line), 1)
    places, x = [], canvas[0]
    for start in range(0, len(sizes), rows):
        column = sizes[start : start + rows]
        x += GAP
        places += [(x, row * line, x + width, row * line + height) for row, (width, height) in enumerate(column)]
        x += float(column[:, 0].max())
    return np.array(places), x + GAP
