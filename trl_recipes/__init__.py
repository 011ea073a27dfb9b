"""Training recipes: cold start and GRPO with anchored rewards, each `accelerate launch trl_recipes/<stage>.py`."""

from trl_recipes.rewards import (
    AnchoredReward,
    SentenceEncoder,
    answer_reward,
    format_reward,
    scale_reward,
    semantic_reward,
)

__all__ = [
    "AnchoredReward",
    "SentenceEncoder",
    "answer_reward",
    "format_reward",
    "scale_reward",
    "semantic_reward",
]
