"""Splits by scene, so that no test question is asked about a place seen in training."""

import hashlib
from collections.abc import Container, Iterable

from dataset_builders.sources import SceneRef

SPLITS = ("train", "validation", "test")
HELD_OUT = 10  # one scene in ten goes to test, one in ten to validation


def assign_splits(refs: Iterable[SceneRef], seed: int, excluded: Container[str] = ()) -> dict[str, str]:
    """Return the split of each scene id: within each scale floor(n / 10) for test, as many for validation.

    Args:
        refs: All scenes.
        seed: Of the draw.
        excluded: Scene ids that must not be trained on; they all go to test, besides the others.

    >>> from collections import Counter
    >>> refs = [SceneRef(f"room {i}", "indoor") for i in range(25)]
    >>> sorted(Counter(assign_splits(refs, seed=0).values()).items())
    [('test', 2), ('train', 21), ('validation', 2)]
    """
    by_scale: dict[str, list[str]] = {}
    splits = {}
    for ref in refs:
        if ref.scene_id in excluded:
            splits[ref.scene_id] = "test"
            continue
        by_scale.setdefault(ref.scale, []).append(ref.scene_id)
    for scene_ids in by_scale.values():
        scene_ids.sort(key=lambda scene_id: hashlib.sha256(f"{seed} {scene_id}".encode()).digest())
        held_out = len(scene_ids) // HELD_OUT
        for rank, scene_id in enumerate(scene_ids):
            splits[scene_id] = "test" if rank < held_out else "validation" if rank < 2 * held_out else "train"
    return splits
