"""Where objects are as seen from the camera of the first or last frame, though that frame does not show them.

The boxes decide, seen from above: world Z is up, angles are degrees, positive to the left (counter-clockwise).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dataset_builders.geometry import Boxes, point_distances
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import in_rounds, pick, shuffled, take_turns
from dataset_builders.tasks.image_position import TO_THE_CAMERA, prominence
from dataset_builders.tasks.position import BAND, NEAREST, SECTORS, direction_fact, directions, sight_angles
from dataset_builders.tasks.relations import LEAST_DEPTH_RATIO
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import end_frames, seen_unique_objects
from dataset_builders.tasks.wording import capital, length_measure, tidy
from dataset_builders.taxonomy import SCALES

LEAST_LEVEL = np.cos(np.radians(45))
"""A camera that looks more steeply up or down than 45 degrees has no clear direction ahead."""
MOST_OBJECTS = 16
"""Objects that are combined, drawn at random, so that a crowded scene stays cheap."""
SIDES = ("left", "right")


@dataclass(frozen=True)
class Standpoint:
    """The camera of a frame and what there is round it.

    Attributes:
        frame_index: Index into `Scene.frames`.
        end: How a question calls the frame.
        objects: N of those that a name identifies and some frame shows.
        hidden: (N,) whether not one pixel of this frame shows them.
        distances: (N,) metres from the camera to the boxes.
        angles: (N, 9) degrees from straight ahead, of centres and corners; None where straight ahead is not clear.
    """

    frame_index: int
    end: str
    objects: Sequence[SceneObject]
    hidden: np.ndarray
    distances: np.ndarray
    angles: np.ndarray | None


def standpoints(scene: Scene, rng: np.random.Generator) -> list[Standpoint]:
    """Return the cameras of the first and last frame, in random order; those that know which objects they show."""
    objects = list(shuffled(rng, seen_unique_objects(scene)))[:MOST_OBJECTS]
    able = {index: end for index, end in end_frames(scene).items() if scene.frames[index].instances is not None}
    return [_standpoint(scene, index, able[index], objects) for index in shuffled(rng, able)] if objects else []


def _standpoint(scene: Scene, index: int, end: str, objects: Sequence[SceneObject]) -> Standpoint:
    frame, boxes = scene.frames[index], Boxes.of(objects)
    pose = frame.camera.camera_to_world
    position, ahead = pose[:3, 3], pose[:2, 2]
    level = np.linalg.norm(ahead) >= LEAST_LEVEL
    count = len(objects)
    angles = sight_angles(np.tile(position, (count, 1)), np.tile(ahead, (count, 1)), boxes) if level else None
    shown = np.flatnonzero(np.bincount(frame.instances.ravel()))
    hidden = ~np.isin([item.instance_id for item in objects], shown)
    return Standpoint(index, end, objects, hidden, point_distances(position, boxes), angles)


def generate_direction(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask in which direction an object lies from the camera of a frame that does not show it.

    Needs: boxes, frames, instances, metric (how near it may be is a length).
    Rule: the only object of its category, shown by some other frame, at least 2 margins of the scale from the camera;
        the sector of its centre at the levels of `position`, each direction right equally often.
    Dropped: cameras that look up or down by more than 45 degrees; directions that are not clear as in
        `position.generate`; objects of which the frame shows a pixel.
    Source: VSI-Bench, relative direction; SpatialEvo's environment (position_cam_obj).
    """
    yield from take_turns(
        _directions(point, level, scene, rng) for point in standpoints(scene, rng) for level in shuffled(rng, SECTORS)
    )


