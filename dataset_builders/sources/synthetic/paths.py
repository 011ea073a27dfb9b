"""Camera paths: several are drawn per scene, and the one from which most objects are seen is taken."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import cos, sin, tan, tau

import numpy as np
import shapely

from dataset_builders.scene import Camera, SceneObject
from dataset_builders.sources.synthetic.cast import Caster
from dataset_builders.sources.synthetic.gestures import gestures
from dataset_builders.sources.synthetic.model import World

CANDIDATES = 6
ATTEMPTS = 200
# Points per object that are looked for, and how many must be in sight for the object to count as seen.
PROBES, SEEN = 10, 3
# Frames in which an object should be seen; more do not make a path better.
ENOUGH = 4
# Share of the picture that the box of an object should cover to be well seen.
LARGE = 0.004
# Metres to what is looked at in a room, at most, for gestures to stay below the ceiling.
UNDER_CEILING = 2.5


@dataclass(frozen=True)
class Site:
    """Where a path is looked for.

    Attributes:
        scale: One of `SCALE_NAMES`: tabletops are orbited, rooms and streets walked, the rest flown over.
        world: The triangles.
        caster: Finds hits in it.
        objects: The boxes.
        plan: (N, 2) metres, the floor plan of a room; None in the open.
        gestures: Whether the camera stays about its place and moves along its own axes (see `gestures`).
    """

    scale: str
    world: World
    caster: Caster
    objects: tuple[SceneObject, ...]
    plan: np.ndarray | None
    gestures: bool = False


def draw_cameras(
    rng: np.random.Generator, site: Site, num_frames: int, frame_size: tuple[int, int], field_of_view: float
) -> list[Camera]:
    """Draw a smooth path that keeps out of objects and walls and sees as many objects as possible.

    Args:
        rng: Source of randomness.
        site: Where.
        num_frames: Poses along the path.
        frame_size: Width and height, pixels.
        field_of_view: Horizontal, radians.
    """
    width, height = frame_size
    focal = width / 2 / tan(field_of_view / 2)
    intrinsics = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    probes = _probes(rng, site)
    paths = islice(_free_paths(rng, site, np.linspace(0, 1, num_frames), field_of_view), CANDIDATES)
    best = max(paths, key=lambda poses: _score(poses, intrinsics, frame_size, probes, site), default=None)
    if best is None:
        raise RuntimeError(f"no free camera path in {ATTEMPTS} attempts; the scene is too crowded")
    return [Camera(intrinsics, pose, width, height) for pose in best]


def _free_paths(rng: np.random.Generator, site: Site, time: np.ndarray, field_of_view: float) -> Iterator[np.ndarray]:
    """Draw paths, (F, 4, 4) poses each, that keep out of everything."""
    reach = max(np.hypot(*item.center[:2]) + np.hypot(*item.size[:2]) / 2 for item in site.objects)
    top = max(float(item.center[2] + item.size[2] / 2) for item in site.objects)
    for attempt in range(ATTEMPTS):
        if site.plan is None:
            away = float(reach) * (1 + attempt / ATTEMPTS)
            eyes, targets = OPEN_PATHS[site.scale](rng, time, away, top, field_of_view)
        else:
            eyes, targets = _walk_room(rng, time, site.plan, 1 - attempt / ATTEMPTS)
        poses = _gestures(rng, eyes, targets, site) if site.gestures else look_at(eyes, targets)
        if _is_free(poses[:, :3, 3], site, 0.1 * site.caster.unit):
            yield poses


def _gestures(rng: np.random.Generator, eyes: np.ndarray, targets: np.ndarray, site: Site) -> np.ndarray:
    """Stay about the start of a path."""
    distance = float(np.linalg.norm(targets[0] - eyes[0]))
    if site.plan is not None:
        distance = min(distance, UNDER_CEILING)
    return gestures(rng, look_at(eyes[:1], targets[:1])[0], len(eyes), distance)


def _orbit(rng, time, reach, top, field_of_view):
    """Go part of the way round, looking at the middle."""
    start, sweep = rng.uniform(0, tau), rng.choice([-1, 1]) * rng.uniform(1.2, 3.4)
    rise, climb = rng.uniform(0.5, 0.85), rng.uniform(-0.2, 0.2)
    angle, elevation = start + sweep * time, rise + climb * time
    distance = rng.uniform(0.85, 1.0) * reach / tan(field_of_view / 2) + 0.3 * top
    level = distance * np.cos(elevation)
    eyes = np.stack([level * np.cos(angle), level * np.sin(angle), distance * np.sin(elevation)], axis=1)
    return eyes, np.tile([0.0, 0.0, 0.2 * top], (len(time), 1))


def _walk_street(rng, time, reach, top, field_of_view):
    """Walk past on the -Y side at eye level, looking across the scene."""
    step = (2 * time - 1) * rng.choice([-1, 1])
    distance = rng.uniform(0.5, 0.85) * reach + rng.uniform(-0.1, 0.15) * reach * step**2
    height = rng.uniform(1.6, 2.3) + 0.03 * np.sin(20 * time)
    eyes = np.stack([rng.uniform(0.4, 0.8) * reach * step, -distance, height], axis=1)
    targets = np.zeros_like(eyes)
    targets[:, 0] = rng.uniform(0.0, 0.35) * reach * step
    targets[:, 2] = rng.uniform(0.6, 1.8)
    return eyes, targets


def _fly_over(rng, time, reach, top, field_of_view):
    """Fly over on a straight line, looking ahead and down."""
    side = rng.uniform(0, tau)
    ahead, across = np.array([cos(side), sin(side), 0.0]), np.array([-sin(side), cos(side), 0.0])
    height = max(1.15 * top, rng.uniform(0.55, 0.85) * reach / tan(field_of_view / 2))
    start = rng.uniform(-1.6, -1.2) * reach
    along = (start + rng.uniform(0.7, 1.1) * reach * time)[:, None]
    eyes = along * ahead + rng.uniform(-0.3, 0.3) * reach * across + np.array([0, 0, height])
    targets = 0.25 * along * ahead + rng.uniform(-0.1, 0.1) * reach * across
    return eyes, targets


def _walk_room(rng, time, plan, shrink):
    """Walk along part of an ellipse, smaller where `shrink` is below 1, looking across the room."""
    extent = np.ptp(plan, axis=0)
    middle = plan.min(axis=0) + rng.uniform(0.25, 0.75, 2) * extent
    radii = shrink * rng.uniform(0.15, 0.42, 2) * extent
    angle = rng.uniform(0, tau) + rng.choice([-1, 1]) * rng.uniform(2.2, 4.6) * time
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    eyes = np.column_stack([middle + ring * radii, np.full(len(time), rng.uniform(1.4, 1.75))])
    targets = np.column_stack([middle - 0.3 * ring * extent, np.full(len(time), rng.uniform(0.5, 0.9))])
    return eyes, targets


OPEN_PATHS = {"tiny_tabletop": _orbit, "tabletop": _orbit, "outdoor": _walk_street, "drone": _fly_over}


def _is_free(eyes: np.ndarray, site: Site, clearance: float) -> bool:
    """Tell whether all (F, 3) camera centres keep `clearance` metres to boxes, ground and walls."""
    if site.plan is not None:
        inside = shapely.Polygon(site.plan).buffer(-2 * clearance)
        if not shapely.contains_xy(inside, eyes[:, 0], eyes[:, 1]).all():
            return False
    for item in site.objects:
        outside = np.abs((eyes - item.center) @ item.rotation.T) - item.size / 2
        if np.linalg.norm(np.clip(outside, 0, None), axis=1).min() < clearance:
            return False
    return bool(eyes[:, 2].min() > clearance)


def look_at(eyes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return (F, 4, 4) camera-to-world poses at (F, 3) `eyes`, with `targets` in the middle and no roll.

    >>> look_at(np.array([[0.0, -2.0, 0.0]]), np.zeros((1, 3)))[0, :3, 2].tolist()
    [0.0, 1.0, 0.0]
    """
    forward = targets - eyes
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    poses = np.tile(np.eye(4), (len(eyes), 1, 1))
    poses[:, :3] = np.stack([right, np.cross(forward, right), forward, eyes], axis=2)
    return poses


