"""What stands where on open ground: which categories, how many of each, and places without collisions."""

from collections.abc import Callable, Collection, Iterable
from math import sqrt, tau

import numpy as np
import shapely

from dataset_builders.sources.synthetic.catalog import CATALOG
from dataset_builders.sources.synthetic.groups import Group
from dataset_builders.sources.synthetic.model import Model, Placed, make_model

TRIES = 60


def choose_categories(rng: np.random.Generator, names: Iterable[str]) -> list[str]:
    """Draw the categories of a scene, one entry per object, 4 to 10 objects.

    At least three categories occur once, so that names identify objects; four scenes in five repeat a category two to
    six times, so that there is something to count.
    """
    names = rng.permutation(sorted(names)).tolist()
    chosen = [names.pop() for _ in range(rng.integers(3, 7))]
    chosen += [names.pop()] * int(rng.integers(2, 7) if rng.random() < 0.8 else 1)
    if len(chosen) <= 7 and rng.random() < 0.4:
        chosen += [names.pop()] * int(rng.integers(2, 4))
    return chosen[:10]


def build_models(rng: np.random.Generator, scale: str, taken: Collection[str] = ()) -> list[Model]:
    """Build the objects of a scene that touch no other, of other categories than those `taken`, largest first."""
    makers = CATALOG[scale]
    names = choose_categories(rng, makers.keys() - set(taken))
    return by_footprint(make_model(name, makers[name](rng)) for name in names)


def by_footprint(models: Iterable[Model | Group]) -> list[Model | Group]:
    """Sort by footprint, the largest first, because large ones are hardest to place."""
    return sorted(models, key=lambda model: -float(model.size[0] * model.size[1]))


def scatter(
    rng: np.random.Generator, models: list[Model | Group], gap: float, spread: float, rows: bool
) -> list[Placed]:
    """Place models on a rectangle of open ground round the origin; it grows until all fit.

    Args:
        rng: Source of randomness.
        models: Models or groups, the largest footprint first.
        gap: Least metres between two footprints.
        spread: Square metres of ground per square metre of footprint.
        rows: Keep large things towards +Y and small ones towards -Y, so that who passes there sees them all.
    """
    area = spread * sum(float((model.size[0] + gap) * (model.size[1] + gap)) for model in models)
    aspect = rng.uniform(1.0, 1.6)
    while True:
        half = np.array([sqrt(area * aspect), sqrt(area / aspect)]) / 2

        def propose(model: Model | Group, half=half) -> Placed:
            x, y = rng.uniform(-half, half)
            if rows:
                rank = next(index for index, other in enumerate(models) if other is model) / (len(models) - 1)
                y = 0.3 * y + (0.7 - 1.4 * rank) * half[1]
            # Groups have their front at the -Y side.
            turn = rng.uniform(-1, 1) if rows and isinstance(model, Group) else rng.uniform(0, tau)
            return Placed(model, float(x), float(y), float(turn))

        placed = place_all(models, propose, gap)
        if len(placed) == len(models):
            return placed
        area *= 1.15


def place_all(
    models: list[Model | Group],
    propose: Callable[[Model | Group], Placed],
    gap: float,
    inside: shapely.Polygon | None = None,
) -> list[Placed]:
    """Place models one after another, each at the first proposal that keeps `gap` metres to the others.

    Args:
        models: What to place.
        propose: Draws a place for a model.
        gap: Least metres between two footprints.
        inside: Where footprints must lie, if anywhere in particular.

    Returns:
        The models that found a place, in order.
    """
    placed: list[Placed] = []
    footprints: list[shapely.Polygon] = []
    for model in models:
        for _ in range(TRIES):
            item = propose(model)
            footprint = item.footprint
            free = not footprints or shapely.distance(footprint, footprints).min() > gap
            if free and (inside is None or inside.covers(footprint)):
                placed.append(item)
                footprints.append(footprint)
                break
    return placed
