"""Reinforcement learning (paper, Eq. 3 and 4): GRPO with anchored rewards on video questions.

Example:
    accelerate launch trl_recipes/grpo.py --config trl_recipes/configs/grpo_tiny.yaml \
        --dataset build/data --model_name_or_path build/sft --output_dir build/grpo
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import lcm

from datasets import Dataset
from PIL import Image
from transformers import PreTrainedModel
from trl import GRPOConfig

from dataset_builders.conversation import FrameStore
from dataset_builders.errors import InputError
from trl_recipes.arguments import GrpoRecipeArguments, read_mix
from trl_recipes.data import SPLIT, VALIDATION, each_turn, grpo_prompts, load_questions
from trl_recipes.data_callbacks import BadRowsReport
from trl_recipes.encoding import BadRows
from trl_recipes.experts import expert_labels
from trl_recipes.grpo_mix import GeneralPrompts, mixed_prompts
from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer
from trl_recipes.models import load_model
from trl_recipes.readable import ReadableQuestions
from trl_recipes.rewards import (
    AnchoredReward,
    DualAscent,
    LagrangianConstraint,
    SentenceEncoder,
    answer_reward,
    consistency_reward,
    format_reward,
    grounding_reward,
    scale_reward,
    semantic_reward,
)
from trl_recipes.sampling import QuestionDraws, ease_of_margins, task_names
from trl_recipes.scale_labels import ScaleLabel, check_scales
from trl_recipes.selective_grpo import SelectiveGRPOTrainer
from trl_recipes.stage import run_stage
from trl_recipes.vllm_rollout import INSTALL, vllm_is_installed

# R_c + R_format; the three anchors alone are there to be logged.
REWARD_WEIGHTS = [1.0, 1.0, 0.0, 0.0, 0.0]


class Visuals:
    """Finds the frames of a question by its id, and pictures and frames of general data by their reference."""

    def __init__(self, splits: Sequence[Dataset], frames: FrameStore, general: Sequence[GeneralPrompts] = ()):
        """Index the questions of all splits."""
        self._frames, self._general = frames, general
        self._places = {name: (split, row) for split in splits for row, name in enumerate(split["id"])}

    def __call__(self, reference: str) -> list[Image.Image] | Image.Image:
        """Return frames, with the marks of the question drawn, or a picture."""
        if reference in self._places:
            split, row = self._places[reference]
            return self._frames.frames(split[row])
        _, source, row, kind, number = reference.split("/")
        return self._general[int(source)].visual(int(row), kind, int(number))


def build_trainer(recipe: GrpoRecipeArguments, training: GRPOConfig) -> SpaceVistaGRPOTrainer:
    """Put dataset, model and rewards into a trainer.

    Raises:
        InputError: if the dataset, the model or the encoder cannot be used.
    """
    questions = each_turn(load_questions(recipe.dataset, recipe.num_frames))
    _check(recipe, training, len(questions))
    splits = [questions]
    if training.eval_strategy != "no":
        validation = each_turn(load_questions(recipe.dataset, recipe.num_frames, VALIDATION))
        splits.append(_spread(validation, recipe.max_eval_questions or len(validation)))
    names = "+".join((SPLIT, VALIDATION)[: len(splits)])
    frames = FrameStore(recipe.dataset, names, recipe.num_frames, recipe.cache_mib * 2**20)
    rewards = _reward_functions(recipe)
    bad_rows, mix = BadRows(recipe.on_bad_video), read_mix(recipe.mix)
    general = [GeneralPrompts(source.path, place, bad_rows) for place, source in enumerate(mix)]
    model, processor = load_model(recipe, questions, training)
    constraints = [reward for reward in rewards if isinstance(reward, LagrangianConstraint)]
    training.reward_weights = _reward_weights(recipe, training.reward_weights)
    training.remove_unused_columns = False
    _check_anchors(recipe, questions, rewards, training.reward_weights)
    selects = recipe.resample_rounds or recipe.weigh_tasks or recipe.curriculum
    prompts = [grpo_prompts(split, ReadableQuestions(split, frames, bad_rows)) for split in splits]
    if mix:
        prompts[0] = mixed_prompts(prompts[0], general, mix, training.seed)
    visuals = Visuals(splits, frames, general)
    build = partial(_selective_trainer, recipe, questions) if selects else SpaceVistaGRPOTrainer
    return build(
        model,
        args=training,
        load_video=visuals,
        load_image=visuals,
        scale_label=_scale_label(recipe, model, splits),
        reward_funcs=rewards,
        train_dataset=prompts[0],
        eval_dataset=prompts[1] if prompts[1:] else None,
        processing_class=processor,
        callbacks=[BadRowsReport(bad_rows), *([DualAscent(constraints)] if constraints else [])],
    )


def _check(recipe: GrpoRecipeArguments, training: GRPOConfig, num_questions: int) -> None:
    if training.beta and not recipe.model_name_or_path:
        fix = "give --model_name_or_path, from which the reference model is loaded again, or --beta 0"
        raise InputError("arguments", "beta", f"is {training.beta} for a model from scratch", fix)
    if training.use_vllm and not vllm_is_installed():
        raise InputError("arguments", "use_vllm", "vLLM is not installed", INSTALL)
    if training.reward_weights and len(training.reward_weights) != len(REWARD_WEIGHTS):
        fix = "give one each for the anchored, format, answer, semantic and scale reward"
        raise InputError("arguments", "reward_weights", f"has {len(training.reward_weights)} values", fix)
    if recipe.consistency_target and training.restore_callback_states_from_checkpoint:
        fix = "leave it out: the multiplier of the constraint comes back without it"
        raise InputError("arguments", "restore_callback_states_from_checkpoint", "parts constraint and reward", fix)
    if recipe.mix and (recipe.weigh_tasks or recipe.curriculum):
        fix = "leave out weigh_tasks and curriculum, or mix"
        raise InputError("arguments", "mix", "is data without tasks and margins", fix)
    if recipe.mix and training.use_vllm:
        raise InputError("arguments", "mix", "holds pictures, which do not reach vLLM", "leave out use_vllm or mix")
    prompts = training.generation_batch_size // training.num_generations
    if num_questions < prompts:
        fix = f"a step takes {prompts}: build a larger dataset or lower --per_device_train_batch_size"
        raise InputError(recipe.dataset, f"split {SPLIT}", f"has {num_questions} questions", fix)
    local = training.per_device_train_batch_size * training.steps_per_generation
    if recipe.resample_rounds and local % training.num_generations:
        fix = f"let the {local} replies of a process be a multiple of the {training.num_generations} of a group"
        raise InputError("arguments", "resample_rounds", "needs whole groups on each process", fix)
    # A checkpoint does not hold the replies that the steps until the next generation would learn from.
    passes = training.gradient_accumulation_steps
    window = lcm(training.steps_per_generation * training.num_iterations, passes) // passes
    if training.save_strategy == "steps" and window > 1 and training.save_steps % window:
        fix = f"give a multiple of {window}, or a resumed run would not go on as it would have"
        raise InputError("arguments", "save_steps", f"is {training.save_steps}, amid what one generation serves", fix)


def _check_anchors(recipe: GrpoRecipeArguments, questions: Dataset, rewards: list, weights: Sequence[float]) -> None:
    """Refuse to weigh an anchor's reward where no question has the anchor."""
    has = {
        "semantic_reward": lambda anchors: anchors["semantics"],
        "scale_reward": lambda anchors: anchors["scale_value"] is not None,
    }
    for reward, weight in zip(rewards, weights, strict=True):
        name = getattr(getattr(reward, "func", reward), "__name__", "")
        if weight and name in has and not any(map(has[name], questions["anchors"])):
            problem = f"gives {name} {weight:g}, but none of the {len(questions)} questions has that anchor"
            raise InputError(recipe.dataset, "reward_weights", problem, "give it 0, or build the dataset again")


