"""Volumes that pairs of oriented boxes share, as sums over the edges of what they share; all pairs at once.

The volume of a convex body is Σ h_f A_f / 3 over its faces, with h_f the signed distance of the plane of a face from
any fixed point. The area of a face is likewise a sum over its edges, so an edge of length l between faces f and g,
whose normals enclose the angle φ, adds

    l (2 h_f h_g - (h_f² + h_g²) cos φ) / (6 sin φ)

(the recursion of Lasserre, J. Optim. Theory Appl. 39, 1983). The edges of the intersection of two boxes are the 12
edges of each, clipped to the other, and 36 lines where a face of one meets a face of the other, clipped to both; no
corner has to be found, and nothing sorted.
"""

import numpy as np

_SIGNS = np.array([-1.0, 1.0])
_NEXT, _LAST = np.array([1, 2, 0]), np.array([2, 0, 1])
# The second box grows by this part of the shortest side, so that faces that coincide do not count twice or never: by
# far more than rounding, by far less than a score shows. Every face moves by another multiple of it, or an edge would
# stay in a face that it is symmetric to.
_GROWTH = 1e-11
_MULTIPLES = np.array([1.0, 1.37, 1.73])
_SHIFTS = np.array([0.19, -0.31, 0.43])
_ROUNDING = 1e-14
# Sine of the angle between two faces: below the first they are parallel, between the two the sum loses digits.
_PARALLEL, _NEARLY_PARALLEL = 1e-13, 1e-5
# So that 0 / 0 is 0 / 0 no longer where an edge runs along a face.
_TINY = 1e-300
# Pairs at a time, about 10 kB each.
_CHUNK = 4096


