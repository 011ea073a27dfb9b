"""GRPO that chooses what it asks."""

from collections.abc import Iterator

import numpy as np
import torch
from trl.trainer.utils import pad

from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer
from trl_recipes.sampling import QuestionDraws

# Rewards of a group that differ by less teach nothing: it is rounding.
SAME_REWARD = 1e-6


class SelectiveGRPOTrainer(SpaceVistaGRPOTrainer):
    """The only change w.r.t. `SpaceVistaGRPOTrainer` is which questions a step asks.

    `QuestionDraws` choose them by curriculum and weakness. A group whose replies all earn the same, all right or all
    wrong, has no advantage to learn from: as in DAPO's dynamic sampling, other questions are asked in the place of
    such groups, `resample_rounds` times at most; what is still missing then is filled up with groups of the first
    round. What a step asks depends on its number, the seed and the scores before, so a resumed run asks the same.
    """

    def __init__(self, model, *, args, draws: QuestionDraws, resample_rounds: int = 0, **kwargs):
        """Take what `SpaceVistaGRPOTrainer` takes, and more.

        Args:
            model: As in the parent.
            args: As in the parent.
            draws: Chooses rows of the training dataset.
            resample_rounds: How often a step may ask again.
            **kwargs: As in the parent.

        Raises:
            ValueError: if groups cannot be exchanged, because processes share them.
        """
        local = args.per_device_train_batch_size * args.steps_per_generation
        if resample_rounds and local % args.num_generations:
            raise ValueError(
                f"resample_rounds needs whole groups on each process, got {local} replies for num_generations "
                f"{args.num_generations}; raise gradient_accumulation_steps or per_device_train_batch_size"
            )
        self._draws, self._resample_rounds = draws, resample_rounds
        super().__init__(model, args=args, **kwargs)
        self.add_callback(draws)

    def _generate_and_score_completions(self, inputs):
        if not self.model.training:
            return super()._generate_and_score_completions(inputs)
        number = len(inputs) * self.accelerator.num_processes // self.num_generations
        batch, teaches = self._ask(0, number, None if self._draws.replaces_loader else inputs)
        return self._exchange(batch, teaches) if self._resample_rounds else batch

    def _ask(self, attempt: int, number: int, inputs: list[dict] | None = None) -> tuple[dict, np.ndarray]:
        """Ask questions of all processes, drawn ones if none are given; return replies here, and which groups teach.

        Args:
            attempt: 0, and on for the questions asked in place of others.
            number: Groups of all processes.
            inputs: The rows of this process, each `num_generations` times.

        Returns:
            What TRL makes of the replies of this process, and (number,) whether the replies of a group differ.
        """
        rows = None
        if inputs is None:
            rows = self._draws.rows(self._moment(), attempt, number, self.state.global_step / self.state.max_steps)
            local = number * self.num_generations // self.accelerator.num_processes
            first = self.accelerator.process_index * local
            places = [rows[place // self.num_generations] for place in range(first, first + local)]
            read = {row: self.train_dataset[row] for row in sorted(set(places))}
            inputs = [dict(read[row]) for row in places]
        batch = super()._generate_and_score_completions(inputs)
        rewards = self._last_rewards(number)
        if rows is not None:
            self._draws.observe(rows, rewards.mean(1))
        return batch, np.ptp(rewards, axis=1) > SAME_REWARD

    def _exchange(self, batch: dict, teaches: np.ndarray) -> dict:
        """Put groups that teach in the place of those that do not, as far as `resample_rounds` go."""
        processes, here = self.accelerator.num_processes, self.accelerator.process_index
        groups = list(_groups(batch, self.num_generations))
        mine = teaches.reshape(processes, -1)[here]
        kept = [group for group, good in zip(groups, mine, strict=True) if good]
        rest = [group for group, good in zip(groups, mine, strict=True) if not good]
        lacking = (~teaches).reshape(processes, -1).sum(1)
        asked = 0
        while lacking.any() and asked < self._resample_rounds:
            asked += 1
            # As many for every process, because TRL gathers over them.
            more, teaches = self._ask(asked, int(lacking.max()) * processes)
            mine = teaches.reshape(processes, -1)
            kept += [
                group for group, good in zip(_groups(more, self.num_generations), mine[here], strict=True) if good
            ]
            lacking = np.maximum(lacking - mine.sum(1), 0)
        self._metrics["train"]["sampling/rounds"].append(1.0 + asked)
        self._metrics["train"]["sampling/teaching_groups"].append(1 - lacking.sum() / (len(groups) * processes))
        return self._joined([*kept, *rest][: len(groups)]) if asked else batch

    def _joined(self, groups: list[dict]) -> dict:
        batch = join_groups(groups, self._tokenizer.pad_token_id)
        # TRL counts the tokens of all processes and of the whole batch.
        tokens = self.accelerator.gather(batch["completion_mask"].sum()).sum()
        return {**batch, "num_items_in_batch": tokens}

    def _moment(self) -> int:
        """Number the pass within the training; `_step` begins at 0 again in a resumed one, at a whole step."""
        passes = self.args.gradient_accumulation_steps
        return self.state.global_step * passes + self._step % passes

    def _last_rewards(self, number: int) -> np.ndarray:
        """Return the weighted mean of the rewards that TRL logged last, in [0, 1] as they are: (number, group)."""
        count = number * self.num_generations
        columns = np.array([list(self._logs["rewards"][name])[-count:] for name in self.reward_func_names])
        weights = self.reward_weights.numpy()[:, None] * ~np.isnan(columns)
        total = (np.nan_to_num(columns) * weights).sum(0) / np.maximum(weights.sum(0), 1e-9)
        return total.reshape(number, self.num_generations)


def _groups(batch: dict, size: int) -> Iterator[dict]:
    """Cut a batch into the groups of replies to one question; numbers that hold for the whole batch are left out."""
    whole = {name: value for name, value in batch.items() if not torch.is_tensor(value) or value.ndim}
    for start in range(0, len(batch["completion_ids"]), size):
        yield {name: value[start : start + size] for name, value in whole.items()}


def join_groups(groups: list[dict], pad_token_id: int) -> dict:
    """Join batches of sequences: prompts (B, P) padded on the left, what belongs to replies (B, C) on the right.

    Args:
        groups: Of the same keys; tensors (B,) or (B, L), and lists of B.
        pad_token_id: What tokens are padded with; all else with 0.
    """
    joined = {}
    for name, first in groups[0].items():
        rows = [row for group in groups for row in group[name]]
        if not torch.is_tensor(first):
            joined[name] = rows
        elif first.ndim == 1:
            joined[name] = torch.stack(rows)
        else:
            side, value = "left" if name.startswith("prompt_") else "right", 0
            joined[name] = pad(rows, pad_token_id if name.endswith("_ids") else value, side)
    return joined
