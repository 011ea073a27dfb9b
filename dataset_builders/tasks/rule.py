"""What a rule is: the way from a scene to facts of one task, and what it needs of the scene."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene, has_intrinsics
from dataset_builders.taxonomy import SCALE_NAMES

ALL_SCALES = frozenset(SCALE_NAMES)

# What a rule can need → whether a scene has it.
HAS: dict[str, Callable[[Scene], bool]] = {
    "boxes": lambda scene: bool(scene.objects),
    "frames": lambda scene: bool(scene.frames),
    "intrinsics": lambda scene: any(has_intrinsics(frame.camera) for frame in scene.frames),
    "depth": lambda scene: any(frame.depth is not None for frame in scene.frames),
    "instances": lambda scene: any(frame.instances is not None for frame in scene.frames),
    "sightings": lambda scene: any(frame.instances is not None or frame.boxes for frame in scene.frames),
    "metric": lambda scene: scene.metric,
    "room_size": lambda scene: scene.room_size is not None,
}


@dataclass(frozen=True)
class Rule:
    """One way to compute what a task asks for; several rules can serve the same task.

    Attributes:
        name: Goes to `Fact.rule`.
        task: One of `TASK_NAMES`.
        needs: Keys of `HAS`.
        scales: Scales at which it applies.
        generate: Yields distinct facts lazily and in random order; it ends.
        left_out: Counts, by reason, what of a scene it cannot ask about; None where that is not counted.
    """

    name: str
    task: str
    needs: frozenset[str]
    scales: frozenset[str]
    generate: Callable[[Scene, np.random.Generator], Iterator[Fact]]
    left_out: Callable[[Scene], dict[str, int]] | None = None


def lacking(rule: Rule, scene: Scene) -> frozenset[str]:
    """Return what the scene lacks for the rule, `scale` among it where the rule is not for its scale.

    >>> rule = Rule("image.depth", "depth_estimation", frozenset({"frames"}), ALL_SCALES, lambda scene, rng: iter(()))
    >>> lacking(rule, Scene("room", "vsi-meta", "unknown", "indoor"))
    frozenset({'frames'})
    """
    missing = {need for need in rule.needs if not HAS[need](scene)}
    return frozenset(missing | ({"scale"} if scene.scale not in rule.scales else set()))
