"""Which rules `--config` selects."""

from dataset_builders.tasks import RULES, Rule
from dataset_builders.vst import captions, depth_lists, depth_nearest, detection, distances, grounding, measurement

EXISTING = ("image.order_points", "image.order_objects")
"""Rules of a default build that ask what VST asks: which marked point is the nearest, and orders as options."""

VST_RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (detection, grounding, measurement, depth_lists, depth_nearest, distances, captions)
    for rule in module.RULES
)
"""The rules of VST's own."""

CONFIGS: dict[str, tuple[Rule, ...]] = {
    "vst-p": (*VST_RULES, *(rule for rule in RULES if rule.name in EXISTING)),
}
"""Name → rules: `vst-p` holds VST's perception of one image."""
