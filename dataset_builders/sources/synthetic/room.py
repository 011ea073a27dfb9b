"""Rooms: a floor plan with walls and ceiling, and furniture inside it."""

from math import atan2, pi, sqrt, tau

import numpy as np
import shapely

from dataset_builders.sources.synthetic.catalog import AGAINST_WALL
from dataset_builders.sources.synthetic.groups import Group
from dataset_builders.sources.synthetic.layout import place_all
from dataset_builders.sources.synthetic.model import Model, Placed
from dataset_builders.sources.synthetic.paints import paint
from dataset_builders.sources.synthetic.shapes import Material, Part

AREAS = (9.0, 60.0)
# Metres between a wall and the back of what stands against it.
WALL_GAP = 0.02


def floor_plan(rng: np.random.Generator, area: float) -> np.ndarray:
    """Draw a rectangle or an L of exactly `area` square metres.

    Returns:
        (N, 2) metres, corners counter-clockwise, the bounding rectangle centred on the origin.
    """
    aspect = rng.uniform(1.0, 1.5)
    a, b = rng.uniform(0.3, 0.5, 2) if rng.random() < 0.4 else (0.0, 0.0)
    width = sqrt(area * aspect / (1 - a * b))
    depth = width / aspect
    if a == 0:
        corners = [(0, 0), (1, 0), (1, 1), (0, 1)]
    else:
        corners = [(0, 0), (1, 0), (1, 1 - b), (1 - a, 1 - b), (1 - a, 1), (0, 1)]
    return (np.array(corners) - 0.5) * (width, depth)


def furnish(rng: np.random.Generator, models: list[Model | Group], gap: float) -> tuple[np.ndarray, list[Placed]]:
    """Draw a floor plan and place the furniture in it; the room grows until everything fits or it is full-sized.

    Args:
        rng: Source of randomness.
        models: Models or groups, the largest footprint first.
        gap: Least metres between two footprints.

    Returns:
        The (N, 2) floor plan and what found a place.
    """
    footprint = sum(float(model.size[0] * model.size[1]) for model in models)
    area = float(np.clip(footprint * rng.uniform(2.8, 5.5), *AREAS))
    while True:
        plan = floor_plan(rng, area)
        placed = place_all(models, lambda model, plan=plan: _propose(rng, model, plan), gap, shapely.Polygon(plan))
        if len(placed) == len(models) or (area == AREAS[1] and len(placed) >= 4):
            return plan, placed
        area = min(AREAS[1], area * 1.2)


def build_walls(rng: np.random.Generator, plan: np.ndarray) -> list[Part]:
    """Build walls, skirting and ceiling, visible from inside only."""
    height = float(rng.uniform(2.4, 2.9))
    colour = paint(rng, "cream", "white", "grey", "teal", "yellow", "pink")
    tint = np.array(colour.colour) * 0.55 + 0.4
    paper = Material(tuple(tint.tolist()))
    accent = paint(rng, "cream", "oak", "blue", "green", "brick", "white")
    glass, frame = Material((1.0, 1.12, 1.25), gloss=0.3), paint(rng, "white", "oak")
    skirting = paint(rng, "white", "walnut", "oak")
    parts, low, high = [], plan.min(axis=0), plan.max(axis=0)
    for index, (start, end) in enumerate(zip(plan, np.roll(plan, -1, axis=0), strict=True)):
        inward = np.array([start[1] - end[1], end[0] - start[0]]) / np.linalg.norm(end - start)
        parts.append(_panel(start, end, 0.0, height, accent if index == 0 else paper))
        parts.append(_panel(start + 0.01 * inward, end + 0.01 * inward, 0.0, 0.09, skirting))
        if rng.random() < 0.5 and np.linalg.norm(end - start) > 1.5:
            middle, half = (start + end) / 2 + 0.01 * inward, rng.uniform(0.15, 0.25) * (end - start)
            parts.append(_panel(middle - 1.1 * half, middle + 1.1 * half, 1.05, 2.2, frame))
            for side in (-0.5, 0.5):
                pane = middle + side * half + 0.005 * inward
                parts.append(_panel(pane - 0.46 * half, pane + 0.46 * half, 1.11, 2.14, glass))
    ceiling = np.array([(low[0], low[1]), (low[0], high[1]), (high[0], high[1]), (high[0], low[1])])
    parts.append(_quad(np.column_stack([ceiling, np.full(4, height)]), paint(rng, "white")))
    return parts


def _propose(rng: np.random.Generator, model: Model | Group, plan: np.ndarray) -> Placed:
    """Draw a place: anywhere, or for some furniture with its back to a wall."""
    if model.category not in AGAINST_WALL:
        x, y = rng.uniform(plan.min(axis=0), plan.max(axis=0))
        return Placed(model, float(x), float(y), float(rng.uniform(0, tau)))
    edges = np.roll(plan, -1, axis=0) - plan
    lengths = np.linalg.norm(edges, axis=1)
    wall = rng.choice(len(plan), p=lengths / lengths.sum())
    along = edges[wall] / lengths[wall]
    inward = np.array([-along[1], along[0]])
    back = float(model.size[1]) / 2 + WALL_GAP
    x, y = plan[wall] + rng.uniform(0, lengths[wall]) * along + back * inward
    return Placed(model, float(x), float(y), atan2(inward[1], inward[0]) - pi / 2)


def _panel(start: np.ndarray, end: np.ndarray, low: float, high: float, material: Material) -> Part:
    return _quad(np.array([(*start, low), (*end, low), (*end, high), (*start, high)]), material)


def _quad(corners: np.ndarray, material: Material) -> Part:
    """Make a flat (4, 3) face; walls turn their front to the left of their direction, into the room."""
    normal = np.cross(corners[2] - corners[0], corners[1] - corners[0])
    normal /= np.linalg.norm(normal)
    triangles = corners[[[0, 2, 1], [0, 3, 2]]]
    return Part(triangles, np.broadcast_to(normal, (2, 3, 3)), material)
