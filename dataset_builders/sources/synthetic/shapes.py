"""Coloured primitives that objects are built from.

Each primitive stands on the point `at` and rises along `axis`; lengths are metres in object coordinates (Z up). Unit
meshes come from trimesh once per process and are then only scaled and turned.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import trimesh

Vector = tuple[float, float, float]
ORIGIN, UP = (0.0, 0.0, 0.0), (0.0, 0.0, 1.0)
SIDES = 16
# Neighbouring faces that meet at less than this angle are shaded as one rounded surface, radians.
SMOOTH_ANGLE = 0.7


@dataclass(frozen=True)
class Material:
    """What a surface looks like.

    Attributes:
        colour: RGB, each in [0, 1].
        second: RGB of the other half of a pattern.
        pattern: `plain`, `stripes` (rings along Z), `checker` or `speckle`, in object coordinates.
        period: Metres between repeats of the pattern.
        gloss: Strength of the highlight, in [0, 1].
    """

    colour: Vector
    second: Vector = (1.0, 1.0, 1.0)
    pattern: str = "plain"
    period: float = 1.0
    gloss: float = 0.0


@dataclass(frozen=True)
class Part:
    """One primitive of an object.

    Attributes:
        triangles: (T, 3, 3) metres, corners of the faces, counter-clockwise seen from outside.
        normals: (T, 3, 3) unit normals at those corners.
        material: What it looks like.
    """

    triangles: np.ndarray
    normals: np.ndarray
    material: Material


def yaw_matrix(yaw: float) -> np.ndarray:
    """Return the (3, 3) rotation by `yaw` radians about Z."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def box(size: Vector, material: Material, at: Vector = ORIGIN, axis: Vector = UP) -> Part:
    """Make a block.

    >>> brick = box((2, 1, 0.5), Material((1, 0, 0)), at=(0, 0, 1))
    >>> brick.triangles.reshape(-1, 3).min(axis=0).tolist(), brick.triangles.reshape(-1, 3).max(axis=0).tolist()
    ([-1.0, -0.5, 1.0], [1.0, 0.5, 1.5])
    """
    return _stand(_unit_box(), size, material, at, axis)


def cylinder(radius, height, material, at: Vector = ORIGIN, axis: Vector = UP, sides: int = SIDES) -> Part:
    """Make a cylinder, or with few `sides` a regular prism."""
    return cone(radius, height, material, at, axis, sides, top=radius)


def cone(radius, height, material, at: Vector = ORIGIN, axis: Vector = UP, sides: int = SIDES, top=0.0) -> Part:
    """Make a cone, cut off where its radius is `top` (which may be wider than `radius`)."""
    widest = max(radius, top)
    profile = ((0, 0), (round(radius / widest, 2), 0), (round(top / widest, 2), 1), (0, 1))
    return lathe(profile, widest, height, material, at, axis, sides)


