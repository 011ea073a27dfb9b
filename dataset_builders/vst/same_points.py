"""Where a second picture shows the surface points of a first one, by the three checks of VST (appendix C.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dataset_builders.geometry import project, to_world
from dataset_builders.scene import Camera, Frame, Scene, has_intrinsics
from dataset_builders.tasks.draw import shuffled
from dataset_builders.tasks.pointing import shown_in
from dataset_builders.tasks.points import BORDER, free_points, steady_depth

OCCLUDED = 0.05
"""A point is hidden where the measured depth differs from its own by more than this share of it."""
DRAWS = 8
"""Points that are drawn on each object, and on all that is none."""


@dataclass(frozen=True)
class SurfacePoint:
    """A point of a surface, as one frame shows it.

    Attributes:
        instance_id: Of the object that it lies on; 0 where the frame has no masks, or none there.
        pixel: x, y, whole pixels, away from edges of the depth and from the border.
        depth: Metres along the optical axis.
        position: (3,) metres, world.
    """

    instance_id: int
    pixel: tuple[int, int]
    depth: float
    position: np.ndarray


def can_follow(scene: Scene, *indices: int) -> bool:
    """Tell whether points can be followed between frames: all have depth and intrinsics, and all or none masks."""
    frames = [scene.frames[index] for index in indices]
    known = all(frame.depth is not None and has_intrinsics(frame.camera) for frame in frames)
    return known and len({frame.instances is None for frame in frames}) == 1


def draw_points(scene: Scene, index: int, rng: np.random.Generator) -> Iterator[list[SurfacePoint]]:
    """Draw points of what a frame shows, the objects in random order and several points of each together.

    A frame without masks gives points of any surface, each by itself.
    """
    frame = scene.frames[index]
    if frame.instances is None:
        yield from ([point] for point in draw_background(frame, rng))
        return
    for number, shown in shuffled(rng, shown_in(scene, index).items()):
        x1, y1, *_ = shown.seen.bbox
        rows, columns = np.nonzero(shown.seen.mask)
        drawn = rng.integers(len(rows), size=DRAWS)
        pixels = zip((columns[drawn] + x1).tolist(), (rows[drawn] + y1).tolist(), strict=True)
        found = _surface_points(frame, number, [pixel for pixel in pixels if is_markable(frame, pixel)])
        if found:
            yield found


def draw_background(frame: Frame, rng: np.random.Generator) -> list[SurfacePoint]:
    """Draw points of what is no object, as far as masks tell."""
    pixels = free_points(frame, rng)
    if frame.instances is not None:
        pixels = [(column, row) for column, row in pixels if not frame.instances[row, column]]
    return _surface_points(frame, 0, pixels[:DRAWS])


def _surface_points(frame: Frame, number: int, pixels: Sequence[tuple[int, int]]) -> list[SurfacePoint]:
    depths = [float(frame.depth[row, column]) for column, row in pixels]
    positions = to_world(np.array(pixels, float).reshape(-1, 2), np.array(depths), frame.camera)
    return [SurfacePoint(number, *parts) for parts in zip(pixels, depths, positions, strict=True)]


def is_markable(frame: Frame, pixel: tuple[int, int]) -> bool:
    """Tell whether a pixel is away from edges of the depth, where that is known, and from the border."""
    x, y = shares(pixel, frame.camera)
    inside = BORDER <= min(x, y) and max(x, y) <= 1 - BORDER
    return inside and not np.isnan(steady_depth(frame, pixel))


def shares(pixel: tuple[int, int], camera: Camera) -> tuple[float, float]:
    """Return a pixel as shares of the frame's width and height."""
    return (pixel[0] + 0.5) / camera.width, (pixel[1] + 0.5) / camera.height


def visible(points: np.ndarray, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Project points and tell which of them a frame shows.

    A point is visible where it lies in the picture, before the camera, and at the depth, up to `OCCLUDED`, that the
    frame's depth has there.

    Args:
        points: (P, 3) metres, world.
        frame: With depth and intrinsics.

    Returns:
        (P, 2) the nearest pixels, and (P,) whether each is visible; the pixels of others mean nothing.
    """
    pixels, depths = project(points, frame.camera)
    size = np.array([frame.camera.width, frame.camera.height])
    nearest = np.rint(np.nan_to_num(pixels, nan=-1))
    inside = (depths > 0) & ((nearest >= 0) & (nearest < size)).all(1)
    columns, rows = np.clip(nearest, 0, size - 1).astype(int).T
    measured = frame.depth[rows, columns]
    seen = inside & (measured > 0) & (np.abs(depths - measured) <= OCCLUDED * depths)
    return np.stack([columns, rows], axis=1), seen


def seen_again(point: SurfacePoint, frame: Frame) -> tuple[int, int] | None:
    """Return the pixel at which another frame shows a point; None if hidden or not well to be marked there.

    Where the frame has masks, the pixel lies on the mask of the point's object.
    """
    ((pixel,), (shown,)) = visible(point.position[None], frame)
    column, row = map(int, pixel)
    on_it = frame.instances is None or frame.instances[row, column] == point.instance_id
    return (column, row) if shown and on_it and is_markable(frame, (column, row)) else None
