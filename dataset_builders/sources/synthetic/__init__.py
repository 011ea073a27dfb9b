"""Procedural scenes at all five scales, ray-cast to colour, depth and instance masks with exact geometry."""

import hashlib
from dataclasses import dataclass
from math import radians

import numpy as np
import shapely

from dataset_builders.scene import Frame, Scene, validate_scene
from dataset_builders.sources import SceneRef
from dataset_builders.sources.synthetic.arrange import build_groups
from dataset_builders.sources.synthetic.cast import Caster
from dataset_builders.sources.synthetic.groups import ungroup
from dataset_builders.sources.synthetic.layout import build_models, by_footprint, scatter
from dataset_builders.sources.synthetic.light import draw_light
from dataset_builders.sources.synthetic.model import Placed, World, make_world
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
        rendered: Whether the scenes have frames, or boxes only, which is many times faster.
        gestures: Whether the camera makes single turns and movements along its own axes, instead of a smooth path.

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
    rendered: bool = True
    gestures: bool = False

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
        """Build one scene, and render it if the source is rendered; either way its boxes are the same.

        Its metadata hold the hollows of its objects (see `tasks.contact`) and, for tests, the relations that were
        built, by instance ids: `["support", 5, 3]` where 5 was put on 3, `["stacking", 3, 5, 7]` from the bottom up.
        """
        digest = hashlib.sha256(f"{self.seed}/{ref.scene_id}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:16]))
        stage, plan, walls = STAGES[ref.scale], None, []
        groups = build_groups(rng, ref.scale)
        taken = {item.model.category for group in groups for item in group.members}
        models = by_footprint([*groups, *build_models(rng, ref.scale, taken)])
        if ref.scale == "indoor":
            plan, placed = furnish(rng, models, stage.gap)
            walls = build_walls(rng, plan)
        else:
            placed = scatter(rng, models, stage.gap, stage.spread, rows=ref.scale == "outdoor")
        placed, relations = ungroup(placed)
        objects = tuple(item.to_object(number) for number, item in enumerate(placed, start=1))
        scene = Scene(
            scene_id=ref.scene_id,
            source=self.name,
            license="CC0-1.0",
            scale=ref.scale,
            objects=objects,
            frames=self._film(rng, ref.scale, make_world(placed, walls), objects, plan) if self.rendered else (),
            room_size=None if plan is None else float(shapely.Polygon(plan).area),
            metadata={"hollows": _hollows(placed), "relations": relations},
        )
        return validate_scene(scene, ref.scene_id)

    def _film(self, rng: np.random.Generator, scale: str, world: World, objects, plan) -> tuple[Frame, ...]:
        stage = STAGES[scale]
        caster = Caster(world, stage.unit)
        site = Site(scale, world, caster, objects, plan, self.gestures)
        field_of_view = radians(rng.uniform(*stage.field_of_view))
        cameras = draw_cameras(rng, site, self.num_frames, self.frame_size, field_of_view)
        ground = make_ground(rng, str(rng.choice(stage.grounds)), stage.tile)
        shader = Shader(world, caster, ground, draw_light(rng, indoor=plan is not None), stage.limit)
        renderer = Renderer(world, caster, shader, stage.limit)
        return tuple(renderer.frame(camera) for camera in cameras)


def _hollows(placed: list[Placed]) -> dict[str, list]:
    """Return the hollows of each object by instance id, in the coordinates of its box (see `tasks.contact`)."""
    middles = [np.array([0.0, 0.0, item.model.size[2] / 2]) for item in placed]
    hollows = [(item.model.hollows - middle).tolist() for item, middle in zip(placed, middles, strict=True)]
    return {str(number): found for number, found in enumerate(hollows, start=1) if found}
