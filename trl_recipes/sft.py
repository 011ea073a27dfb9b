"""Cold start (paper, section 4): supervised fine-tuning on questions with their reasoning, by TRL's SFTTrainer.

Example:
    accelerate launch trl_recipes/sft.py --config trl_recipes/configs/sft_tiny.yaml \
        --dataset build/data --output_dir build/sft
"""

import sys
from collections.abc import Sequence

from trl_recipes.arguments import SftArguments
from trl_recipes.stage import run_stage
from trl_recipes.supervised import SupervisedConfig, SupervisedTrainer, build_supervised_trainer


def build_trainer(recipe: SftArguments, training: SupervisedConfig) -> SupervisedTrainer:
    """Put dataset, model and collator into a trainer.

    Raises:
        InputError: if the dataset or the model cannot be used.
    """
    return build_supervised_trainer(recipe, training, gate_mode=recipe.gate_mode)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; see `run_stage`."""
    return run_stage("sft", SftArguments, SupervisedConfig, build_trainer, argv)


if __name__ == "__main__":
    sys.exit(main())
