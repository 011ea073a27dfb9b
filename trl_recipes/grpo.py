"""Reinforcement learning (paper, Eq. 3 and 4): GRPO with anchored rewards on video questions.

Example:
    accelerate launch trl_recipes/grpo.py --config trl_recipes/configs/grpo_tiny.yaml \
        --dataset build/data --model_name_or_path build/sft --output_dir build/grpo
"""

import sys
from collections.abc import Sequence
from functools import partial

from datasets import Dataset
from PIL import Image
from trl import GRPOConfig

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from trl_recipes.arguments import GrpoRecipeArguments
from trl_recipes.data import SPLIT, VALIDATION, grpo_prompts, load_questions
from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer
from trl_recipes.models import load_model
from trl_recipes.rewards import (
    AnchoredReward,
    SentenceEncoder,
    answer_reward,
    format_reward,
    scale_reward,
    semantic_reward,
)
from trl_recipes.stage import run_stage

# R_c + R_format; the three anchors alone are there to be logged.
REWARD_WEIGHTS = [1.0, 1.0, 0.0, 0.0, 0.0]


class QuestionVideos:
    """Finds the frames of a question by its id."""

    def __init__(self, splits: Sequence[Dataset], frames: FrameStore):
        """Index the questions of all splits."""
        self._frames = frames
        self._places = {name: (split, row) for split in splits for row, name in enumerate(split["id"])}

    def __call__(self, question: str) -> list[Image.Image]:
        """Return the frames, with the marks of the question drawn."""
        split, row = self._places[question]
        return self._frames.frames(split[row])


def build_trainer(recipe: GrpoRecipeArguments, training: GRPOConfig) -> SpaceVistaGRPOTrainer:
    """Put dataset, model and rewards into a trainer.

    Raises:
        InputError: if the dataset, the model or the encoder cannot be used.
    """
    questions = load_questions(recipe.dataset, recipe.num_frames)
    _check(recipe, training, len(questions))
    splits = [questions]
    if training.eval_strategy != "no":
        splits.append(load_questions(recipe.dataset, recipe.num_frames, VALIDATION))
    names = "+".join((SPLIT, VALIDATION)[: len(splits)])
    frames = FrameStore(recipe.dataset, names, recipe.num_frames, recipe.cache_scenes)
    rewards = _reward_functions(recipe)
    model, processor = load_model(recipe, questions, training)
    training.reward_weights = training.reward_weights or REWARD_WEIGHTS
    training.remove_unused_columns = False
    return SpaceVistaGRPOTrainer(
        model,
        args=training,
        load_video=QuestionVideos(splits, frames),
        reward_funcs=rewards,
        train_dataset=grpo_prompts(questions),
        eval_dataset=grpo_prompts(splits[1]) if splits[1:] else None,
        processing_class=processor,
    )


def _check(recipe: GrpoRecipeArguments, training: GRPOConfig, num_questions: int) -> None:
    if training.beta and not recipe.model_name_or_path:
        fix = "give --model_name_or_path, from which the reference model is loaded again, or --beta 0"
        raise InputError("arguments", "beta", f"is {training.beta} for a model from scratch", fix)
    if training.use_vllm:
        raise InputError("arguments", "use_vllm", "TRL's vLLM rollouts take images but no video", "leave it out")
    if training.reward_weights and len(training.reward_weights) != len(REWARD_WEIGHTS):
        fix = "give one each for the anchored, format, answer, semantic and scale reward"
        raise InputError("arguments", "reward_weights", f"has {len(training.reward_weights)} values", fix)
    prompts = training.generation_batch_size // training.num_generations
    if num_questions < prompts:
        fix = f"a step takes {prompts}: build a larger dataset or lower --per_device_train_batch_size"
        raise InputError(recipe.dataset, f"split {SPLIT}", f"has {num_questions} questions", fix)


def _reward_functions(recipe: GrpoRecipeArguments) -> list:
    encoder = SentenceEncoder(recipe.semantic_encoder).load()
    anchored = AnchoredReward(encoder, recipe.anchor_weights, recipe.anchor_combination)
    return [anchored, format_reward, answer_reward, partial(semantic_reward, encoder=encoder), scale_reward]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; see `run_stage`."""
    return run_stage("grpo", GrpoRecipeArguments, GRPOConfig, build_trainer, argv)


if __name__ == "__main__":
    sys.exit(main())
