"""Objects that touch, put down together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.sources.synthetic.model import Model, Placed
from dataset_builders.sources.synthetic.shapes import yaw_matrix


@dataclass(frozen=True)
class Group:
    """Objects in fixed places to each other; it is put down like a single model.

    Attributes:
        category: That of the object on the ground.
        size: (3,) metres, of the box round all, which stands on z = 0 and is centred over the origin.
        members: The objects in the group's coordinates, that on the ground first.
        relations: What was built, e.g. `("support", 1, 0)`: a kind, and indices of members. A thing comes before what
            it rests on, lies in, hangs from, sticks to or is surrounded by; `stacking` lists a stack from the bottom.
    """

    category: str
    size: np.ndarray
    members: tuple[Placed, ...]
    relations: tuple[tuple, ...]


def make_group(members: Sequence[Placed], relations: Sequence[tuple]) -> Group:
    """Measure objects together and move them over the origin."""
    corners = np.concatenate([np.array(item.footprint.exterior.coords)[:4] for item in members])
    low, high = corners.min(axis=0), corners.max(axis=0)
    x, y = (low + high) / 2
    moved = tuple(Placed(item.model, item.x - x, item.y - y, item.yaw, item.z) for item in members)
    top = max(item.z + float(item.model.size[2]) for item in members)
    return Group(members[0].model.category, np.array([*(high - low), top]), moved, tuple(relations))


def ungroup(placed: Sequence[Placed]) -> tuple[list[Placed], list[list]]:
    """Take groups apart.

    Args:
        placed: Models and groups.

    Returns:
        The models, in order, and the relations with the instance ids 1, 2, … of that order instead of indices.
    """
    singles: list[Placed] = []
    relations: list[list] = []
    for item in placed:
        if isinstance(item.model, Model):
            singles.append(item)
            continue
        first, turn = len(singles) + 1, yaw_matrix(item.yaw)
        for one in item.model.members:
            x, y, z = turn @ (one.x, one.y, one.z) + (item.x, item.y, item.z)
            singles.append(Placed(one.model, float(x), float(y), item.yaw + one.yaw, float(z)))
        relations += [[kind, *(first + index for index in indices)] for kind, *indices in item.model.relations]
    return singles, relations
