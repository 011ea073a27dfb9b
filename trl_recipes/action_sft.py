"""Vision-language-action model (VST, section 3.2): supervised fine-tuning on demonstrations of a robot.

Example:
    accelerate launch trl_recipes/action_sft.py --config trl_recipes/configs/actions_tiny.yaml \
        --dataset build/demonstrations --model_name_or_path build/base --output_dir build/policy
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from datasets import Dataset
from transformers import PreTrainedModel, ProcessorMixin

from dataset_builders.errors import InputError
from trl_recipes.actions.arguments import ActionArguments
from trl_recipes.actions.codec import FILE_NAME, ActionCodec, reserved_tokens
from trl_recipes.actions.demonstrations import load_demonstrations
from trl_recipes.actions.encoder import ActionEncoder
from trl_recipes.encoding import BadRows
from trl_recipes.models import load_model
from trl_recipes.stage import run_stage
from trl_recipes.supervised import SupervisedConfig, SupervisedTrainer, assemble_trainer, check_settings


def build_trainer(recipe: ActionArguments, training: SupervisedConfig) -> SupervisedTrainer:
    """Put demonstrations, model and collator into a trainer.

    Raises:
        InputError: if the demonstrations or the model cannot be used.
    """
    check_settings(recipe, training)
    if training.eval_strategy != "no":
        fix = "leave it out; how often a policy succeeds is measured by acting"
        raise InputError("arguments", "eval_strategy", "is given, but no steps are held out", fix)
    rows, counts = load_demonstrations(recipe.dataset)
    model, processor = load_model(recipe, rows, training)
    codec = choose_codec(recipe.model_name_or_path, model, processor, rows)
    encoder = ActionEncoder(
        processor,
        model.config,
        frames=None,
        max_length=training.max_length,
        bad_rows=BadRows(recipe.on_bad_video),
        codec=codec,
        image_size=recipe.image_size,
    )
    trainer = assemble_trainer(recipe, training, model, encoder, rows)
    if trainer.is_world_process_zero():
        sys.stdout.write(str(counts))
    return trainer


def choose_codec(name: str, model: PreTrainedModel, processor: ProcessorMixin, rows: Dataset) -> ActionCodec:
    """Return the bins that the model was trained with, if it was, whose tokens mean something to it; else new ones.

    Raises:
        InputError: if it was trained with actions of another size, or has no tokens for actions.
    """
    actions = np.array(rows["action"])
    if not (Path(name) / FILE_NAME).is_file():
        return ActionCodec.fit(actions, reserved_tokens(processor.tokenizer, model.config))
    codec = ActionCodec.load(name)
    if codec.size != actions.shape[1]:
        problem = f"is of {codec.size} dimensions, the demonstrations of {actions.shape[1]}"
        raise InputError(Path(name) / FILE_NAME, "dimensions", problem, "start from a model without actions")
    return codec


def save_codec(trainer: SupervisedTrainer) -> str:
    """Write `actions.json` beside the model to come; return what to print."""
    codec = trainer.data_collator.encoder.codec
    if trainer.is_world_process_zero():
        codec.save(trainer.args.output_dir)
    return f"{codec.size} dimensions in {codec.num_bins} bins each, tokens {codec.tokens.start} … {codec.tokens[-1]}\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; see `run_stage`."""
    return run_stage("actions", ActionArguments, SupervisedConfig, build_trainer, argv, save_codec)


if __name__ == "__main__":
    sys.exit(main())
