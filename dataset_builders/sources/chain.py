"""Several sources as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dataset_builders.scene import Scene
from dataset_builders.sources import SceneRef, Source


@dataclass(frozen=True)
class ChainSource:
    """The scenes of several sources, one source after the other.

    Attributes:
        sources: At least one.
    """

    sources: Sequence[Source]

    @property
    def name(self) -> str:
        """The names of the sources, joined."""
        return "+".join(source.name for source in self.sources)

    def refs(self) -> list[SceneRef]:
        """List the scenes of every source in turn."""
        return [ref for source in self.sources for ref in source.refs()]

    def load(self, ref: SceneRef) -> Scene:
        """Load a scene from the source that lists it."""
        return self.sources[self._owners[ref.scene_id]].load(ref)

    @cached_property
    def _owners(self) -> dict[str, int]:
        return {ref.scene_id: number for number, source in enumerate(self.sources) for ref in source.refs()}
