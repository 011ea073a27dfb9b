"""How large is the floor of a room?"""

from collections.abc import Iterator

import numpy as np

from dataset_builders.question import Question
from dataset_builders.scene import Scene
from dataset_builders.tasks.rule import Rule
from dataset_builders.tasks.wording import tidy, word

TEMPLATES = {
    "size": "What is the size of this room? If multiple rooms are shown, estimate the size of the combined space.",
    "floor_area": "What is the floor area of this room? If there are several rooms, add them up.",
    "how_large": "How large is the floor of the space shown?",
}


def generate(scene: Scene, rng: np.random.Generator) -> Iterator[Question]:
    """Ask for the floor area.

    Needs: room_size, which VSI-Bench takes from the alpha shape of the floor's points; indoor scenes only.
    Unit: m², one decimal.
    """
    area = float(scene.room_size)
    yield Question(
        task="room_size",
        answer_type="regression",
        prompt_type="text",
        answer=f"{area:.1f}",
        unit="m²",
        rationale=f"The floor covers {area:.1f} m².",
        rule="vsi.room_size",
        needs_scale=True,
        measured={"area_m2": tidy(area)},
        **word(rng, TEMPLATES),
    )


RULES = (Rule("vsi.room_size", "room_size", frozenset({"room_size"}), frozenset({"indoor"}), generate),)