def shared_volumes(
    boxes: tuple[np.ndarray, np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Return the volume that each box shares with its partner.

    Args:
        boxes: Centres (P, 3), sizes (P, 3), and rotations (P, 3, 3) whose rows are the axes of each box.
        others: The same of their partners.

    Returns:
        (P,), NaN where two faces are nearly parallel and not quite, so that the sum would lose digits.

    >>> cube = (np.zeros((1, 3)), np.full((1, 3), 2.0), np.eye(3)[None])
    >>> shared_volumes(cube, (np.ones((1, 3)), *cube[1:])).round(9).tolist()
    [1.0]
    """
    volumes = np.empty(len(boxes[0]))
    for start in range(0, len(volumes), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        volumes[chunk] = _volumes(*(part[chunk] for part in (*boxes, *others)))
    return volumes


def _volumes(centers, sizes, axes, other_centers, other_sizes, other_axes) -> np.ndarray:
    # From here on in the frame of the first box: its centre is the origin, its axes are X, Y and Z.
    turn = other_axes @ axes.transpose(0, 2, 1)
    offset = np.einsum("pij,pj->pi", axes, other_centers - centers)
    both = np.concatenate([sizes, other_sizes], axis=1)
    growth = np.maximum(_GROWTH * both.min(axis=1), _ROUNDING * (both.max(axis=1) + np.linalg.norm(offset, axis=1)))
    half, other = sizes / 2, other_sizes / 2 + growth[:, None] * _MULTIPLES
    offset = offset + np.einsum("pji,pj->pi", turn, growth[:, None] * _SHIFTS)
    back = np.einsum("pij,pj->pi", turn, offset)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        volumes = _own_edges(half, other, turn, offset, np.zeros_like(back))
        volumes += _own_edges(other, half, turn.transpose(0, 2, 1), -back, back)
        crossing, nearly = _crossings(half, other, turn, offset)
    return np.where(nearly, np.nan, np.maximum(volumes + crossing, 0))


def _own_edges(half, other, turn, offset, middle) -> np.ndarray:
    """Sum over the edges of a box inside another one.

    Args:
        half: (P, 3), half sizes of the box.
        other: (P, 3), half sizes of the other one.
        turn: (P, 3, 3), rows are the axes of the other one in the frame of the box.
        offset: (P, 3), its centre there.
        middle: (P, 3), the centre of the box from the fixed point, in the frame of the box.
    """
    # Edges along axis k, at signs s and t of the two axes after it: (P, k, s, t), (P, k, s, t, 3).
    one, two = half[:, _NEXT], half[:, _LAST]
    columns = turn.transpose(0, 2, 1)  # (P, axis of the box, axis of the other)
    start = (
        _SIGNS[:, None, None] * (one[:, :, None] * columns[:, _NEXT])[:, :, None, None]
        + _SIGNS[None, :, None] * (two[:, :, None] * columns[:, _LAST])[:, :, None, None]
        - np.einsum("pij,pj->pi", turn, offset)[:, None, None, None]
    )
    reach = half[:, :, None, None]
    length = _inside([(start, columns[:, :, None, None], other[:, None, None, None])], -reach, reach)
    heights = _SIGNS[:, None] * middle[:, _NEXT, None, None] + one[:, :, None, None]
    more = _SIGNS * middle[:, _LAST, None, None] + two[:, :, None, None]
    return (length * heights * more).sum(axis=(1, 2, 3)) / 3


def _crossings(half, other, turn, offset) -> tuple[np.ndarray, np.ndarray]:
    """Sum over the lines where a face of the first box meets one of the second; and tell where digits are lost.

    The face s of axis i lies in x_i = s half_i, the face t of axis j in r_j · x = r_j · offset + t other_j; what
    follows is of shape (P, i, j, s, t).
    """
    rows = turn[:, None]  # (P, 1, j, 3): of the second box
    cosine = turn.transpose(0, 2, 1)  # (P, i, j)
    along, across = (turn[:, :, after].transpose(0, 2, 1) for after in (_NEXT, _LAST))
    sine = np.hypot(along, across)
    nearly = ((sine > _PARALLEL) & (sine < _NEARLY_PARALLEL)).any(axis=(1, 2))
    along, across = along / sine, across / sine
    center = np.einsum("pij,pj->pi", turn, offset)
    fixed = _SIGNS[:, None] * half[:, :, None, None, None]  # x_i, (P, i, 1, s, 1)
    plane = center[:, None, :, None, None] + _SIGNS * other[:, None, :, None, None]
    foot = (plane - cosine[..., None, None] * fixed) / sine[..., None, None]

    # The line is (foot u) + τ (-across, along) in the coordinates after i, where u = (along, across).
    slabs = [
        (foot * along[..., None, None], -across[..., None, None], half[:, _NEXT][:, :, None, None, None]),
        (foot * across[..., None, None], along[..., None, None], half[:, _LAST][:, :, None, None, None]),
    ]
    for after in (_NEXT, _LAST):  # the other axes m of the second box, beside j
        by_i, by_next, by_last = (
            rows[:, 0, after][:, :, which].transpose(0, 2, 1) for which in (np.arange(3), _NEXT, _LAST)
        )
        start = (
            by_i[..., None, None] * fixed
            + foot * (by_next * along + by_last * across)[..., None, None]
            - center[:, after][:, None, :, None, None]
        )
        way = (by_last * along - by_next * across)[..., None, None]
        slabs.append((start, way, other[:, after][:, None, :, None, None]))
    reach = np.inf
    enter, leave = -reach, reach
    for start, way, limit in slabs:
        low, high = _slab(start, way, limit)
        enter, leave = np.maximum(enter, np.minimum(low, high)), np.minimum(leave, np.maximum(low, high))
    length = np.maximum(leave - enter, 0)

    height, more = np.broadcast_arrays(half[:, :, None, None, None], _SIGNS * plane)
    bend = _SIGNS[:, None] * _SIGNS * cosine[..., None, None]
    terms = length * (2 * height * more - (height**2 + more**2) * bend) / (6 * sine[..., None, None])
    terms = np.where((sine > _PARALLEL)[..., None, None], terms, 0)
    return terms.sum(axis=(1, 2, 3, 4)), nearly


def _inside(slabs, enter, leave) -> np.ndarray:
    """Return the length of lines inside slabs, the last axis being the slabs of one box."""
    for start, way, limit in slabs:
        low, high = _slab(start, way, limit)
        enter = np.maximum(enter, np.minimum(low, high).max(axis=-1))
        leave = np.minimum(leave, np.maximum(low, high).min(axis=-1))
    return np.maximum(leave - enter, 0)


def _slab(start, way, limit) -> tuple[np.ndarray, np.ndarray]:
    """Return where start + τ way is -limit and limit."""
    return (-limit - start - _TINY) / way, (limit - start + _TINY) / way
