"""Scale router (paper, section 4): experts and router train together on all scales, with learned gates.

Example:
    accelerate launch trl_recipes/router.py --config trl_recipes/configs/router_tiny.yaml \
        --dataset build/data --model_name_or_path build/experts --output_dir build/router
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import TrainerCallback

from dataset_builders.taxonomy import SCALE_NAMES
from modeling_spacevista import load_balance_loss, router_z_loss
from trl_recipes.arguments import RouterArguments
from trl_recipes.gate_statistics import GateStatistics, count
from trl_recipes.module_groups import EXPERTS, ROUTER
from trl_recipes.stage import run_stage
from trl_recipes.supervised import SupervisedConfig, SupervisedTrainer, build_supervised_trainer

FILE_NAME = "gates.json"


class RouterTrainer(SupervisedTrainer):
    """The only change w.r.t. `SupervisedTrainer` is what it does with the router's logits, losses and statistics.

    TRL computes the loss from the inner model, past the losses that `SpaceVistaForConditionalGeneration` adds in its
    own forward pass; so the logits are taken from the routers as they come by. The weights of the losses are those of
    the model's configuration.
    """

    def __init__(self, model, *args, **kwargs):
        """Take what `SupervisedTrainer` takes; the model is a SpaceVista with learned gates."""
        super().__init__(model, *args, **kwargs)
        self.statistics = {mode: GateStatistics(SCALE_NAMES, model.config.expert_scales) for mode in ("train", "eval")}
        self._logits: list[torch.Tensor] | None = None
        last = [module for name, module in self.model.named_modules() if name.endswith(".router.down")]
        self._num_routers = len(last)
        for module in last:
            module.register_forward_hook(self._record)
        self.add_callback(_ForgetAtEpoch(self.statistics["train"]))

    def _record(self, module, inputs, logits):
        # Not while gradient checkpointing computes a layer again, in the backward pass.
        if self._logits is not None:
            self._logits.append(logits)

    def evaluate(self, *args, **kwargs):
        """Begin the statistics of the evaluation anew; as in `SFTTrainer.evaluate`."""
        self.statistics["eval"].reset()
        return super().evaluate(*args, **kwargs)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Add the router's losses to that of the replies; arguments and result as in `SFTTrainer.compute_loss`."""
        inputs = dict(inputs)
        labels, mask = inputs.pop("scale_labels"), inputs.get("attention_mask")
        self._logits = []
        try:
            result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            # Asked for outputs, TRL runs the model a second time.
            logits = torch.stack(self._logits[: self._num_routers])
        finally:
            self._logits = None
        self._log_gates(logits.detach(), labels, mask)
        # Means over a batch; where the loss is a sum over all that is accumulated, each is a part of it.
        steps = 1 if num_items_in_batch is None else self.current_gradient_accumulation_steps
        added = self._router_loss(logits, mask) / steps
        return (result[0] + added, result[1]) if return_outputs else result + added

    def _router_loss(self, logits, mask):
        config, mode = self.model.config, "train" if self.model.training else "eval"
        total = logits.new_zeros(())
        for name, weight, loss in (
            ("load_balance", config.router_aux_loss_coef, lambda: load_balance_loss(logits.softmax(-1), mask)),
            ("router_z", config.router_z_loss_coef, lambda: router_z_loss(logits, mask)),
        ):
            if weight:
                value = loss()
                self._metrics[mode][f"{name}_loss"].append(self.accelerator.reduce(value.detach(), "mean").item())
                total = total + weight * value
        return total

    def _log_gates(self, logits, labels, mask):
        mode, statistics = ("train" if self.model.training else "eval"), self.statistics
        top, entropy, tokens = (
            self.accelerator.reduce(c, "sum") for c in count(logits, labels, mask, len(SCALE_NAMES))
        )
        statistics[mode].add(top, entropy, int(tokens))
        metrics = self._metrics[mode]
        metrics["gates/entropy"].append((entropy / tokens).mean().item())
        for scale, counts in zip(SCALE_NAMES, top.tolist(), strict=True):
            for expert, number in zip(self.model.config.expert_scales, counts, strict=True):
                if sum(counts):
                    metrics[f"gates/{scale}/{expert}"].append(number / sum(counts))


class _ForgetAtEpoch(TrainerCallback):
    """Begins the statistics anew with each epoch, so that they tell of the router as it is in the end."""

    def __init__(self, statistics: GateStatistics):
        self._statistics = statistics

    def on_epoch_begin(self, args, state, control, **kwargs):
        self._statistics.reset()


def build_trainer(recipe: RouterArguments, training: SupervisedConfig) -> RouterTrainer:
    """Put dataset, model and collator into a trainer.

    Raises:
        InputError: if the dataset or the model cannot be used.
    """
    trainer = build_supervised_trainer(
        recipe,
        training,
        trainer_class=RouterTrainer,
        default_modules=[EXPERTS, ROUTER],
        gate_mode="router",
        scale_labels=lambda config: {name: place for place, name in enumerate(SCALE_NAMES)},
        scale_fix="rebuild the dataset, or give --scales",
    )
    for name, given in (
        ("router_aux_loss_coef", recipe.load_balance_coef),
        ("router_z_loss_coef", recipe.z_loss_coef),
    ):
        if given is not None:
            setattr(trainer.model.config, name, given)
    return trainer


def write_gates(trainer: RouterTrainer) -> str:
    """Write entropy and confusion matrix of the last epoch, and of the last evaluation, and return them as a table."""
    tables = {mode: statistics for mode, statistics in trainer.statistics.items() if statistics.num_tokens}
    if trainer.is_world_process_zero():
        text = json.dumps({mode: statistics.to_dict() for mode, statistics in tables.items()}, indent=2)
        (Path(trainer.args.output_dir) / FILE_NAME).write_text(text + "\n", encoding="utf-8")
    return "".join(f"{mode}\n{statistics.table()}" for mode, statistics in tables.items())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; see `run_stage`."""
    return run_stage("router", RouterArguments, SupervisedConfig, build_trainer, argv, write_gates)


if __name__ == "__main__":
    sys.exit(main())
