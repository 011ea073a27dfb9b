"""The guard against leakage: scenes of benchmarks, and scenes that look like held-out ones, are kept out of train."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from imagehash import phash
from PIL import Image

from dataset_builders.errors import InputError
from dataset_builders.scene import Scene

BENCHMARKS = Path(__file__).with_name("benchmarks")
NEAR = 6
"""Bits of 64 in which the perceptual hashes of two frames that show the same may differ."""
SHARED = 0.5
"""Share of a scene's frames that must have a near one in another scene for the two to be near-duplicates."""
CHUNK = 1 << 12


def excluded_scenes(names: Iterable[str]) -> frozenset[str]:
    """Read lists of scene ids: files with one `scene` or `dataset/scene` per line, or built-in lists by name.

    Raises:
        InputError: if there is neither such a file nor such a built-in list, or a list is empty.

    >>> len(excluded_scenes(["vsi-bench"]))
    288
    """
    found: set[str] = set()
    for name in names:
        path = BENCHMARKS / f"{name.replace('-', '_')}.txt" if name in builtin_lists() else Path(name)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            fix = f"name a text file, or one of {', '.join(builtin_lists())}"
            raise InputError("--exclude-scenes", name, "cannot be read", fix) from None
        scenes = {line.strip().rsplit("/", 1)[-1] for line in lines if line.strip() and not line.startswith("#")}
        if not scenes:
            raise InputError("--exclude-scenes", name, "lists no scene", "write one scene id per line")
        found |= scenes
    return frozenset(found)


def builtin_lists() -> list[str]:
    """Name the lists that come with the package."""
    return sorted(path.stem.replace("_", "-") for path in BENCHMARKS.glob("*.txt"))


def frame_hashes(scene: Scene) -> list[int]:
    """Return the 64-bit perceptual hash of every frame."""
    return [int(str(phash(Image.fromarray(frame.color))), 16) for frame in scene.frames]


def near_duplicates(train: Mapping[str, list[int]], held_out: Mapping[str, list[int]]) -> dict[str, str]:
    """Find train scenes that look like a held-out one.

    Args:
        train: Scene id → hashes of its frames.
        held_out: The same of validation and test.

    Returns:
        Scene id → the held-out scene that most of its frames have a near-duplicate in.
    """
    owners = [scene_id for scene_id, hashes in held_out.items() for _ in hashes]
    known = np.array([value for hashes in held_out.values() for value in hashes], np.uint64)
    found = {}
    for scene_id, hashes in train.items():
        if not hashes or not len(known):
            continue
        near = np.bitwise_count(np.array(hashes, np.uint64)[:, None] ^ known) <= NEAR
        shared = dict.fromkeys(owners, 0)
        for row in near:
            for owner in {owners[place] for place in np.flatnonzero(row)}:
                shared[owner] += 1
        best = max(shared, key=shared.__getitem__)
        if shared[best] >= SHARED * len(hashes):
            found[scene_id] = best
    return found
