"""Where is an object, seen from another and facing a third?

The boxes decide, seen from above: world Z is up, angles are degrees, positive to the left (counter-clockwise).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

import numpy as np

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.question import Fact
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import in_rounds, shuffled, take_turns
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_unique_objects
from dataset_builders.tasks.wording import joined, tidy
from dataset_builders.taxonomy import SCALES

# Per level: where each sector begins, degrees counter-clockwise from straight ahead, and its name.
SECTORS = {
    "hard": {0: "front-left", 90: "back-left", 180: "back-right", 270: "front-right"},
    "medium": {0: "left", 135: "back", 225: "right"},
    "easy": {0: "left", 180: "right"},
}
NEAREST, FARTHEST = 2.0, 100 / 3
"""Allowed distances between the objects, in margins of the scale (VSI-Bench: 0.30 m and 5.0 m of 0.15 m)."""
BAND = 10.0
"""Degrees on either side of a sector's boundary in which a direction is ambiguous."""
MOST_CORNERS_ELSEWHERE = 2
"""Corners of the target's box, of 8, that may lie in another sector than its centre."""
MOST_OBJECTS = 12
"""Objects that are combined, drawn at random, so that a crowded scene stays cheap."""

NOTES = {
    "hard": " The directions are the four quadrants of a plane whose positive y-axis points straight ahead.",
    "medium": " An object is to the back if one would have to turn by at least 135 degrees to face it.",
    "easy": "",
}


@dataclass(frozen=True)
class Direction:
    """Where a target is, and how clearly.

    Attributes:
        label: A value of `SECTORS`.
        angle: Degrees in (-180, 180] from straight ahead, positive to the left.
        to_boundary: Degrees to the nearest boundary of a sector.
        corners_elsewhere: Corners of the target's box, of 8, in another sector.
    """

    label: str
    angle: float
    to_boundary: float
    corners_elsewhere: int

    @property
    def is_clear(self) -> bool:
        """Whether the direction is outside the ambiguous bands and the box mostly in its sector."""
        return self.to_boundary > BAND and self.corners_elsewhere <= MOST_CORNERS_ELSEWHERE


@dataclass(frozen=True)
class Directions:
    """Where targets are, and how clearly; N of them.

    Attributes:
        angles: (N,) degrees in (-180, 180] from straight ahead, positive to the left.
        sectors: (N,) which sector, a position in `SECTORS[level]`.
        to_boundary: (N,) degrees to the nearest boundary of a sector.
        corners_elsewhere: (N,) corners of the target's box, of 8, in another sector.
    """

    angles: np.ndarray
    sectors: np.ndarray
    to_boundary: np.ndarray
    corners_elsewhere: np.ndarray

    @property
    def are_clear(self) -> np.ndarray:
        """Whether each is outside the ambiguous bands and its box mostly in its sector, (N,)."""
        return (self.to_boundary > BAND) & (self.corners_elsewhere <= MOST_CORNERS_ELSEWHERE)

    def pools(self, level: str) -> dict[str, np.ndarray]:
        """Return which of the clear ones lie in each sector."""
        return {
            label: np.flatnonzero(self.are_clear & (self.sectors == place))
            for place, label in enumerate(SECTORS[level].values())
        }

    def margins(self, index: int) -> dict:
        """Return the distances of one of them from ambiguity."""
        return {
            "boundary_deg": tidy(self.to_boundary[index] - BAND),
            "corners_elsewhere": int(self.corners_elsewhere[index]),
        }


def sight_angles(standing: np.ndarray, ahead: np.ndarray, targets: Boxes) -> np.ndarray:
    """Return the angles, degrees in (-180, 180], at which boxes are seen from above, positive to the left.

    Args:
        standing: (N, 3) metres, where one stands.
        ahead: (N, 2), the horizontal direction in which one looks.
        targets: N boxes.

    Returns:
        (N, 9): of the centre and of the 8 corners.
    """
    points = np.concatenate([targets.centers[:, None], targets.corners()], axis=1)
    x, y = np.moveaxis((points - standing[:, None])[..., :2], -1, 0)
    ahead_x, ahead_y = ahead[:, :1], ahead[:, 1:]
    return np.degrees(np.arctan2(ahead_x * y - ahead_y * x, ahead_x * x + ahead_y * y))


def directions(angles: np.ndarray, level: str) -> Directions:
    """Sort what `sight_angles` returned into the sectors of a level."""
    starts = np.array(list(SECTORS[level]))
    sectors = np.searchsorted(starts, angles % 360, side="right") - 1
    to_starts = np.abs((angles[:, :1] - starts + 180) % 360 - 180)
    elsewhere = (sectors[:, 1:] != sectors[:, :1]).sum(1)
    return Directions(angles[:, 0], sectors[:, 0], to_starts.min(1), elsewhere)


