"""How much ground does a marked patch of a drone's view cover, and which of several covers more?"""

from collections.abc import Iterator
from itertools import combinations, islice

import numpy as np

from dataset_builders.masks import encode_mask
from dataset_builders.question import REGION_COLOURS, Fact, Region
from dataset_builders.scene import Scene
from dataset_builders.tasks.area import DRONE, LEAST_RATIO, SIDE, TASK, area_fact, largest_fact
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.ground import Patch, ground_patches
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.spots import point_region
from dataset_builders.tasks.wording import joined, tidy

MOST_PATCHES = 12
"""Patches of a frame that are sorted into sets."""


def generate_patch(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how much ground a marked patch of one frame covers: tinted, or between marked corners.

    Needs: frames, depth, metric; drone views.
    Rule: a convex polygon with three or four corners at random pixels; each corner's ray is followed to the ground by
        its depth and the pose, and the area of the polygon there is that seen from straight above.
    Dropped: polygons with a pixel of unknown depth or of an object, ground that is off a plane by more than 2 % of the
        side of an equal square or steeper than 15°, corners of under 15°, polygons under 0.4 % of the frame.
    Unit: as in `generate_footprint`.
    Source: SpaceVista, Table B8 (area estimation).
    """
    yield from take_turns(_patches(scene, index, rng) for index in shuffled(rng, _with_depth(scene)))


def _patches(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    frame = scene.frames[index]
    eye = frame.camera.camera_to_world[2, 3]
    for patch in ground_patches(frame, rng):
        colours = list(shuffled(rng, REGION_COLOURS))[: len(patch.corners)]
        by_corners = bool(rng.random() < 0.5)
        if by_corners:
            regions = [point_region(index, each, corner) for each, corner in zip(colours, patch.corners, strict=True)]
        else:
            regions = [_tinted(index, colours[0], patch, frame.depth.shape)]
        sides = joined([SIDE.number(side) for side in patch.sides], "and")
        yield area_fact(
            patch.area,
            rule="area.patch",
            wording="area.corners" if by_corners else "area.patch",
            prompt_type="point" if by_corners else "mask",
            measured={"area_m2": tidy(patch.area), "corners_m": np.round(patch.ground, 6).tolist()},
            margins={"flatness_m": tidy(patch.flatness)},
            regions=tuple(regions),
            words={
                "a": colours[0],
                "list": joined(colours, "and"),
                "shape": "triangle" if len(patch.corners) == 3 else "quadrilateral",
                "sides": f"{sides} m",
                "height": SIDE.text(float(eye - patch.ground[:, 2].mean())),
            },
        )


def generate_patches(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two or three tinted patches of one frame covers the most, or the least, ground.

    Needs: frames, depth, metric; drone views.
    Rule: patches and areas as in `generate_patch`; perspective makes the picture alone misleading.
    Dropped: patches that overlap; areas of which one is less than 1.25 times the next smaller.
    Source: SpaceVista, Table B8 (area estimation).
    """
    yield from take_turns(_patch_sets(scene, index, rng) for index in shuffled(rng, _with_depth(scene)))


def _patch_sets(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[Fact]:
    frame = scene.frames[index]
    patches = list(islice(ground_patches(frame, rng), MOST_PATCHES))
    while len(patches) > 1:
        chosen, rest = patches[:1], []
        for patch in patches[1:]:
            clear = all(patch.is_apart(one) and _ratio(patch, one) >= LEAST_RATIO for one in chosen)
            (chosen if clear and len(chosen) < 3 else rest).append(patch)
        patches = rest
        if len(chosen) == 1:
            continue
        colours = list(shuffled(rng, REGION_COLOURS))[: len(chosen)]
        marked = dict(zip(colours, chosen, strict=True))
        yield largest_fact(
            {colour: patch.area for colour, patch in marked.items()},
            min(_ratio(*pair) for pair in combinations(chosen, 2)) / LEAST_RATIO - 1,
            rng,
            rule="area.patches",
            prompt_type="mask",
            regions=tuple(_tinted(index, colour, patch, frame.depth.shape) for colour, patch in marked.items()),
        )


def _ratio(first: Patch, second: Patch) -> float:
    return max(first.area, second.area) / min(first.area, second.area)


def _tinted(index: int, colour: str, patch: Patch, shape: tuple[int, int]) -> Region:
    return Region(index, "mask", colour, mask=encode_mask(patch.mask(*shape)))


def _with_depth(scene: Scene) -> list[int]:
    return [index for index, frame in enumerate(scene.frames) if frame.depth is not None]


NEEDS = frozenset({"frames", "depth", "metric"})
RULES = (
    Rule("area.patch", TASK, NEEDS, DRONE, generate_patch),
    Rule("area.patches", TASK, NEEDS, DRONE, generate_patches),
)
