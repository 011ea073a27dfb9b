"""A toy world to try policies in: a gripper over a table is to reach the block that the instruction names.

The table is the unit square. The camera hangs above the gripper, looks straight down and goes along, so that the
gripper is always in the middle of its picture: x to the right, y up. (With a camera that stands still, a tiny model
has to compare two places, and does not learn it in minutes.) Two blocks of different colours lie on the table;
touching the other one ends an episode without success. Actions have LIBERO's 7 numbers: motion in x, y and z, three
rotations and the gripper's command, each in -1 … 1, of which the first two matter here.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"red": (214, 39, 40), "green": (44, 160, 44), "blue": (31, 119, 180), "yellow": (240, 200, 30)}
GRIPPER, TABLE, FLOOR = (40, 40, 40), (225, 220, 210), (120, 120, 120)
VIEW = 0.8
"""Half of what the camera sees of each axis, in sides of the table: both blocks, wherever the gripper is."""
BLOCK_RADIUS, GRIPPER_RADIUS = 0.1, 0.06
ACTION_SIZE = 7
STEP = 0.12
"""Longest motion of a step along each axis, in sides of the table."""
REACH = 0.1
"""Distance between gripper and block at which it is touched."""
MAX_STEPS = 20
FAR = 0.35
"""Least distance between gripper and blocks, and between the blocks, at the beginning."""
MARGIN = 0.1


@dataclass
class ReachingEnv:
    """One episode.

    Attributes:
        gripper: (2,), in sides of the table.
        target: (2,), of the block to reach.
        other: (2,), of the block to leave alone.
        colours: Of target and other.
        steps: Taken so far.
    """

    gripper: np.ndarray
    target: np.ndarray
    other: np.ndarray
    colours: tuple[str, str]
    steps: int = 0

    @classmethod
    def sample(cls, seed: int) -> "ReachingEnv":
        """Draw an episode; the same seed gives the same one."""
        generator = np.random.default_rng(seed)
        colours = tuple(generator.permutation(list(COLOURS))[:2].tolist())
        while True:
            places = generator.uniform(MARGIN, 1 - MARGIN, (3, 2))
            apart = [np.linalg.norm(places[a] - places[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
            if min(apart) > FAR:
                return cls(*places, colours)

    @property
    def instruction(self) -> str:
        """What is to be done."""
        return f"reach the {self.colours[0]} block"

    @property
    def success(self) -> bool:
        """Whether the gripper touches the target."""
        return bool(np.linalg.norm(self.gripper - self.target) < REACH)

    @property
    def done(self) -> bool:
        """Whether a block is touched or the time is over."""
        touched = np.linalg.norm(self.gripper - self.other) < REACH
        return self.success or bool(touched) or self.steps >= MAX_STEPS

    def step(self, action: np.ndarray) -> None:
        """Move by the first two numbers of an action (7,), and stay on the table."""
        self.gripper = np.clip(self.gripper + STEP * np.clip(action[:2], -1, 1), 0, 1)
        self.steps += 1

    def render(self, side: int) -> Image.Image:
        """Draw what the camera sees in `side` × `side` pixels."""
        picture = Image.new("RGB", (side, side), FLOOR)
        pen = ImageDraw.Draw(picture)
        pen.rectangle(self._seen(np.array([0.5, 0.5]), 0.5, side), fill=TABLE)
        for place, colour in ((self.target, self.colours[0]), (self.other, self.colours[1])):
            pen.rectangle(self._seen(place, BLOCK_RADIUS, side), fill=COLOURS[colour])
        pen.ellipse(self._seen(self.gripper, GRIPPER_RADIUS, side), fill=GRIPPER)
        return picture

    def _seen(self, place: np.ndarray, radius: float, side: int) -> tuple[float, float, float, float]:
        """Return the box in pixels round a place (2,) on the table."""
        scale = side / (2 * VIEW)
        x, y = (place - self.gripper) * (scale, -scale) + (side - 1) / 2
        return x - radius * scale, y - radius * scale, x + radius * scale, y + radius * scale


def expert_action(env: ReachingEnv) -> np.ndarray:
    """Return the action (7,) that goes to the target, round the other block, with an open gripper.

    Along each axis it moves at full speed or, within half a step of where it wants to be, not at all. Near the other
    block the way bends to its side: what points at it is taken out, and it is pushed off.
    """
    way = env.target - env.gripper
    off = env.gripper - env.other
    distance = np.linalg.norm(off)
    if distance < REACH + 1.5 * STEP and way @ off < 0:
        off = off / distance
        way = way - (way @ off) * off
        way = way / max(np.linalg.norm(way), 1e-6) + 0.5 * off
    move = np.where(np.abs(way) > STEP / 2, np.sign(way), 0.0)
    return np.array([*move, 0.0, 0.0, 0.0, 0.0, -1.0])


def random_action(generator: np.random.Generator) -> np.ndarray:
    """Draw an action (7,) evenly from -1 … 1."""
    return generator.uniform(-1, 1, ACTION_SIZE)
