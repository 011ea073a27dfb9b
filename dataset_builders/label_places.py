"""Where to write names in a drawing so that none covers another: at their things, beside them, or else in a margin."""

from collections.abc import Sequence

import numpy as np

GAP = 3.0
"""Between a label in the margin and what is beside it, in units of the drawing."""
# Shifts from a label's own place, in its widths and heights; the nearest come first. It may lie beside its thing or a
# few lines off.
SHIFTS = np.array(
    sorted(((x, y) for x in (0, -0.6, 0.6, -1.2, 1.2) for y in range(-4, 5)), key=lambda s: (abs(s[0]) + abs(s[1]), s))
)


def place_labels(
    anchors: np.ndarray, sizes: np.ndarray, canvas: tuple[float, float], taken: Sequence = ()
) -> tuple[np.ndarray, tuple[float, float]]:
    """Give every label a place of its own.

    Labels are placed in the order given, each at the first free place near its anchor. Those without one stand in
    columns at the right of the drawing, from top to bottom as their anchors do.

    Args:
        anchors: (N, 2), x and y of what is named; y down.
        sizes: (N, 2), width and height of each label.
        canvas: Width and height of the drawing.
        taken: (M, 4), x0, y0, x1, y1 of what must stay free.

    Returns:
        (N, 4), x0, y0, x1, y1 of each label, and the size of the drawing with the columns.

    >>> places, canvas = place_labels(np.array([[50.0, 50]] * 2), np.array([[30.0, 10]] * 2), (100, 100))
    >>> places.tolist(), canvas
    ([[35.0, 45.0, 65.0, 55.0], [35.0, 35.0, 65.0, 45.0]], (100, 100))
    """
    places, used = np.empty((len(anchors), 4)), np.array(taken, float).reshape(-1, 4)
    left_over = []
    for index, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        middles = anchor + SHIFTS * size
        boxes = np.hstack([middles - size / 2, middles + size / 2])
        fits = (boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] <= canvas).all(1) & ~_meet(boxes, used).any(1)
        if fits.any():
            places[index] = boxes[fits.argmax()]
            used = np.vstack([used, places[index]])
        else:
            left_over.append(index)
    if not left_over:
        return places, canvas
    left_over.sort(key=lambda index: (anchors[index][1], anchors[index][0]))
    columns, width = _columns(sizes[left_over], canvas)
    places[left_over] = columns
    return places, (width, canvas[1])


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
