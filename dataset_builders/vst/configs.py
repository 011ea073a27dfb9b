"""Which rules `--config` selects."""

from dataset_builders.tasks import RULES, Rule
from dataset_builders.vst import (
    camera_motion,
    camera_pairs,
    captions,
    captions_pairs,
    correspondence,
    depth_lists,
    depth_nearest,
    detection,
    detection_pairs,
    detection_turns,
    distances,
    grounding,
    measurement,
    measurement_turns,
    object_pairs,
    video_pairs,
)

MODULES = {
    "vst-p": (
        detection,
        detection_turns,
        grounding,
        measurement,
        measurement_turns,
        depth_lists,
        depth_nearest,
        distances,
        captions,
    ),
    "vst-r": (correspondence, camera_motion, object_pairs, camera_pairs, detection_pairs, captions_pairs, video_pairs),
}
"""Config → modules of the rules of VST's own."""
EXISTING = {
    "vst-p": ("image.order_points", "image.order_objects"),
    "vst-r": ("vsi.object_count", "vsi.appearance_order"),
}
"""Config → rules of a default build that ask what VST asks."""

CONFIGS: dict[str, tuple[Rule, ...]] = {
    name: (
        *(rule for module in modules for rule in module.RULES),
        *(rule for rule in RULES if rule.name in EXISTING[name]),
    )
    for name, modules in MODULES.items()
}
"""Name → rules: `vst-p` holds VST's perception of one image, `vst-r` its reasoning over several and over videos."""
VST_RULES: tuple[Rule, ...] = tuple(
    dict.fromkeys(rule for modules in MODULES.values() for module in modules for rule in module.RULES)
)
"""The rules of VST's own."""