def ellipsoid(radii: Vector, material, at: Vector = ORIGIN, axis: Vector = UP, sides: int = SIDES) -> Part:
    """Make an ellipsoid with half axes `radii`; a sphere where they are equal."""
    angles = np.linspace(0, np.pi, sides // 2 + 1)
    profile = tuple((round(np.sin(angle), 6), round((1 - np.cos(angle)) / 2, 6)) for angle in angles)
    return _stand(_turned(profile, sides), (radii[0], radii[1], 2 * radii[2]), material, at, axis)


def capsule(radius, height, material, at: Vector = ORIGIN, axis: Vector = UP) -> Part:
    """Make a cylinder with half spheres for ends, `height` from pole to pole."""
    cap = round(min(radius / height, 0.5), 2)
    angles = np.linspace(0, np.pi / 2, 5)
    lower = [(round(np.sin(angle), 6), round(cap * (1 - np.cos(angle)), 6)) for angle in angles]
    upper = [(r, round(1 - z, 6)) for r, z in reversed(lower)]
    return lathe(tuple(lower + upper), radius, height, material, at, axis)


def torus(radius, thickness, material, at: Vector = ORIGIN, axis: Vector = UP) -> Part:
    """Make a ring with a round section: `radius` to the middle of the section, which is `thickness` across."""
    half = round(thickness / 2 / (radius + thickness / 2), 2)
    angles = np.linspace(0, 2 * np.pi, 9)
    profile = tuple((round(1 - half + half * np.cos(a), 6), round((1 + np.sin(a)) / 2, 6)) for a in angles[:-1])
    return lathe((*profile, profile[0]), radius + thickness / 2, thickness, material, at, axis)


def tube(outer, inner, height, material, at: Vector = ORIGIN, axis: Vector = UP, sides: int = SIDES) -> Part:
    """Make a ring with a rectangular section, or a pipe."""
    hole = round(inner / outer, 2)
    return lathe(((hole, 0), (1, 0), (1, 1), (hole, 1), (hole, 0)), outer, height, material, at, axis, sides)


def lathe(profile, radius, height, material, at: Vector = ORIGIN, axis: Vector = UP, sides: int = SIDES) -> Part:
    """Turn a profile round the axis.

    Args:
        profile: Pairs (distance from the axis, height), both in [0, 1], from the bottom up along the outside; the
            first and last lie on the axis, or are the same point.
        radius: Metres for 1 in the profile.
        height: Metres for 1 in the profile.
        material: What it looks like.
        at: Where the bottom's centre goes.
        axis: Direction that the profile's height goes.
        sides: Faces around.
    """
    return _stand(_turned(profile, sides), (radius, radius, height), material, at, axis)


def roof(size: Vector, material: Material, at: Vector = ORIGIN) -> Part:
    """Make a gable: a triangular prism whose ridge runs along X."""
    return _stand(_unit_roof(), size, material, at, UP)


def stood_up(parts: list[Part]) -> list[Part]:
    """Turn what lies so that its top faces +Y and its +Y side is on top.

    >>> tile = box((3, 2, 1), Material((1, 0, 0)))
    >>> np.ptp(stood_up([tile])[0].triangles.reshape(-1, 3), axis=0).tolist()
    [3.0, 1.0, 2.0]
    """
    turn = np.array([(-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)])
    return [Part(part.triangles @ turn, part.normals @ turn, part.material) for part in parts]


def _stand(unit, scale, material: Material, at, axis) -> Part:
    """Scale a unit mesh, turn its Z axis to `axis` and put its foot at `at`."""
    triangles, normals = unit
    scale = np.asarray(scale, float)
    normals = normals / scale
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    triangles = triangles * scale
    if axis != UP:
        rotation = _frame(axis)
        triangles, normals = triangles @ rotation.T, normals @ rotation.T
    return Part(triangles + np.asarray(at, float), normals, material)


def _frame(axis) -> np.ndarray:
    """Return a rotation whose third column is the direction of `axis`; its first column stays level."""
    z = np.asarray(axis, float) / np.linalg.norm(axis)
    x = np.cross((0.0, 1.0, 0.0) if abs(z[2]) > 0.999 else (0.0, 0.0, 1.0), z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


@lru_cache(maxsize=1)
def _unit_box():
    return _soup(trimesh.creation.box(bounds=[(-0.5, -0.5, 0.0), (0.5, 0.5, 1.0)]))


@lru_cache(maxsize=1)
def _unit_roof():
    corners = [(x, y, z) for x in (-0.5, 0.5) for y, z in ((-0.5, 0.0), (0.5, 0.0), (0.0, 1.0))]
    return _soup(trimesh.convex.convex_hull(corners))


@lru_cache(maxsize=512)
def _turned(profile, sides: int):
    # Half a step of turn lets a four- or six-sided solid face its neighbours with a side, not with an edge.
    turn = trimesh.transformations.rotation_matrix(np.pi / sides, UP)
    return _soup(trimesh.creation.revolve(profile, sections=sides, transform=turn))


def _soup(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """Cut a closed mesh into loose (T, 3, 3) triangles with corner normals, facing outwards."""
    if mesh.volume < 0:
        mesh.invert()
    smooth = trimesh.graph.smooth_shade(mesh, angle=SMOOTH_ANGLE)
    return np.array(smooth.triangles), np.array(smooth.vertex_normals[smooth.faces])
