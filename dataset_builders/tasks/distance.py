"""How far apart are two objects, and how far is an object from the camera?

A distance between objects is the smallest one between points of them, computed exactly: between their measured points
where a source has them for both, else between their solid boxes. VSI-Bench takes the smallest distance between points
sampled in the boxes, which is larger by up to the spacing of the points.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dataset_builders.geometry import Boxes, box_distances, cloud_distance, point_distances
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.sightings import sightings
from dataset_builders.tasks.visibility import end_frames, seen_unique_objects
from dataset_builders.tasks.wording import length_measure, tidy
from dataset_builders.taxonomy import SCALES

SHORTEST = 4 / 3
"""Smallest absolute distance in question, in margins of the scale (VSI-Bench: 0.2 m of 0.15 m)."""


def surface_distances(item: SceneObject, others: Sequence[SceneObject]) -> np.ndarray:
    """Return the smallest distances, (N,) metres, between an object and others."""
    return pair_distances([item, *others], np.zeros(len(others), int), np.arange(1, len(others) + 1))


def pair_distances(objects: Sequence[SceneObject], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the smallest distances, (N,) metres, of pairs of objects.

    Args:
        objects: The objects.
        rows: (N,) indices of the first of each pair.
        columns: (N,) indices of the second.
    """
    boxes = Boxes.of(objects)
    distances = box_distances(boxes[rows], boxes[columns])
    measured = np.array([item.points is not None and len(item.points) > 0 for item in objects], bool)
    for index in np.flatnonzero(measured[rows] & measured[columns]):
        distances[index] = cloud_distance(objects[rows[index]].points, objects[columns[index]].points)
    return distances


def category_distances(primary: SceneObject, groups: Mapping[str, Sequence[SceneObject]]) -> dict[str, float]:
    """Return the distance, metres, of an object to the nearest instance of each category."""
    distances = surface_distances(primary, [item for group in groups.values() for item in group])
    ends = np.cumsum([len(group) for group in groups.values()])[:-1]
    return {name: float(part.min()) for name, part in zip(groups, np.split(distances, ends), strict=True)}


def closest_category(distances: Mapping[str, float]) -> str:
    """Decide which candidate is the closest."""
    return min(distances, key=distances.__getitem__)


def generate_absolute(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the distance between two objects.

    Needs: boxes, metric.
    Rule: two objects, each the only one of its category; the smallest distance between their measured points, where
        both have some, or their boxes (VSI-Bench, absolute distance, without its sampling).
    Dropped: below 4/3 of the scale's margin (0.2 m indoors, as VSI-Bench); where one object goes round the centre of
        the other, so that the surfaces are farther apart than the centres.
    Unit: the scale's length unit, rounded to its decimals (0.1 m indoors); a smaller or larger unit, or one more
        decimal, where that would be off by more than a tenth or have more than three digits.
    Source: SpaceVista, Table B8; VSI-Bench.
    """
    shortest = SHORTEST * SCALES[scene.scale].margin
    objects = seen_unique_objects(scene)
    rows, columns = np.triu_indices(len(objects), 1)
    distances = pair_distances(objects, rows, columns)
    centers = Boxes.of(objects).centers
    between_centers = np.linalg.norm(centers[rows] - centers[columns], axis=1)
    for index in rng.permutation(np.flatnonzero((distances >= shortest) & (distances <= between_centers))):
        first, second = objects[rows[index]], objects[columns[index]]
        if rng.random() < 0.5:
            first, second = second, first
        distance, between = float(distances[index]), float(between_centers[index])
        measure = length_measure(scene.scale, distance)
        yield Fact(
            task="absolute_distance",
            answer_type="regression",
            prompt_type="text",
            answer=measure.number(distance),
            unit=measure.unit,
            rule="vsi.absolute_distance",
            semantics=(first.category, second.category),
            needs_scale=True,
            measured={"distance_m": tidy(distance), "between_centers_m": tidy(between)},
            margins={"above_shortest_m": tidy(distance - shortest)},
            words={
                "a": first.category,
                "b": second.category,
                "between": measure.text(between),
                "inside": measure.text(measure.rounded(between) - measure.rounded(distance)),
            },
        )


def generate_to_camera(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask how far an object is from the camera in the first or last frame, which every selection of frames keeps.

    Needs: boxes, frames, sightings, metric.
    Rule: an object that is the only one of its category and seen in the frame; the straight line from the camera's
        centre to the nearest of its measured points, or to its box.
    Dropped: masks under 20 x 20 pixels of 448 x 336; distances below 4/3 of the scale's margin.
    Unit: as in `generate_absolute`.
    Source: SpatialEvo, distance_cam_obj, with the closest point instead of the centre.
    """
    ends = end_frames(scene)
    yield from take_turns(_to_camera(scene, index, ends[index], rng) for index in shuffled(rng, ends))


def _to_camera(scene: Scene, index: int, end: str, rng: np.random.Generator) -> Iterator[Fact]:
    shortest = SHORTEST * SCALES[scene.scale].margin
    frame = scene.frames[index]
    seen = sightings(frame)
    eye = frame.camera.camera_to_world[:3, 3]
    for item in shuffled(rng, [item for item in scene.unique_objects() if item.instance_id in seen]):
        distance, center = distance_to_point(item, eye), float(np.linalg.norm(item.center - eye))
        if distance < shortest:
            continue
        measure = length_measure(scene.scale, distance)
        yield Fact(
            task="absolute_distance",
            answer_type="regression",
            prompt_type="text",
            answer=measure.number(distance),
            unit=measure.unit,
            rule="image.distance_to_camera",
            semantics=(item.category,),
            needs_scale=True,
            measured={"distance_m": tidy(distance), "to_center_m": tidy(center)},
            margins={"above_shortest_m": tidy(distance - shortest)},
            key_frames=(index,),
            words={"a": item.category, "frame": end, "center": measure.text(center)},
        )


def distance_to_point(item: SceneObject, point: np.ndarray) -> float:
    """Return the smallest distance, metres, of an object to a point, (3,) world."""
    if item.points is not None and len(item.points):
        return float(np.linalg.norm(item.points - point, axis=1).min())
    return float(point_distances(point, Boxes.of([item]))[0])


RULES = (
    Rule("vsi.absolute_distance", "absolute_distance", frozenset({"boxes", "metric"}), ALL_SCALES, generate_absolute),
    Rule(
        "image.distance_to_camera",
        "absolute_distance",
        frozenset({"boxes", "frames", "sightings", "metric"}),
        ALL_SCALES,
        generate_to_camera,
    ),
)
