"""What every stage does round its trainer: check, announce, train, save, record; and one line on bad input."""

import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from transformers import Trainer

from dataset_builders.errors import InputError
from trl_recipes.arguments import RecipeArguments, parse_arguments
from trl_recipes.models import trainable_table
from trl_recipes.training_record import record_stage

Build = Callable[..., Trainer]


def run_stage(name: str, recipe_class: type, training_class: type, build: Build, argv: Sequence[str] | None) -> int:
    """Run a stage from the command line.

    Args:
        name: `sft` or `grpo`.
        recipe_class: `RecipeArguments` or a subclass.
        training_class: The configuration class of the trainer.
        build: Turns (recipe, training arguments) into a trainer.
        argv: The command line, without the program.

    Returns:
        The exit code: 0, or 2 on bad input after one line on stderr.
    """
    # TRL and transformers 5.17 know this setting by the name that newer ones call deprecated.
    warnings.filterwarnings("ignore", ".*gradient_checkpointing.* is deprecated", FutureWarning)
    try:
        recipe, training = parse_arguments(recipe_class, training_class, argv)
        trainer = build(recipe, training)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    _train(name, recipe, trainer)
    return 0


def _train(name: str, recipe: RecipeArguments, trainer: Trainer) -> None:
    if trainer.is_world_process_zero():
        sys.stdout.write(trainable_table(trainer.model))
        sys.stdout.flush()
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=trainer.args.resume_from_checkpoint)
    seconds = time.monotonic() - started
    trainer.save_model()
    if trainer.is_world_process_zero():
        # A pickle of the arguments, with this machine's paths; training.json says the same readably.
        (Path(trainer.args.output_dir) / "training_args.bin").unlink(missing_ok=True)
        record_stage(name, recipe, trainer, seconds)