def relative_direction(standing: SceneObject, facing: SceneObject, target: SceneObject, level: str) -> Direction:
    """Decide in which sector `target` lies, seen from the centre of `standing` towards that of `facing`.

    Args:
        standing: Where one stands.
        facing: What one faces.
        target: What one asks about.
        level: A key of `SECTORS`.
    """
    found = directions(_trio_angles(Boxes.of([standing, facing, target]), np.array([[0, 1, 2]])), level)
    return Direction(
        label=list(SECTORS[level].values())[found.sectors[0]],
        angle=float(found.angles[0]),
        to_boundary=float(found.to_boundary[0]),
        corners_elsewhere=int(found.corners_elsewhere[0]),
    )


def _trio_angles(boxes: Boxes, trios: np.ndarray) -> np.ndarray:
    """Return the `sight_angles` of trios, (N, 3) rows of the boxes: standing, facing, target."""
    standing, facing, target = trios.T
    ahead = (boxes.centers[facing] - boxes.centers[standing])[:, :2]
    return sight_angles(boxes.centers[standing], ahead, boxes[target])


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the direction of an object from another while facing a third.

    Needs: boxes, metric (how near and how far the objects may be are lengths).
    Rule: three objects, each the only one of its category, whose boxes are 2 to 33 margins of the scale apart (0.30 to
        5.0 m indoors); the sector of the target's centre. Hard: quadrants. Medium: left, right, or back from 135
        degrees. Easy: left or right. Every direction of a level is right equally often, though few objects lie behind.
    Dropped: within 10 degrees of a boundary on either side; more than 2 of the target's 8 corners in another sector;
        target or faced object too close to straight above or below the standpoint (under 2 margins) to have a
        direction.
    Source: VSI-Bench, relative direction.
    """
    objects = list(shuffled(rng, seen_unique_objects(scene)))[:MOST_OBJECTS]
    reachable = _pairs_apart(objects, SCALES[scene.scale].margin)
    trios = _trios(len(objects))
    a, b, c = trios.T
    trios = trios[reachable[a, b] & reachable[a, c] & reachable[b, c]]
    if len(trios):
        angles = _trio_angles(Boxes.of(objects), trios)
        yield from take_turns([_of_level(level, objects, trios, angles, rng) for level in SECTORS])


def _of_level(level: str, objects: list[SceneObject], trios: np.ndarray, angles: np.ndarray, rng) -> Iterator[Fact]:
    found = directions(angles, level)
    for index in in_rounds(rng, found.pools(level)):
        names = tuple(objects[place].category for place in trios[index])
        words = dict(zip("abc", names, strict=True))
        yield direction_fact(found, int(index), level, words, rng, rule="vsi.relative_direction", semantics=names)


@lru_cache(maxsize=MOST_OBJECTS + 1)
def _trios(count: int) -> np.ndarray:
    """Return all ordered trios of so many, (N, 3)."""
    return np.array(list(permutations(range(count), 3)), int).reshape(-1, 3)


def _pairs_apart(objects: list[SceneObject], margin: float) -> np.ndarray:
    """Tell for each pair, (N, N), whether it is neither too close, too far, nor above one another."""
    boxes, count = Boxes.of(objects), len(objects)
    rows, columns = np.triu_indices(count, 1)
    apart = np.zeros((count, count), bool)
    if len(rows):
        distances = box_distances(boxes[rows], boxes[columns])
        across = np.linalg.norm((boxes.centers[rows] - boxes.centers[columns])[:, :2], axis=1)
        clear = (distances >= NEAREST * margin) & (distances <= FARTHEST * margin) & (across >= NEAREST * margin)
        apart[rows, columns] = apart[columns, rows] = clear
    return apart


def direction_fact(
    found: Directions, index: int, level: str, words: dict[str, str], rng: np.random.Generator, **fields
) -> Fact:
    """Ask in which sector one of several targets lies; the words and fields are those that depend on who is asked."""
    angle, options = float(found.angles[index]), tuple(shuffled(rng, SECTORS[level].values()))
    return Fact(
        task="position_comparison",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=list(SECTORS[level].values())[found.sectors[index]],
        options=options,
        open_ended=True,
        measured={"level": level, "angle_deg": tidy(angle)},
        margins=found.margins(index),
        words={
            **words,
            "choice": joined(options, "or"),
            "note": NOTES[level],
            "angle": f"{abs(angle):.0f}",
            "side": "left" if angle > 0 else "right",
        },
        **fields,
    )


RULES = (Rule("vsi.relative_direction", "position_comparison", frozenset({"boxes", "metric"}), ALL_SCALES, generate),)
