"""Procedural scenes at all five scales, ray-cast to colour, depth and instance masks with exact geometry."""

import hashlib
from dataclasses import dataclass
from math import radians

import numpy as np
import shapely

from dataset_builders.scene import Scene, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.synthetic.cast import Caster
from dataset_builders.sources.synthetic.layout import build_models, scatter
from dataset_builders.sources.synthetic.light import draw_light
from dataset_builders.sources.synthetic.model import make_world
from dataset_builders.sources.synthetic.paths import Site, draw_cameras
from dataset_builders.sources.synthetic.render import Renderer
from dataset_builders.sources.synthetic.room import build_walls, furnish
from dataset_builders.sources.synthetic.shade import Shader
from dataset_builders.sources.synthetic.stage import STAGES
from dataset_builders.sources.synthetic.textures import make_ground
from dataset_builders.taxonomy import SCALE_NAMES

__all__ = ["SyntheticSource"]


@dataclass(frozen=True)
class SyntheticSource:
    """Makes scenes instead of reading them; a scene depends on the seed and its id alone.

    Attributes:
        num_scenes: How many; the scales take turns.
        seed: Another seed gives other scenes.
        num_frames: Frames per scene.
        frame_size: Width and height, pixels.

    >>> source = SyntheticSource(num_scenes=2, seed=7, num_frames=1, frame_size=(64, 48))
    >>> [ref.scene_id for ref in source.refs()]
    ['synthetic-7-000000', 'synthetic-7-000001']
    >>> source.load(source.refs()[0]).frames[0].color.shape
    (48, 64, 3)
    """

    num_scenes: int
    seed: int
    num_frames: int = 16
    frame_size: tuple[int, int] = (448, 336)

    name = "synthetic"

    def __post_init__(self):
        """Refuse sizes that make no scene."""
        if self.num_scenes < 1 or self.num_frames < 1 or min(self.frame_size) < 1:
            sizes = f"{self.num_scenes} scenes of {self.num_frames} frames of {self.frame_size} pixels"
            raise ValueError(f"num_scenes, num_frames and frame_size must be at least 1, got {sizes}")

    def refs(self) -> list[SceneRef]:
        """List the scenes; the scales take turns."""
        return [
            SceneRef(f"synthetic-{self.seed}-{index:06d}", SCALE_NAMES[index % len(SCALE_NAMES)])
            for index in range(self.num_scenes)
        ]

    def load(self, ref: SceneRef) -> Scene:
        """Build and render one scene."""
        digest = hashlib.sha256(f"{self.seed}/{ref.scene_id}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:16]))
        stage, plan, walls = STAGES[ref.scale], None, []
        models = build_models(rng, ref.scale)
        if ref.scale == "indoor":
            plan, placed = furnish(rng, models, stage.gap)
            walls = build_walls(rng, plan)
        else:
            placed = scatter(rng, models, stage.gap, stage.spread, rows=ref.scale == "outdoor")
        objects = tuple(item.to_object(number) for number, item in enumerate(placed, start=1))
        world = make_world(placed, walls)
        caster = Caster(world, stage.unit)
        site = Site(ref.scale, world, caster, objects, plan)
        field_of_view = radians(rng.uniform(*stage.field_of_view))
        cameras = draw_cameras(rng, site, self.num_frames, self.frame_size, field_of_view)
        ground = make_ground(rng, str(rng.choice(stage.grounds)), stage.tile)
        shader = Shader(world, caster, ground, draw_light(rng, indoor=plan is not None), stage.limit)
        renderer = Renderer(world, caster, shader, stage.limit)
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license="CC0-1.0",
            scale=ref.scale,
            objects=objects,
            frames=tuple(renderer.frame(camera) for camera in cameras),
            room_size=None if plan is None else float(shapely.Polygon(plan).area),
        )
        return validate_scene(scene, ref.scene_id)
