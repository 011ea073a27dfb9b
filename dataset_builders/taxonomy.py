"""The fixed vocabulary of SpaceVista: scales, tasks, answer and prompt types (paper, sections 3 and B.3, Table B8)."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How lengths are asked about, and when two of them are too close to call, at one scale.

    Attributes:
        name: One of `SCALE_NAMES`.
        length_unit: Unit of distances and depths in questions.
        size_unit: Unit of object sizes in questions (VSI-Bench asks sizes of indoor objects in centimetres).
        length_decimals: Decimals of a distance or depth answer, in `length_unit`.
        size_decimals: Decimals of a size answer, in `size_unit`.
        margin: Metres. Two lengths closer than this are ambiguous (VSI-Bench: 0.15 m indoors; the other scales keep
            its ratio to the size of their objects).
    """

    name: str
    length_unit: str
    size_unit: str
    length_decimals: int
    size_decimals: int
    margin: float


SCALES = {
    scale.name: scale
    for scale in (
        Scale("tiny_tabletop", "mm", "mm", length_decimals=0, size_decimals=1, margin=0.002),
        Scale("tabletop", "cm", "cm", length_decimals=0, size_decimals=1, margin=0.02),
        Scale("indoor", "m", "cm", length_decimals=1, size_decimals=0, margin=0.15),
        Scale("outdoor", "m", "m", length_decimals=1, size_decimals=1, margin=0.75),
        Scale("drone", "m", "m", length_decimals=0, size_decimals=0, margin=5.0),
    )
}
SCALE_NAMES = list(SCALES)

TASK_NAMES = [
    "position_comparison",
    "size_comparison",
    "existence_estimation",
    "object_counting",
    "rotation_estimation",
    "absolute_distance",
    "relative_distance",
    "object_size",
    "room_size",
    "route_planning",
    "appearance_order",
    "depth_estimation",
    "view_change_inference",
    "object_matching",
    "spatial_relation",
    "navigation",
    "area_estimation",
    "manipulation_planning",
    "obstacles_location",
]
ANSWER_TYPES = ["regression", "multiple_choice", "free_form"]
PROMPT_TYPES = ["text", "point", "bbox", "mask"]

# Metres (or square metres) in one unit.
METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "km": 1000.0} | {"mm²": 1e-6, "cm²": 1e-4, "m²": 1.0, "km²": 1e6}
