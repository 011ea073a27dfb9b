"""Rewards as constraints, weighed by Lagrangian dual ascent (after Faithful GRPO)."""

from collections.abc import Callable, Sequence

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState


class LagrangianConstraint:
    """Asks that a reward be `target` on average, and pays for it only as much as that takes.

    To maximise the other rewards R subject to E[c] ≥ target is to maximise R + λ (E[c] - target) for the least λ ≥ 0
    that meets the constraint. λ starts at 0 and after every step rises by `step` times what is missing, or falls by
    what is to spare. The constant λ · target is left out: it cancels in the advantages of a group.

    A reward function for TRL, whose column in the logs is λ c; λ and c are logged as metrics. Picklable, λ included.
    """

    def __init__(
        self, reward: Callable[..., list[float | None]], target: float, step: float = 0.1, limit: float = 1.0
    ):
        """Take the constrained reward.

        Args:
            reward: Returns values in [0, 1], or None where it does not apply.
            target: Its mean to be reached, in (0, 1].
            step: Of the ascent, per optimiser step.
            limit: The largest λ, so that a constraint that cannot be met does not drown the other rewards.

        Raises:
            ValueError: if a number is out of range.
        """
        if not 0 < target <= 1:
            raise ValueError(f"the target of a constraint must be above 0 and at most 1, got {target}")
        if not (0 < step < float("inf") and 0 < limit < float("inf")):
            raise ValueError(f"step and limit of a constraint must be positive, got {step} and {limit}")
        self.reward, self.target, self.step, self.limit = reward, target, step, limit
        self.name = reward.__name__.removesuffix("_reward")
        self.__name__ = f"{self.name}_constraint"
        self.multiplier = 0.0
        self.forget()

    def __call__(self, completions, log_metric: Callable[[str, float], None] | None = None, **columns):
        """Return λ times the reward of each completion, and remember the rewards for the next `ascend`."""
        values = self.reward(completions, **columns)
        applying = [value for value in values if value is not None]
        self._sum, self._count = self._sum + sum(applying), self._count + len(applying)
        if log_metric:
            log_metric(f"constraints/{self.name}/multiplier", self.multiplier)
        if log_metric and applying:
            log_metric(f"constraints/{self.name}/met", sum(applying) / len(applying))
        return [None if value is None else self.multiplier * value for value in values]

    def ascend(self) -> None:
        """Move λ by what the rewards since the last call missed, over all processes; each has to call this."""
        observed = torch.tensor([self._sum, self._count], dtype=torch.float64, device=PartialState().device)
        total, count = reduce(observed, "sum").tolist()
        if count:
            missing = self.target - total / count
            self.multiplier = min(self.limit, max(0.0, self.multiplier + self.step * missing))
        self.forget()

    def forget(self) -> None:
        """Drop the rewards since the last `ascend`."""
        self._sum, self._count = 0.0, 0


class DualAscent(TrainerCallback, ExportableState):
    """Moves the multipliers of constraints once per optimiser step; they are saved and restored with checkpoints.

    Saved as every `ExportableState` is, in `trainer_state.json`. Restored here and not by
    `restore_callback_states_from_checkpoint`, which makes a new callback that knows nothing of the reward functions.
    """

    def __init__(self, constraints: Sequence[LagrangianConstraint]):
        """Take the constraints, the same objects that are the trainer's reward functions."""
        self.constraints = constraints

    def state(self) -> dict:
        """Return what a checkpoint holds."""
        multipliers = {constraint.name: constraint.multiplier for constraint in self.constraints}
        return {"args": {}, "attributes": {"multipliers": multipliers}}

    def on_train_begin(self, args, state, control, **kwargs):
        """Take the multipliers of the checkpoint from which training goes on."""
        saved = state.stateful_callbacks.setdefault(type(self).__name__, self.state())
        for constraint in self.constraints:
            constraint.multiplier = saved["attributes"]["multipliers"].get(constraint.name, constraint.multiplier)

    def on_step_end(self, args, state, control, **kwargs):
        """Ascend."""
        for constraint in self.constraints:
            constraint.ascend()

    def on_evaluate(self, args, state, control, **kwargs):
        """Leave the completions of an evaluation out of account."""
        for constraint in self.constraints:
            constraint.forget()
