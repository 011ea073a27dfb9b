"""What a picture shows of how its camera has moved: which near and far things go where in it (VST, tables 34, 35).

A turn takes all of the picture the other way, also what is far; a step shifts near things against what is behind them,
or makes them larger or smaller than that. Each sign is computed from points that both pictures show.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np

from dataset_builders.scene import Scene
from dataset_builders.tasks.wording import capital
from dataset_builders.vst.pictures import IMAGES, where
from dataset_builders.vst.same_points import SurfacePoint, draw_background, draw_points, seen_again, shares

FARTHER, FAR = 1.25, 1.5
"""How many times as far away as a near thing one behind it is, and as the nearest thing one that is far away."""
LEAST_SHIFT = 0.03
"""Share of the frame's width or height: a smaller shift is not seen."""
LEAST_GROWTH = 0.1
"""Share: a smaller change of size is not seen."""
LEAST_ANGLE = 4.0
"""Degrees: a smaller turn of the line between two things is not seen."""
LONG = 0.2
"""Of the frame's width: things so far apart make a line whose angle is told."""


@dataclass(frozen=True)
class Landmark:
    """A point that both pictures show.

    Attributes:
        name: How a sentence calls it.
        instance_id: Of an object that its name tells; 0 for any other surface.
        spots: Where it is in the start's and the end's picture, in words.
        places: (2, 2) the same as x and y, in frame widths.
        distances: (2,) metres from both cameras.
    """

    name: str
    instance_id: int
    spots: tuple[str, str]
    places: np.ndarray
    distances: np.ndarray

    @property
    def shift(self) -> np.ndarray:
        """How it goes through the picture, (2,) x right and y down, in frame widths."""
        return self.places[1] - self.places[0]

    def along(self, way: int) -> "Landmark":
        """Return it with start and end swapped where `way` is -1."""
        return replace(self, spots=self.spots[::way], places=self.places[::way], distances=self.distances[::way])

    @property
    def growth(self) -> float:
        """By which factor it looks larger."""
        return float(self.distances[0] / self.distances[1])


@dataclass(frozen=True)
class Sign:
    """Something that tells the direction of a motion.

    Attributes:
        amount: How clear it is, in its threshold; negative where it tells the opposite.
        text: In words.
        things: What shows it.
    """

    amount: float
    text: str
    things: tuple[Landmark, ...]


def landmarks(scene: Scene, start: int, end: int, rng: np.random.Generator) -> list[Landmark]:
    """List one point of each object, and points of other surfaces, that two frames show."""
    groups = [*draw_points(scene, start, rng), *([point] for point in draw_background(scene.frames[start], rng))]
    names = {item.instance_id: f"the {item.category}" for item in scene.unique_objects()}
    found = (
        next(filter(None, (_landmark(scene, start, end, names, point) for point in group)), None) for group in groups
    )
    return [landmark for landmark in found if landmark is not None]


def _landmark(scene: Scene, start: int, end: int, names: dict[int, str], point: SurfacePoint) -> Landmark | None:
    cameras = [scene.frames[index].camera for index in (start, end)]
    pixel = seen_again(point, scene.frames[end])
    if pixel is None:
        return None
    places = [shares(one, camera) for one, camera in zip((point.pixel, pixel), cameras, strict=True)]
    spots = tuple(where(*place) for place in places)
    # The earlier frame is the first image.
    return Landmark(
        names.get(point.instance_id, f"what is {spots[0]} of the {IMAGES[start > end]}"),
        point.instance_id if point.instance_id in names else 0,
        spots,
        np.array([(x, y * camera.height / camera.width) for (x, y), camera in zip(places, cameras, strict=True)]),
        np.array([np.linalg.norm(point.position - camera.camera_to_world[:3, 3]) for camera in cameras]),
    )


def turn_sign(axis: int, sign: int, seen: Sequence[Landmark]) -> Sign | None:
    """Find what shows a pan (axis 0), tilt (1) or roll (2); positive to the right, up and clockwise."""
    return _clearest(_roll_signs(sign, seen) if axis == 2 else _shift_signs(axis, sign, seen))


