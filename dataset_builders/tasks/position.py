"""Where is an object, seen from another and facing a third?

The boxes decide, seen from above: world Z is up, angles are degrees, positive to the left (counter-clockwise).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from dataset_builders.geometry import Boxes, box_distances
from dataset_builders.question import Question
from dataset_builders.scene import Scene, SceneObject
from dataset_builders.tasks.draw import shuffled
from dataset_builders.tasks.rule import ALL_SCALES, Rule
from dataset_builders.tasks.visibility import seen_unique_objects
from dataset_builders.tasks.wording import joined, tidy, word
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

TEMPLATES = {
    "standing": "If I am standing by the {a} and facing the {b}, is the {c} to my {choice}?{note}",
    "imagine": "Imagine standing at the {a} and looking at the {b}. Is the {c} to your {choice}?{note}",
    "where": "You are at the {a} and face the {b}. Where is the {c}: {choice}?{note}",
}
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


def relative_direction(standing: SceneObject, facing: SceneObject, target: SceneObject, level: str) -> Direction:
    """Decide in which sector `target` lies, seen from the centre of `standing` towards that of `facing`.

    Args:
        standing: Where one stands.
        facing: What one faces.
        target: What one asks about.
        level: A key of `SECTORS`.
    """
    points = np.vstack([target.center, Boxes.of([target]).corners()[0]])
    ahead, sight = (facing.center - standing.center)[:2], (points - standing.center)[:, :2]
    left = ahead[0] * sight[:, 1] - ahead[1] * sight[:, 0]
    angles = np.degrees(np.arctan2(left, sight @ ahead))
    starts = np.array(list(SECTORS[level]))
    sectors = np.searchsorted(starts, angles % 360, side="right") - 1
    to_starts = np.abs((angles[0] - starts + 180) % 360 - 180)
    return Direction(
        label=list(SECTORS[level].values())[sectors[0]],
        angle=float(angles[0]),
        to_boundary=float(to_starts.min()),
        corners_elsewhere=int((sectors[1:] != sectors[0]).sum()),
    )


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the direction of an object from another while facing a third.

    Needs: boxes.
    Rule: three objects, each the only one of its category, whose boxes are 2 to 33 margins of the scale apart (0.30 to
        5.0 m indoors); the sector of the target's centre. Hard: quadrants. Medium: left, right, or back from 135
        degrees. Easy: left or right (VSI-Bench, relative direction).
    Dropped: within 10 degrees of a boundary on either side; more than 2 of the target's 8 corners in another sector;
        target or faced object too close to straight above or below the standpoint (under 2 margins) to have a
        direction.
    """
    objects = list(shuffled(rng, seen_unique_objects(scene)))[:MOST_OBJECTS]
    reachable = _pairs_apart(objects, SCALES[scene.scale].margin)
    for trio, level in shuffled(rng, product(permutations(range(len(objects)), 3), SECTORS)):
        if not reachable[np.ix_(trio, trio)][~np.eye(3, dtype=bool)].all():
            continue
        standing, facing, target = (objects[index] for index in trio)
        direction = relative_direction(standing, facing, target, level)
        if direction.is_clear:
            yield _question(standing, facing, target, level, direction, rng)


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


def _question(standing, facing, target, level: str, direction: Direction, rng: np.random.Generator) -> Question:
    names = standing.category, facing.category, target.category
    options = tuple(shuffled(rng, SECTORS[level].values()))
    side = "left" if direction.angle > 0 else "right"
    return Question(
        task="position_comparison",
        answer_type="multiple_choice",
        prompt_type="text",
        answer=direction.label,
        options=options,
        rationale=f"At the {names[0]}, facing the {names[1]}, the {names[2]} is {abs(direction.angle):.0f} degrees to "
        f"the {side}, so {direction.label}.",
        rule="vsi.relative_direction",
        semantics=names,
        measured={"level": level, "angle_deg": tidy(direction.angle)},
        margins={
            "boundary_deg": tidy(direction.to_boundary - BAND),
            "corners_elsewhere": direction.corners_elsewhere,
        },
        **word(rng, TEMPLATES, a=names[0], b=names[1], c=names[2], choice=joined(options, "or"), note=NOTES[level]),
    )


RULES = (Rule("vsi.relative_direction", "position_comparison", frozenset({"boxes"}), ALL_SCALES, generate),)
