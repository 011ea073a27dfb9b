"""Training recipes: cold start and GRPO with anchored rewards, each `accelerate launch trl_recipes/<stage>.py`."""

from trl_recipes.rewards import (
    AnchoredReward,
    DualAscent,
    LagrangianConstraint,
    SentenceEncoder,
    answer_reward,
    consistency_reward,
    detection_reward,
    format_reward,
    grounding_reward,
    scale_reward,
    semantic_reward,
)

__all__ = [
    "AnchoredReward",
    "DualAscent",
    "LagrangianConstraint",
    "SentenceEncoder",
    "answer_reward",
    "consistency_reward",
    "detection_reward",
    "format_reward",
    "grounding_reward",
    "scale_reward",
    "semantic_reward",
]
