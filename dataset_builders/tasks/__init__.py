"""The tasks: every rule that turns a scene into questions, and the two names that a builder needs beside it."""

from dataset_builders.tasks import boxed, counting, depth, distance, image_position, position, room, size
from dataset_builders.tasks.rule import Rule, lacking

RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (counting, size, distance, boxed, position, image_position, depth, room)
    for rule in module.RULES
)
TASKS: tuple[str, ...] = tuple(dict.fromkeys(rule.task for rule in RULES))

__all__ = ["RULES", "TASKS", "Rule", "lacking"]