def _directions(point: Standpoint, level: str, scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    if point.angles is None:
        return
    rows = np.flatnonzero(point.hidden & (point.distances >= NEAREST * SCALES[scene.scale].margin))
    found = directions(point.angles[rows], level)
    for index in in_rounds(rng, found.pools(level)):
        name = point.objects[rows[index]].category
        yield direction_fact(
            found,
            int(index),
            level,
            {"c": name, "frame": point.end},
            rng,
            rule="camera.direction",
            semantics=(name,),
            key_frames=(point.frame_index,),
        )


def generate_comparison(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask which of two objects is further left, or nearer, as seen from the camera of the first or last frame.

    Needs: boxes, frames, instances, metric.
    Rule: two objects, each the only one of its category, of which the frame shows at most one. Left and right: the
        angles from straight ahead of two objects in front of the camera. Near and far: the exact distances from the
        camera to the boxes; as often as not the nearer one is the less prominent one, so that names do not tell.
    Dropped: angles closer than 10 degrees, boxes whose extreme corners are not in the order of their centres, cameras
        that look up or down by more than 45 degrees; distances that differ by no more than the scale's margin or 5 %.
    Source: SpaceVista, Table B8 (position comparison across frames).
    """
    streams = [
        stream for point in standpoints(scene, rng) for stream in (_sides(point, rng), _nearness(point, scene, rng))
    ]
    yield from take_turns(streams)


def _pairs(point: Standpoint) -> Iterator[tuple[int, int]]:
    return (pair for pair in combinations(range(len(point.objects)), 2) if point.hidden[list(pair)].any())


def _sides(point: Standpoint, rng: np.random.Generator) -> Iterator[Fact]:
    if point.angles is None:
        return
    low, high = point.angles.min(1), point.angles.max(1)
    ahead = (low > -90) & (high < 90)
    for pair in shuffled(rng, _pairs(point)):
        right, left = sorted(pair, key=lambda one: point.angles[one, 0])
        gap = point.angles[left, 0] - point.angles[right, 0]
        ordered = low[right] < low[left] and high[right] < high[left]
        if not (ahead[list(pair)].all() and ordered and gap > BAND):
            continue
        side = pick(rng, SIDES)
        best, rest = (left, right) if side == "left" else (right, left)
        yield _comparison(
            point,
            best,
            rest,
            {"side": side, "value": _bearing(point.angles[best, 0]), "value_b": _bearing(point.angles[rest, 0])},
            rng,
            wording="camera.compare_sides",
            measured={"relation": side, "angles_deg": _values(point, pair, point.angles[:, 0])},
            margins={"gap_deg": tidy(gap - BAND)},
        )


def _bearing(angle: float) -> str:
    """Say in which direction, positive to the left, something is seen."""
    amount = f"{abs(angle):.0f}"
    return "straight ahead" if amount == "0" else f"{amount} degrees to the {'left' if angle > 0 else 'right'}"


def _nearness(point: Standpoint, scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    pools: dict[str, list[tuple[int, int, float]]] = {"expected": [], "surprising": []}
    for pair in _pairs(point):
        near, far = sorted(pair, key=lambda one: point.distances[one])
        least = max(SCALES[scene.scale].margin, LEAST_DEPTH_RATIO * point.distances[far])
        spare = point.distances[far] - point.distances[near] - least
        if spare > 0 and point.distances[near] > 0:
            camera = scene.frames[point.frame_index].camera
            expected = prominence(point.objects[near], camera) > prominence(point.objects[far], camera)
            pools["expected" if expected else "surprising"].append((near, far, float(spare)))
    for near, far, spare in in_rounds(rng, pools):
        relation = pick(rng, TO_THE_CAMERA)
        best, rest = (near, far) if relation == "nearer" else (far, near)
        measure = length_measure(scene.scale, float(point.distances[near]))
        yield _comparison(
            point,
            best,
            rest,
            {
                "relation": TO_THE_CAMERA[relation],
                "word": relation,
                "value": measure.text(point.distances[best]),
                "value_b": measure.text(point.distances[rest]),
            },
            rng,
            wording="camera.compare_distances",
            measured={"relation": relation, "distances_m": _values(point, (near, far), point.distances)},
            margins={"gap_m": tidy(spare)},
        )


def _values(point: Standpoint, rows: Sequence[int], values: np.ndarray) -> dict[str, float]:
    return {point.objects[row].category: tidy(values[row]) for row in rows}


def _comparison(point: Standpoint, best: int, rest: int, words: dict[str, str], rng, **fields) -> Fact:
    names = [point.objects[row].category for row in (best, rest)]
    first, second = shuffled(rng, names)
    return Fact(
        rule="camera.compare",
        task="position_comparison",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=names[0],
        options=(first, second),
        open_ended=True,
        semantics=(first, second),
        key_frames=(point.frame_index,),
        words={
            "a": first,
            "b": second,
            "frame": point.end,
            "best": f"the {names[0]}",
            "rest": f"the {names[1]}",
            "subject": capital(f"the {names[0]}"),
            **words,
        },
        **fields,
    )


NEEDS = frozenset({"boxes", "frames", "instances", "metric"})
RULES = (
    Rule("camera.direction", "position_comparison", NEEDS, ALL_SCALES, generate_direction),
    Rule("camera.compare", "position_comparison", NEEDS, ALL_SCALES, generate_comparison),
)
