"""How large is the floor of a room?"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Fact
from dataset_builders.scene import Scene
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.wording import Measure, tidy

AREA, SIDE = Measure("m²", 1), Measure("m", 2)


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Fact]:
    """Ask for the floor area; a room gives one fact, which is asked in other words again and again.

    Needs: room_size, which VSI-Bench takes from the alpha shape of the floor's points, metric; indoor scenes only.
    Rule: the area as the source gives it.
    Dropped: rooms so small that rounding can change the answer by more than a tenth.
    Unit: m², one decimal.
    Options: none, because a scene has no second floor whose area could stand beside it (see `answers.in_forms`).
    Source: SpaceVista, Tables B7 and B8; VSI-Bench.
    """
    area = float(scene.room_size)
    if AREA.resolves(area):
        yield Fact(
            task="room_size",
            answer_type="regression",
            prompt_type="text",
            answer=AREA.number(area),
            unit=AREA.unit,
            rule="vsi.room_size",
            needs_scale=True,
            measured={"area_m2": tidy(area)},
            words={"side": SIDE.text(area**0.5)},
        )


RULES = (Rule("vsi.room_size", "room_size", frozenset({"room_size", "metric"}), frozenset({"indoor"}), generate),)
