"""Where scenes come from: each source lists its scenes cheaply and loads one at a time."""

from dataclasses import dataclass
from typing import Protocol

from dataset_builders.scene import Scene


@dataclass(frozen=True)
class SceneRef:
    """A scene that a source can load.

    Attributes:
        scene_id: Unique within the source.
        scale: One of `SCALE_NAMES`; known before loading, because splits are drawn within each scale.
    """

    scene_id: str
    scale: str


class Source(Protocol):
    """What the builder asks of a source; an instance is pickled once into every worker process."""

    name: str

    def refs(self) -> list[SceneRef]:
        """List the scenes, in an order that is always the same."""

    def load(self, ref: SceneRef) -> Scene:
        """Load one scene.

        Raises:
            InputError: if the scene cannot be used; it names the file, the field and the fix.
        """
