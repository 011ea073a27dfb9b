"""Rewards for GRPO: pure, picklable, each in [0, 1] or None where it does not apply (design: Eq. 3 and 4)."""

from trl_recipes.rewards.anchored import AnchoredReward
from trl_recipes.rewards.rules import answer_reward, format_reward, scale_reward
from trl_recipes.rewards.semantics import SentenceEncoder, semantic_reward

__all__ = [
    "AnchoredReward",
    "SentenceEncoder",
    "answer_reward",
    "format_reward",
    "scale_reward",
    "semantic_reward",
]
