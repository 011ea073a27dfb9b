"""Scale experts (paper, section 4): each trains on the questions of its scale, with the gates forced to it.

Example:
    accelerate launch trl_recipes/experts.py --config trl_recipes/configs/experts_tiny.yaml \
        --dataset build/data --model_name_or_path build/sft --output_dir build/experts
"""

import sys
from collections.abc import Mapping, Sequence

from transformers import PretrainedConfig

from dataset_builders.errors import InputError
from trl_recipes.arguments import ExpertArguments
from trl_recipes.module_groups import EXPERTS
from trl_recipes.scale_labels import COLUMN, GroupByScaleSampler, scale_names
from trl_recipes.stage import run_stage
from trl_recipes.supervised import SupervisedConfig, SupervisedTrainer, build_supervised_trainer

FIX = 'give --scales to train on those that have an expert, or --scale_experts \'{"drone": "outdoor"}\' to share one'


class ExpertTrainer(SupervisedTrainer):
    """The only change w.r.t. `SupervisedTrainer` is that every batch of every process, unless packed, is of one scale.

    One run trains all experts: the stacked tensors get a gradient in the rows of the batch's expert alone. Between the
    batches of an expert AdamW moves it on a little, by what its moments remember.
    """

    def _get_train_sampler(self, train_dataset=None):
        rows = self.train_dataset if train_dataset is None else train_dataset
        if COLUMN not in rows.column_names:  # packed rows, whose tokens have labels of their own
            return super()._get_train_sampler(train_dataset)
        names = scale_names(rows)
        return GroupByScaleSampler(names, self.args.per_device_train_batch_size, self.args.seed)


def build_trainer(recipe: ExpertArguments, training: SupervisedConfig) -> ExpertTrainer:
    """Put dataset, model and collator into a trainer.

    Raises:
        InputError: if the dataset or the model cannot be used, or a question's scale has no expert.
    """
    return build_supervised_trainer(
        recipe,
        training,
        trainer_class=ExpertTrainer,
        default_modules=[EXPERTS],
        gate_mode="forced",
        scale_labels=lambda config: expert_labels(config, recipe.scale_experts),
        scale_fix=FIX,
    )


def expert_labels(config: PretrainedConfig, shared: Mapping[str, str]) -> dict[str, int]:
    """Return the place of the expert of each scale: that of its name, or that which it shares.

    Args:
        config: A `SpaceVistaConfig`.
        shared: Name of the expert of a scale that has none of its own.

    Raises:
        InputError: if there is no such expert.
    """
    labels = {name: place for place, name in enumerate(config.expert_scales)}
    for scale, expert in shared.items():
        if expert not in config.expert_scales:
            problem = f"sends {scale} to {expert!r}, which is no expert"
            raise InputError("arguments", "scale_experts", problem, f"choose of {', '.join(config.expert_scales)}")
    return {**labels, **{scale: labels[expert] for scale, expert in shared.items()}}


def open_gates(trainer: ExpertTrainer) -> str:
    """Save the model with uniform gates: it is asked without labels, and its router has learned nothing yet."""
    trainer.model.config.gate_mode = "uniform"
    return 'the model is saved with gate_mode "uniform", the mean of its experts, until router.py trains its router\n'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; see `run_stage`."""
    return run_stage("experts", ExpertArguments, SupervisedConfig, build_trainer, argv, open_gates)


if __name__ == "__main__":
    sys.exit(main())
