"""What hits look like: light on surfaces, patterns, highlights, the ground with its shadows, and the sky.

Light is worked out once per scene at the corners of the triangles; a frame only looks it up. Vectors and colours are
channel first, (3, M) float32, which numpy handles several times faster. M: rays on the thing; T: triangles.
"""

import numpy as np

from dataset_builders.sources.synthetic.cast import Caster
from dataset_builders.sources.synthetic.light import SHADOW_RAYS, Light, ShadowMap, soften
from dataset_builders.sources.synthetic.model import World
from dataset_builders.sources.synthetic.textures import Ground

HIGHLIGHT_POWER = 30
# Share of the limit of depth from which the ground fades into the horizon.
HAZE = 0.4


class Shader:
    """Colours the hits in one scene."""

    def __init__(self, world: World, caster: Caster, ground: Ground, light: Light, limit: float):
        """Work out the light at every corner and the shadows on the ground.

        Args:
            world: The triangles.
            caster: Finds hits in it.
            ground: What the plane z = 0 looks like.
            light: Sun and sky.
            limit: Metres at which the ground has faded into the horizon.
        """
        self._ground, self._light, self._limit = ground, light, limit
        self._part, self._materials = world.part, world.materials
        self._tabulate(world)
        self._shadow = _bake_shadow(world, caster, light)
        # Where the sun is hidden by something near, so is part of the sky.
        sky, sun = light.irradiance(np.array([0.0, 0.0, 1.0])), light.sun * light.direction[2]
        self._shaded, self._sunlit = _column(0.55 * (sky - sun)), _column(0.45 * (sky - sun) + sun)
        self._horizon, self._zenith, self._sun = _column(light.horizon), _column(light.zenith), _column(light.sun)
        self._towards_sun = _column(light.direction)

    def solid(self, prim, u, v, directions: np.ndarray, rays: np.ndarray) -> np.ndarray:
        """Colour hits of triangles.

        Args:
            prim: (M,) triangle.
            u: (M,) weight of its second corner.
            v: (M,) weight of its third corner.
            directions: (3, N) of rays, any length.
            rays: (M,) which of the N the hits belong to.

        Returns:
            (3, M) RGB, unclipped.
        """
        colour = self._flat.take(prim, axis=1)
        at = np.flatnonzero(self._rounded.take(prim))
        put(colour, at, _blend(self._lit, prim[at], u[at], v[at]))
        at = np.flatnonzero(self._patterned.take(prim))
        if len(at):
            other = _blend(self._lit_second, prim[at], u[at], v[at])
            plain = colour.take(at, axis=1)
            put(colour, at, plain + self._pattern(prim[at], u[at], v[at]) * (other - plain))
        at = np.flatnonzero(self._glossy.take(prim))
        if len(at):
            normal = _unit(_blend(self._normals, prim[at], u[at], v[at]))
            mirrored = self._highlight(normal, _unit(directions.take(rays[at], axis=1)))
            put(colour, at, colour.take(at, axis=1) + self._gloss.take(prim[at]) * mirrored)
        return colour

    def ground(self, position: np.ndarray, directions: np.ndarray, depth: np.ndarray, focal: float) -> np.ndarray:
        """Colour hits of the ground.

        Args:
            position: (3,) metres, where the rays start.
            directions: (2, M) x and y of directions of length 1 along the optical axis.
            depth: (M,) metres along the optical axis.
            focal: Pixels.

        Returns:
            (3, M) RGB, unclipped.
        """
        x, y = depth * directions + _column(position[:2])
        # A pixel covers depth/focal metres across the view and depth/height times as much along it; we take the mean.
        footprint = 1.5 * np.log2(depth) - np.float32(np.log2(focal) + 0.5 * np.log2(position[2]))
        colour = self._ground.colour(x, y, footprint)
        colour *= self._shaded + self._sunlit * self._shadow.sample(x, y)
        if depth.max(initial=0) > HAZE * self._limit:
            haze = np.clip((depth / np.float32(self._limit) - HAZE) / (1 - HAZE), 0, 1)
            colour += haze * (self._horizon - colour)
        return colour

    def sky(self, directions: np.ndarray) -> np.ndarray:
        """Colour (3, M) directions that hit nothing."""
        return self._horizon + np.clip(_unit(directions)[2], 0, 1) ** 0.6 * (self._zenith - self._horizon)

    def _tabulate(self, world: World) -> None:
        """Fill the tables: (3, 3T) with three columns per triangle for its corners, (3, T) or (T,) otherwise."""
        colours = np.array([material.colour for material in world.materials], np.float32)
        seconds = np.array([material.second for material in world.materials], np.float32)
        gloss = np.array([material.gloss for material in world.materials], np.float32)
        patterned = np.array([material.pattern != "plain" for material in world.materials])
        received = self._light.irradiance(world.normals).astype(np.float32)
        self._lit = _table(received * colours[world.part, None])
        self._lit_second = _table(received * seconds[world.part, None])
        self._flat = self._lit[:, ::3].copy()
        self._normals, self._local = _table(world.normals), _table(world.local)
        self._gloss, self._glossy = gloss[world.part], gloss[world.part] > 0
        self._patterned = patterned[world.part]
        self._rounded = np.einsum("tcd,td->t", world.normals, world.normals[:, 0]) < 3 - 1e-6

    def _highlight(self, normal: np.ndarray, view: np.ndarray) -> np.ndarray:
        """Return the (3, M) mirror image of the sun, and of the sky where the surface is seen edge-on."""
        half = _unit(self._towards_sun - view)
        sun = np.clip((normal * half).sum(axis=0), 0, 1) ** HIGHLIGHT_POWER
        edge = np.clip(1 + (normal * view).sum(axis=0), 0, 1) ** 3 * (normal[2] > -0.2)
        return 0.8 * sun * self._sun + 0.3 * edge * self._horizon

    def _pattern(self, prim: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the (M,) share of the second colour."""
        point, part = _blend(self._local, prim, u, v), self._part.take(prim)
        share = np.zeros(len(prim), np.float32)
        for index in np.unique(part):
            at, material = np.flatnonzero(part == index), self._materials[index]
            share[at] = PATTERNS[material.pattern](point.take(at, axis=1) / np.float32(material.period))
        return share


def put(target: np.ndarray, at: np.ndarray, values: np.ndarray) -> None:
    """Write (3, M) values into columns of a (3, N) array; three times faster than `[:, at]`."""
    for channel, value in zip(target, values, strict=True):
        channel[at] = value


def _stripes(point: np.ndarray) -> np.ndarray:
    return point[2] % 1 > 0.5


def _checker(point: np.ndarray) -> np.ndarray:
    # The small shift keeps faces that lie on a border of the pattern from flickering.
    return np.floor(2 * point + 1e-3).sum(axis=0) % 2


def _speckle(point: np.ndarray) -> np.ndarray:
    x, y, z = 2 * np.pi * point
    folds = (np.sin(x + 2 * np.sin(1.7 * y)), np.sin(1.3 * y + 2 * np.sin(1.1 * z)), np.sin(z + 2 * np.sin(x)))
    return 0.25 + 0.25 * folds[0] * folds[1] * folds[2]


PATTERNS = {"stripes": _stripes, "checker": _checker, "speckle": _speckle}


def _bake_shadow(world: World, caster: Caster, light: Light) -> ShadowMap:
    """Cast from ground points towards the sun; what meets an object first, and not a wall, is in shadow."""
    solid = world.instance[world.part] > 0
    corners = world.triangles[solid].reshape(-1, 3)
    drop = corners[:, :2] - corners[:, 2:] * (light.direction[:2] / light.direction[2])
    low = np.minimum(corners[:, :2].min(axis=0), drop.min(axis=0))
    high = np.maximum(corners[:, :2].max(axis=0), drop.max(axis=0))
    size = 1.1 * float((high - low).max())
    low = (low + high - size) / 2
    steps = (np.arange(SHADOW_RAYS) + 0.5) * size / SHADOW_RAYS
    x, y = np.meshgrid(low[0] + steps, low[1] + steps)
    points = np.stack([x, y, np.full_like(x, 1e-3 * caster.unit)], axis=-1).reshape(-1, 3)
    prim = caster.cast(points, np.broadcast_to(light.direction.astype(np.float32), points.shape))["primID"]
    blocked = (prim >= 0) & solid.take(prim, mode="clip")
    return soften(blocked.reshape(SHADOW_RAYS, SHADOW_RAYS), low, size)


def _column(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector, np.float32)[:, None]


def _table(corners: np.ndarray) -> np.ndarray:
    """Lay (T, 3, 3) corner vectors out as (3, 3T)."""
    return np.ascontiguousarray(corners.reshape(-1, 3).T, np.float32)


def _blend(table: np.ndarray, prim: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Interpolate between the corners of M triangles in a (3, 3T) table."""
    first = 3 * prim
    mixed = table.take(first, axis=1) * (1 - u - v)
    mixed += table.take(first + 1, axis=1) * u
    mixed += table.take(first + 2, axis=1) * v
    return mixed


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Scale (3, M) vectors to length 1."""
    return vectors / np.sqrt((vectors * vectors).sum(axis=0))