def travel_sign(axis: int, sign: int, seen: Sequence[Landmark]) -> Sign | None:
    """Find what shows a movement sideways (axis 0), up or down (1), ahead or back (2); positive right, up, forward."""
    return _clearest(_growth_signs(sign, seen) if axis == 2 else _parallax_signs(axis, sign, seen))


def _clearest(signs: Iterator[Sign]) -> Sign | None:
    """Return the clearest sign, of named things if possible; None where none is clear or most tell the opposite."""
    signs = list(signs)
    clear = [sign for sign in signs if sign.amount >= 1]
    if not clear or np.mean([sign.amount for sign in signs]) <= 0:
        return None
    # Rounded, so that of signs that are alike the first one is taken, whatever the last digits of a pose are.
    return min(clear, key=lambda sign: (sum(not thing.instance_id for thing in sign.things), -round(sign.amount, 6)))


SIDES = (("to the left", "to the right"), ("down", "up"))
"""Where the picture goes when the camera turns, or near things when it moves, to the right or left, and up or down."""


def _against(axis: int, sign: int, shift: np.ndarray) -> float:
    """Return how far a shift goes against the camera; y points down, so it grows when the camera tilts or goes up."""
    return float(shift[axis]) * (-sign if axis == 0 else sign)


def _shift_signs(axis: int, sign: int, seen: Sequence[Landmark]) -> Iterator[Sign]:
    nearest = min(thing.distances[0] for thing in seen)
    for thing in seen:
        if thing.distances[0] >= FAR * nearest:
            text = f"{thing.name}, which is far away, shifts {SIDES[axis][sign < 0]}"
            yield Sign(_against(axis, sign, thing.shift) / LEAST_SHIFT, text, (thing,))


def _roll_signs(sign: int, seen: Sequence[Landmark]) -> Iterator[Sign]:
    turned = "counter-clockwise" if sign > 0 else "clockwise"
    for one, other in combinations(seen, 2):
        lines = other.places - one.places
        if np.linalg.norm(lines, axis=1).min() >= LONG:
            before, after = np.degrees(np.arctan2(lines[:, 1], lines[:, 0]))
            angle = (after - before + 180) % 360 - 180  # clockwise, since y points down
            text = f"the line from {one.name} to {other.name} turns {turned}"
            yield Sign(-sign * angle / LEAST_ANGLE, text, (one, other))


def _parallax_signs(axis: int, sign: int, seen: Sequence[Landmark]) -> Iterator[Sign]:
    for near, far in _near_and_far(seen):
        text = f"{near.name}, which is near, shifts {SIDES[axis][sign < 0]} against {far.name}, which is farther away"
        yield Sign(_against(axis, sign, near.shift - far.shift) / LEAST_SHIFT, text, (near, far))


def _growth_signs(sign: int, seen: Sequence[Landmark]) -> Iterator[Sign]:
    larger = "larger" if sign > 0 else "smaller"
    for near, far in _near_and_far(seen):
        amount = min(sign * np.log(near.growth), sign * np.log(near.growth / far.growth)) / np.log1p(LEAST_GROWTH)
        text = f"{near.name}, which is near, looks {larger}, and changes more than {far.name}, which is farther away"
        yield Sign(float(amount), text, (near, far))


def _near_and_far(seen: Sequence[Landmark]) -> Iterator[tuple[Landmark, Landmark]]:
    return ((near, far) for near, far in permutations(seen, 2) if (far.distances >= FARTHER * near.distances).all())


def in_words(signs: Sequence[Sign]) -> str:
    """Make a sentence of signs."""
    return capital(f"{'; '.join(sign.text for sign in signs)}.")


def views_without_names(seen: Sequence[Landmark]) -> dict[str, str]:
    """Describe two images of a scene without objects, by the nearest and the farthest of what both show.

    Args:
        seen: At least two, from the first image to the second.

    Returns:
        `views` and `layout`, as `reasoning.described`.
    """
    near, far = (choose(seen, key=lambda thing: thing.distances[0]) for choose in (min, max))
    return {
        "views": (
            f"In the first image the nearest spot that I note is {near.spots[0]}, the farthest is {far.spots[0]}. "
            f"In the second image I find the former {near.spots[1]} and the latter {far.spots[1]}."
        ),
        "layout": "The place goes back from the former to the latter, and both images show it.",
    }
