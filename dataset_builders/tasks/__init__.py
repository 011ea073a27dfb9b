"""The tasks: every rule that turns a scene into questions, and the two names that a builder needs beside it."""

from dataset_builders.tasks import (
    across_frames,
    appearance,
    area,
    area_of_ground,
    boxed,
    counting,
    depth,
    depth_change,
    depth_gap,
    depth_order,
    distance,
    existence,
    existence_in_frame,
    from_camera,
    grasping,
    image_position,
    manipulation,
    matching,
    moves,
    navigation,
    nearness,
    obstacles,
    placement,
    position,
    room,
    rotation,
    route,
    size,
    size_comparison,
    spatial_relation,
    view_change,
    view_measures,
)
from dataset_builders.tasks.rule import Rule, lacking

RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (
        counting,
        size,
        size_comparison,
        distance,
        nearness,
        existence_in_frame,
        existence,
        boxed,
        position,
        image_position,
        across_frames,
        from_camera,
        depth,
        depth_order,
        depth_gap,
        depth_change,
        room,
        area,
        area_of_ground,
        appearance,
        matching,
        rotation,
        view_change,
        view_measures,
        route,
        navigation,
        manipulation,
        moves,
        placement,
        obstacles,
        grasping,
        spatial_relation,
    )
    for rule in module.RULES
)
TASKS: tuple[str, ...] = tuple(dict.fromkeys(rule.task for rule in RULES))

__all__ = ["RULES", "TASKS", "Rule", "lacking"]
