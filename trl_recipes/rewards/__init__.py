"""Rewards for GRPO: picklable, bounded in time, in [0, 1] or None where they do not apply (paper, Eq. 3 and 4)."""

from trl_recipes.rewards.anchored import AnchoredReward
from trl_recipes.rewards.consistency import consistency_reward
from trl_recipes.rewards.constraints import DualAscent, LagrangianConstraint
from trl_recipes.rewards.detection import detection_reward
from trl_recipes.rewards.grounding import grounding_reward
from trl_recipes.rewards.reading import anls
from trl_recipes.rewards.rules import answer_reward, format_reward, scale_reward
from trl_recipes.rewards.semantics import SentenceEncoder, semantic_reward

__all__ = [
    "AnchoredReward",
    "DualAscent",
    "LagrangianConstraint",
    "SentenceEncoder",
    "anls",
    "answer_reward",
    "consistency_reward",
    "detection_reward",
    "format_reward",
    "grounding_reward",
    "scale_reward",
    "semantic_reward",
]
