"""What the names in published files mean in ours; a name that is not listed here is refused, never guessed."""

import re
from collections.abc import Iterable, Mapping

from dataset_builders.errors import InputError

SPACEVISTA_TASKS = {
    "POSITION_ACROSS_FRAME": "position_comparison",
    "COMPARISON_HEIGHT": "size_comparison",
    "COMPARISON_WIDTH": "size_comparison",
    "EXISTENCE": "existence_estimation",
    "COUNTING": "object_counting",
    "OBJECT_COUNTING": "object_counting",
    "OBJECT_ROTATION": "rotation_estimation",
    "CAMERA_ROTATION": "view_change_inference",
    "CAMERA_MOVING": "view_change_inference",
    "OBJECT_DISTANCE": "absolute_distance",
    "OBJECT_RELATIVE_DISTANCE": "relative_distance",
    "HEIGHT": "object_size",
    "WIDTH": "object_size",
    "ROOM_SIZE": "room_size",
    "APPEAR_ORDER": "appearance_order",
    "DEPTH": "depth_estimation",
    "DEPTH_all": "depth_estimation",
    "OBJECT_MATCHING": "object_matching",
    "SPATIAL_RELATION": "spatial_relation",
}

CATEGORIES = {"Indoor": "indoor", "Outdoor": "outdoor", "Tabletop": "tabletop", "TinyTabletop": "tiny_tabletop"}
LENGTHS = {"m": "indoor", "<km": "outdoor", "cm": "tabletop", "mm": "tiny_tabletop"}

# Scale and terms of use of what published datasets are made from (SpaceVista, tables B6 and B7). A dataset with scenes
# of several scales has the most frequent one here, and is asked for here only where the row states none.
SOURCES = {
    "uco3d": ("tiny_tabletop", "CC-BY-4.0"),
    "wildrgbd": ("tabletop", "not stated by its authors"),
    "smot": ("tabletop", "not stated by its authors"),
    "dl3dv": ("outdoor", "DL3DV-10K Terms of Use"),
    "scannet": ("indoor", "ScanNet Terms of Use"),
    "scannetpp": ("indoor", "ScanNet++ Terms of Use"),
    "arkitscenes": ("indoor", "ARKitScenes Terms of Use"),
}
UNKNOWN_TERMS = "not stated in the imported file"


def our_task(name: object, names: Mapping[str, str], place, field: str) -> str:
    """Translate a published task name.

    Raises:
        InputError: naming it, if it is missing or not in `names`.
    """
    if not isinstance(name, str) or name not in names:
        problem = "is missing" if name is None else f"is {name!r}, which is none of the published task names"
        raise InputError(place, field, problem, f"give one of {', '.join(names)}")
    return names[name]


def known_source(names: Iterable[str]) -> str | None:
    """Return the first of some names, or of the folders in paths, that is a source we know.

    >>> known_source(["", "data/DL3DV_frames/0a1b/images_8/frame_00001.png"]), known_source(["elsewhere/1.png"])
    ('dl3dv', None)
    """
    for name in names:
        for part in name.split("/"):
            key = re.sub(r"_(frames|masks?|images)$", "", part.lower().replace("scannet++", "scannetpp"))
            if key in SOURCES:
                return key
    return None


def terms(source: str) -> str:
    """Return the terms of use of a source."""
    return SOURCES[source][1] if source in SOURCES else UNKNOWN_TERMS
