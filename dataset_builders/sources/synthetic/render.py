"""Frames from a world: colour, metric depth along the optical axis and instance ids, all from the same rays."""

import numpy as np

from dataset_builders.scene import Camera, Frame
from dataset_builders.sources.synthetic.cast import Caster
from dataset_builders.sources.synthetic.model import World
from dataset_builders.sources.synthetic.shade import Shader, put

# Where inside a pixel the extra rays of an edge go; with its centre they are spread evenly.
SUBPIXELS = np.array([(0.36, -0.18), (-0.36, 0.18)])
# Rays handled together: few enough that intermediate arrays stay in the processor's cache.
BATCH = 37632


class Renderer:
    """Takes the frames of one scene."""

    def __init__(self, world: World, caster: Caster, shader: Shader, limit: float):
        """Keep what frames share.

        Args:
            world: The triangles.
            caster: Finds hits in it.
            shader: Colours them.
            limit: Metres beyond which depth is unknown and the ground is not seen.
        """
        self._caster, self._shader, self._limit = caster, shader, np.float32(limit)
        self._part = world.part.astype(np.int32)
        self._ground_part, self._sky_part = np.int32(len(world.materials)), np.int32(len(world.materials) + 1)
        self._instance = np.append(world.instance, [0, 0]).astype(np.int32)
        self._walled = bool((world.instance == 0).any())
        self._corners = _corners(world)
        self._grid: tuple[np.ndarray, np.ndarray] | None = None

    def frame(self, camera: Camera) -> Frame:
        """Take one picture; the pixels at the edges of parts get extra rays for a smooth outline."""
        rays = self._rays(camera)
        turn = camera.camera_to_world[:3, :3].astype(np.float32)
        shape = (camera.height, camera.width)
        depth, part, colour = self._trace(camera, turn @ rays, self._may_hit(camera))
        edge = np.flatnonzero(_edges(part.reshape(shape)))
        steps = np.pad(SUBPIXELS / np.diag(camera.intrinsics)[:2], [(0, 0), (0, 1)]).astype(np.float32)
        extra = (rays.take(edge, axis=1)[:, None] + steps.T[..., None]).reshape(3, -1)
        extra = self._trace(camera, turn @ extra, np.ones(extra.shape[1], bool))[2].reshape(3, len(steps), -1)
        put(colour, edge, (colour.take(edge, axis=1) + extra.sum(axis=1)) / (len(steps) + 1))
        image = np.empty((*shape, 3), np.uint8)
        for channel in range(3):
            image[..., channel] = (np.clip(colour[channel], 0, 1) * 255).reshape(shape)
        depth[depth >= self._limit] = 0
        return Frame(camera, image, depth.reshape(shape), self._instance.take(part).reshape(shape))

    def _rays(self, camera: Camera) -> np.ndarray:
        """Return (3, N) camera-frame directions with z = 1, so that the distance of a hit is its depth."""
        intrinsics = camera.intrinsics
        if self._grid is None or not np.array_equal(self._grid[0], intrinsics):
            x = (np.arange(camera.width) - intrinsics[0, 2]) / intrinsics[0, 0]
            y = (np.arange(camera.height) - intrinsics[1, 2]) / intrinsics[1, 1]
            grid = np.stack([*np.meshgrid(x, y), np.ones((camera.height, camera.width))])
            self._grid = intrinsics, grid.reshape(3, -1).astype(np.float32)
        return self._grid[1]

    def _may_hit(self, camera: Camera) -> np.ndarray:
        """Return (N,) whether a pixel is within the projection of some box; always, between walls."""
        mask = np.zeros((camera.height, camera.width), bool)
        local = (self._corners - camera.camera_to_world[:3, 3]) @ camera.camera_to_world[:3, :3]
        if self._walled or local[..., 2].min() <= 0:
            mask[:] = True
        else:
            pixels = local @ camera.intrinsics.T
            pixels = pixels[..., :2] / pixels[..., 2:]
            low = np.clip(np.floor(pixels.min(axis=1)), 0, None).astype(int)
            high = np.clip(np.ceil(pixels.max(axis=1)) + 1, 0, None).astype(int)
            for (left, top), (right, bottom) in zip(low, high, strict=True):
                mask[top:bottom, left:right] = True
        return mask.ravel()

    def _trace(self, camera: Camera, directions: np.ndarray, may_hit: np.ndarray) -> tuple:
        """Cast rays and colour what they hit.

        Args:
            camera: Where the rays start, and how long its lens is.
            directions: (3, N) float32, world, of length 1 along the optical axis.
            may_hit: (N,) whether a ray can hit a triangle.

        Returns:
            (N,) depth in metres, infinite for sky; (N,) part, the ground and the sky counted last; (3, N) RGB.
        """
        batches = [slice(start, start + BATCH) for start in range(0, directions.shape[1], BATCH)]
        results = [self._trace_batch(camera, directions[:, at], np.flatnonzero(may_hit[at])) for at in batches]
        if not results:
            return np.empty(0, np.float32), np.empty(0, np.int32), np.empty((3, 0), np.float32)
        return tuple(np.concatenate(pieces, axis=-1) for pieces in zip(*results, strict=True))

    def _trace_batch(self, camera: Camera, directions: np.ndarray, may_hit: np.ndarray) -> tuple:
        position, focal = camera.camera_to_world[:3, 3], float(camera.intrinsics[0, 0])
        down = directions[2]
        with np.errstate(divide="ignore"):
            depth = np.where(down < 0, np.float32(-position[2]) / down, np.float32(np.inf))
        part = np.where(depth < self._limit, self._ground_part, self._sky_part)
        tried = directions if len(may_hit) == len(down) else directions.take(may_hit, axis=1)
        hits = self._caster.cast(position, tried.T)
        # Misses come back as 1e37, which would overflow.
        distance = np.minimum(hits["tfar"], np.float32(1e9)) * np.float32(self._caster.unit)
        solid = np.flatnonzero((hits["primID"] >= 0) & (distance < depth.take(may_hit)))
        prim, rays = hits["primID"].take(solid), may_hit.take(solid)
        depth[rays] = distance.take(solid)
        part[rays] = self._part.take(prim)
        colour = np.empty_like(directions)
        put(colour, rays, self._shader.solid(prim, hits["u"][solid], hits["v"][solid], directions, rays))
        rays = np.flatnonzero(part == self._ground_part)
        put(colour, rays, self._shader.ground(position, directions[:2].take(rays, axis=1), depth[rays], focal))
        rays = np.flatnonzero(part == self._sky_part)
        put(colour, rays, self._shader.sky(directions.take(rays, axis=1)))
        return depth, part, colour


def _corners(world: World) -> np.ndarray:
    """Return the (O, 8, 3) corners of the upright boxes round the objects, metres."""
    instance = world.instance[world.part]
    boxes = []
    for number in range(1, instance.max() + 1):
        points = world.triangles[instance == number].reshape(-1, 3)
        sides = zip(points.min(axis=0), points.max(axis=0), strict=True)
        boxes.append(np.stack(np.meshgrid(*sides), axis=-1).reshape(8, 3))
    return np.stack(boxes)


def _edges(part: np.ndarray) -> np.ndarray:
    """Mark the pixels of an (H, W) map that differ from the pixel to the left or above."""
    edge = np.zeros(part.shape, bool)
    edge[:, 1:] = part[:, 1:] != part[:, :-1]
    edge[1:] |= part[1:] != part[:-1]
    return edge
