"""Cold start (paper, section 4): supervised fine-tuning on questions with their reasoning, by TRL's SFTTrainer.

Example:
    accelerate launch trl_recipes/sft.py --config trl_recipes/configs/sft_tiny.yaml \
        --dataset build/data --output_dir build/sft
"""

import sys
from collections.abc import Sequence

from trl import SFTConfig, SFTTrainer

from dataset_builders.conversation import FrameStore
from trl_recipes.arguments import RecipeArguments
from trl_recipes.data import SPLIT, ReplyCollator, load_questions
from trl_recipes.models import load_model
from trl_recipes.stage import run_stage


def build_trainer(recipe: RecipeArguments, training: SFTConfig) -> SFTTrainer:
    """Put dataset, model and collator into a trainer.

    Raises:
        InputError: if the dataset or the model cannot be used.
    """
    questions = load_questions(recipe.dataset, recipe.num_frames)
    frames = FrameStore(recipe.dataset, SPLIT, recipe.num_frames, recipe.cache_scenes)
    model, processor = load_model(recipe, questions, training.seed, training.trust_remote_code)
    # The collator makes batches out of rows; a cut sequence would lose visual tokens.
    training.remove_unused_columns, training.max_length = False, None
    training.dataset_kwargs = {"skip_prepare_dataset": True}
    return SFTTrainer(
        model,
        args=training,
        train_dataset=questions,
        processing_class=processor,
        data_collator=ReplyCollator(processor, model.config, frames.frames, recipe.with_rationale),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; see `run_stage`."""
    return run_stage("sft", RecipeArguments, SFTConfig, build_trainer, argv)


if __name__ == "__main__":
    sys.exit(main())
