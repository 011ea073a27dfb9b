"""A toy world to try policies in: a gripper over a table is to reach the coloured block.

The table is the unit square. The camera hangs above the gripper, looks straight down and goes along, so that the
gripper is always in the middle of its picture: x to the right, y up. (With a camera that stands still, a tiny model
has to compare two places, and does not learn it in minutes; with a second block, to bind a word to a colour.) Actions
have LIBERO's 7 numbers: motion in x, y and z, three rotations and the gripper's command, each in -1 … 1, of which the
first two matter here.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"red": (214, 39, 40), "green": (44, 160, 44), "blue": (31, 119, 180), "yellow": (240, 200, 30)}
GRIPPER, TABLE, FLOOR = (40, 40, 40), (225, 220, 210), (120, 120, 120)
VIEW = 0.8
"""Half of what the camera sees of each axis, in sides of the table: the block, wherever the gripper is."""
BLOCK_RADIUS, GRIPPER_RADIUS = 0.1, 0.06
ACTION_SIZE = 7
STEP = 0.12
"""Longest motion of a step along each axis, in sides of the table."""
REACH = 0.1
"""Distance between gripper and block at which it is touched."""
MAX_STEPS = 20
FAR = 0.35
"""Least distance between gripper and block at the beginning."""
MARGIN = 0.1


@dataclass
class ReachingEnv:
    """One episode.

    Attributes:
        gripper: (2,), in sides of the table.
        target: (2,), of the block to reach.
        colour: Its name.
        steps: Taken so far.
    """

    gripper: np.ndarray
    target: np.ndarray
    colour: str
    steps: int = 0

    @classmethod
    def sample(cls, seed: int) -> "ReachingEnv":
        """Draw an episode; the same seed gives the same one."""
        generator = np.random.default_rng(seed)
        colour = str(generator.choice(list(COLOURS)))
        while True:
            gripper, target = generator.uniform(MARGIN, 1 - MARGIN, (2, 2))
            if np.linalg.norm(gripper - target) > FAR:
                return cls(gripper, target, colour)

    @property
    def instruction(self) -> str:
        """What is to be done."""
        return f"reach the {self.colour} block"

    @property
    def success(self) -> bool:
        """Whether the gripper touches the target."""
        return bool(np.linalg.norm(self.gripper - self.target) < REACH)

    @property
    def done(self) -> bool:
        """Whether the target is touched or the time is over."""
        return self.success or self.steps >= MAX_STEPS

    def step(self, action: np.ndarray) -> None:
        """Move by the first two numbers of an action (7,), and stay on the table."""
        self.gripper = np.clip(self.gripper + STEP * np.clip(action[:2], -1, 1), 0, 1)
        self.steps += 1

    def render(self, side: int) -> Image.Image:
        """Draw what the camera sees in `side` × `side` pixels."""
        picture = Image.new("RGB", (side, side), FLOOR)
        pen = ImageDraw.Draw(picture)
        pen.rectangle(self._seen(np.array([0.5, 0.5]), 0.5, side), fill=TABLE)
        pen.rectangle(self._seen(self.target, BLOCK_RADIUS, side), fill=COLOURS[self.colour])
        pen.ellipse(self._seen(self.gripper, GRIPPER_RADIUS, side), fill=GRIPPER)
        return picture

    def _seen(self, place: np.ndarray, radius: float, side: int) -> tuple[float, float, float, float]:
        """Return the box in pixels round a place (2,) on the table."""
        scale = side / (2 * VIEW)
        x, y = (place - self.gripper) * (scale, -scale) + (side - 1) / 2
        return x - radius * scale, y - radius * scale, x + radius * scale, y + radius * scale


def expert_action(env: ReachingEnv) -> np.ndarray:
    """Return the action (7,) that goes to the target with an open gripper.

    Along each axis it moves at full speed or, within half a step of where it wants to be, not at all.
    """
    way = env.target - env.gripper
    move = np.where(np.abs(way) > STEP / 2, np.sign(way), 0.0)
    return np.array([*move, 0.0, 0.0, 0.0, 0.0, -1.0])


def random_action(generator: np.random.Generator) -> np.ndarray:
    """Draw an action (7,) evenly from -1 … 1."""
    return generator.uniform(-1, 1, ACTION_SIZE)
