"""Ray casting: what a ray hits first."""

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from dataset_builders.sources.synthetic.model import World


class Caster:
    """Finds the first triangle of a world that a ray hits.

    Geometry is cast in multiples of `unit` metres, so that float32 is as exact at millimetres as at kilometres.
    """

    def __init__(self, world: World, unit: float):
        """Build the search tree over the triangles of `world`."""
        self.unit = unit
        self._scene = EmbreeScene()
        self._mesh = TriangleMesh(self._scene, (world.triangles / unit).astype(np.float32))

    def cast(self, origin: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
        """Cast rays.

        Args:
            origin: (3,) metres, or (N, 3) one per ray.
            directions: (N, 3) float32, any length.

        Returns:
            Per ray `tfar`, in units times the length of its direction, `primID`, the triangle or -1 where nothing is
            hit, and the barycentric `u` and `v` of the hit.
        """
        origins = np.broadcast_to((origin / self.unit).astype(np.float32), directions.shape)
        return self._scene.run(origins, directions, output=True)
