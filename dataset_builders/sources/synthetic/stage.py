"""What differs between the scales besides the objects."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """The settings of one scale.

    Attributes:
        unit: Metres. Geometry is cast in multiples of it, so that float32 is as exact at millimetres as at kilometres.
        limit: Metres along the optical axis beyond which depth is unknown.
        gap: Least metres between two footprints.
        spread: Square metres of ground per square metre of footprint (open ground only).
        field_of_view: Range of the horizontal angle, degrees.
        grounds: Names of ground textures.
        tile: Metres that one repeat of the ground texture covers.
    """

    unit: float
    limit: float
    gap: float
    spread: float
    field_of_view: tuple[float, float]
    grounds: tuple[str, ...]
    tile: float


STAGES = {
    "tiny_tabletop": Stage(0.05, 1.0, 0.004, 3.0, (38, 52), ("wood", "cloth", "marble"), 0.09),
    "tabletop": Stage(0.3, 6.0, 0.03, 2.2, (45, 60), ("wood", "cloth", "marble"), 0.8),
    "indoor": Stage(2.0, 30.0, 0.12, 1.0, (68, 82), ("wood", "tiles", "carpet"), 1.6),
    "outdoor": Stage(10.0, 150.0, 0.8, 1.8, (46, 60), ("asphalt", "grass", "tiles"), 6.0),
    "drone": Stage(80.0, 1500.0, 5.0, 2.2, (50, 65), ("grass", "fields", "sand"), 120.0),
}