def _probes(rng: np.random.Generator, site: Site) -> np.ndarray:
    """Draw (O, PROBES, 3) points on the surfaces of the objects."""
    instance = site.world.instance[site.world.part]
    picked = [rng.choice(np.flatnonzero(instance == item.instance_id), PROBES) for item in site.objects]
    return site.world.triangles[np.stack(picked)].mean(axis=2)


def _score(poses, intrinsics, frame_size, probes: np.ndarray, site: Site) -> float:
    """Count in how many frames each object is seen, unhidden, large and in the picture; at most `ENOUGH` each."""
    eyes, points = poses[:, None, :3, 3], probes.reshape(-1, 3)
    towards = points - eyes
    pixels = towards @ poses[:, :3, :3] @ intrinsics.T
    inside = (pixels[..., 2] > 0) & (np.abs(pixels[..., :2] * 2 / pixels[..., 2:] - frame_size) < frame_size).all(
        axis=2
    )
    origins = np.broadcast_to(eyes, towards.shape)[inside]
    prim = site.caster.cast(origins, towards[inside].astype(np.float32))["primID"]
    expected = np.broadcast_to(np.repeat(np.arange(1, len(probes) + 1), PROBES), inside.shape)[inside]
    visible = np.zeros(inside.shape, bool)
    visible[inside] = (prim >= 0) & (site.world.instance[site.world.part].take(prim, mode="clip") == expected)
    found = visible.reshape(len(poses), -1, PROBES).sum(axis=2) >= SEEN
    # On average over all directions a convex body shows a quarter of its surface.
    sizes = np.array([item.size for item in site.objects])
    shown = (sizes * np.roll(sizes, 1, axis=1)).sum(axis=1) / 2 * intrinsics[0, 0] ** 2 / np.prod(frame_size)
    depths = np.maximum(pixels[..., 2].reshape(len(poses), -1, PROBES).min(axis=2), 1e-9)
    seen = (found & (shown > LARGE * depths**2)).sum(axis=0)
    return float(np.minimum(seen, min(ENOUGH, len(poses))).sum() + 0.01 * found.sum())