def _selective_trainer(recipe: GrpoRecipeArguments, questions: Dataset, *arguments, args: GRPOConfig, **kwargs):
    draws = QuestionDraws(
        len(kwargs["train_dataset"]),
        args.seed,
        tasks=task_names(questions) if recipe.weigh_tasks else None,
        ease=ease_of_margins(questions) if recipe.curriculum else None,
        curriculum=recipe.curriculum or 1.0,
    )
    return SelectiveGRPOTrainer(*arguments, args=args, draws=draws, resample_rounds=recipe.resample_rounds, **kwargs)


def _scale_label(
    recipe: GrpoRecipeArguments, model: PreTrainedModel, splits: Sequence[Dataset]
) -> Callable[[dict], int] | None:
    """Return what tells the expert of a row, if the model's gates are forced by its scale."""
    if getattr(model.config, "gate_mode", None) != "forced":
        return None
    if recipe.mix:
        fix = "train the router first, or leave out mix"
        raise InputError("arguments", "mix", "is data without scales, which forced gates need", fix)
    labels = expert_labels(model.config, {})
    for questions in splits:
        check_scales(questions, labels, recipe.dataset, "train the router first, or give a model with router gates")
    return ScaleLabel(labels, splits[0].features["scale"])


def _spread(questions: Dataset, number: int) -> Dataset:
    """Keep so many questions, evenly over the split, which lies scene by scene."""
    number = min(number, len(questions))
    return questions.select([place * len(questions) // number for place in range(number)])


def _reward_functions(recipe: GrpoRecipeArguments) -> list:
    """Return the rewards of `REWARD_WEIGHTS` and after them those that are switched on."""
    encoder = SentenceEncoder(recipe.semantic_encoder).load()
    answer = partial(answer_reward, smooth=recipe.smooth_numbers)
    anchored = AnchoredReward(encoder, recipe.anchor_weights, recipe.anchor_combination, answer)
    rewards = [anchored, format_reward, answer, partial(semantic_reward, encoder=encoder), scale_reward]
    if recipe.consistency_target:
        rewards.append(LagrangianConstraint(consistency_reward, recipe.consistency_target))
    return [*rewards, grounding_reward] if recipe.grounding_weight else rewards


def _reward_weights(recipe: GrpoRecipeArguments, weights: list[float] | None) -> list[float]:
    """Add to the weights those of the rewards that are switched on; a constraint weighs itself."""
    constraint = [1.0] if recipe.consistency_target else []
    grounding = [recipe.grounding_weight] if recipe.grounding_weight else []
    return [*(weights or REWARD_WEIGHTS), *constraint, *grounding]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; see `run_stage`."""
    return run_stage("grpo", GrpoRecipeArguments, GRPOConfig, build_trainer, argv)


if __name__ == "__main__":
    sys.exit(main())
