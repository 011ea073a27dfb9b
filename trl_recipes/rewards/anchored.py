"""The updated correctness reward R_c (paper, Eq. 3): answer, scale and semantics in one number."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from trl_recipes.rewards.rules import answer_reward, scale_reward
from trl_recipes.rewards.semantics import SentenceEncoder, semantic_reward

COMBINATIONS = ("progressive", "sum", "product")


class AnchoredReward:
    """R_c over the anchors that apply: semantics r₁, scale r₂ and answer r₃, each in [0, 1].

    The body of Eq. 3 is missing from the text that we have. What the text fixes: three anchors in this order, earlier
    ones stricter and more important, and plain correctness where semantics and scale do not apply. Our reading:
    R_c = Σ_k w_k · Π_{j≤k} r_j, so that an early mistake costs everything after it; the weights do not increase and
    sum to 1 over the anchors that apply; one of 0 leaves its anchor out. `sum` (Σ w_k r_k) and `product` (Π r_k) are
    there for ablations.
    """

    def __init__(
        self,
        encoder: SentenceEncoder,
        weights: Sequence[float] = (0.4, 0.3, 0.3),
        combination: str = "progressive",
        answer: Callable[..., list[float]] = answer_reward,
    ):
        """Take what makes the reward.

        Args:
            encoder: Of the semantics reward.
            weights: In the order of the anchors.
            combination: One of COMBINATIONS.
            answer: r₃; `functools.partial(answer_reward, smooth=True)` for the smooth variant.

        Raises:
            ValueError: if the weights are not three numbers that, but for zeros, are positive and do not increase, if
                the answer has none, or if the combination is unknown.
        """
        weights = tuple(weights)
        given = [weight for weight in weights if weight]
        finite = all(map(math.isfinite, weights))
        if (
            not finite
            or len(weights) != 3
            or not weights[2] > 0
            or not all(first >= second for first, second in pairwise(given))
        ):
            raise ValueError(
                f"anchor weights must be three numbers that, but for zeros, do not increase, the last positive, "
                f"got {weights}"
            )
        if combination not in COMBINATIONS:
            raise ValueError(f"anchor combination must be one of {', '.join(COMBINATIONS)}, got {combination!r}")
        self.encoder, self.weights, self.combination, self.answer = encoder, weights, combination, answer

    def __call__(self, completions, **columns) -> list[float]:
        """Score completions; `columns` are those that the three rewards ask for."""
        rewards = zip(
            semantic_reward(completions, encoder=self.encoder, **columns),
            scale_reward(completions, **columns),
            self.answer(completions, **columns),
            strict=True,
        )
        return [self.combine(row) for row in rewards]

    def combine(self, rewards: Sequence[float | None]) -> float:
        """Combine (semantics, scale, answer); None drops out and the weights of the others are scaled up.

        >>> progressive, plain = AnchoredReward(None, (0.5, 0.25, 0.25)), AnchoredReward(None, combination="sum")
        >>> progressive.combine((1.0, 0.5, 1.0)), progressive.combine((None, None, 0.7))
        (0.75, 0.7)
        >>> round(plain.combine((1.0, 0.5, 0.0)), 2)
        0.55
        """
        applying = [
            (weight, reward)
            for weight, reward in zip(self.weights, rewards, strict=True)
            if weight and reward is not None
        ]
        total, reached, product = 0.0, 0.0, 1.0
        for weight, reward in applying:
            product *= reward
            total += weight
            reached += weight * (reward if self.combination == "sum" else product)
        return product if self.combination == "product" else reached / total
