"""What every stage does round its trainer: check, announce, train, save, record; and one line on bad input."""

import os
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from transformers import Trainer
from transformers.integrations import TensorBoardCallback, get_available_reporting_integrations
from trl import GRPOConfig

from dataset_builders.errors import InputError
from trl_recipes.arguments import RecipeArguments, parse_arguments
from trl_recipes.distributed import check_processes, check_sharding, check_stage
from trl_recipes.dry_run import describe
from trl_recipes.model_card import write_model_card
from trl_recipes.models import restore_dtype, trainable_table
from trl_recipes.time_left import TimeLeft
from trl_recipes.training_record import record_stage

Build = Callable[..., Trainer]
Finish = Callable[[Trainer], str]


def run_stage(
    name: str,
    recipe_class: type,
    training_class: type,
    build: Build,
    argv: Sequence[str] | None,
    finish: Finish | None = None,
) -> int:
    """Run a stage from the command line.

    Args:
        name: `sft`, `experts`, `router` or `grpo`.
        recipe_class: `RecipeArguments` or a subclass.
        training_class: The configuration class of the trainer.
        build: Turns (recipe, training arguments) into a trainer.
        argv: The command line, without the program.
        finish: Called after the training and before the model is saved, in every process; returns what to print.

    Returns:
        The exit code: 0, or 2 on bad input after one line on stderr.
    """
    # TRL and transformers 5.17 know this setting by the name that newer ones call deprecated.
    warnings.filterwarnings("ignore", ".*gradient_checkpointing.* is deprecated", FutureWarning)
    trains = False
    try:
        recipe, training = parse_arguments(recipe_class, training_class, argv)
        check_processes(training.world_size, training.n_gpu)
        generates = isinstance(training, GRPOConfig) and not training.use_vllm
        check_stage(getattr(training.deepspeed_plugin, "zero_stage", None), recipe.model_name_or_path, generates)
        _check_reports(training.report_to)
        if recipe.dry_run:
            _dry_run(recipe, training, build)
            return 0
        trainer = _checked(build(recipe, training))
        trains = True
        _train(name, recipe, trainer, finish)
    except InputError as error:
        # What is wrong from the start is so for every process of a machine; in training, one may meet a bad row.
        if trains or os.environ.get("LOCAL_RANK", "0") == "0":
            # A progress bar leaves its line open.
            sys.stderr.write(f"\nerror: {error}\n" if trains else f"error: {error}\n")
        return 2
    return 0


def _check_reports(names: Sequence[str]) -> None:
    known = get_available_reporting_integrations()
    for name in names:
        if name not in known:
            fix = f"give one of none, {', '.join(known)}; trackio comes by pip install trackio"
            raise InputError("arguments", "report_to", f"{name!r} is not installed or not known", fix)


def _checked(trainer: Trainer) -> Trainer:
    check_sharding(trainer.accelerator.distributed_type)
    return trainer


def _dry_run(recipe: RecipeArguments, training, build: Build) -> None:
    """Build everything and look at one batch; what a trainer makes of its output folder goes away again."""
    with TemporaryDirectory() as folder:
        training.output_dir, training.report_to = folder, []
        trainer = _checked(build(recipe, training))
        _announce(recipe, trainer)
        text = describe(trainer)
        if trainer.is_world_process_zero():
            sys.stdout.write(text)


def _train(name: str, recipe: RecipeArguments, trainer: Trainer, finish: Finish | None) -> None:
    output = Path(trainer.args.output_dir)
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback):
            # Else the folder is named after the machine.
            callback.logging_dir = callback.logging_dir or str(output / "runs")
    _announce(recipe, trainer)
    trainer.add_callback(TimeLeft(trainer))
    started = time.monotonic()
    trainer.train(resume_from_checkpoint=trainer.args.resume_from_checkpoint)
    seconds = time.monotonic() - started
    report = finish(trainer) if finish else ""
    restore_dtype(trainer.model, recipe, trainer.args)
    trainer.save_model()
    if trainer.is_world_process_zero():
        sys.stdout.write(report)
        # A pickle of the arguments, with this machine's paths; training.json says the same readably.
        (output / "training_args.bin").unlink(missing_ok=True)
        write_model_card(str(output / "README.md"), record_stage(name, recipe, trainer, seconds))


def _announce(recipe: RecipeArguments, trainer: Trainer) -> None:
    if trainer.is_world_process_zero():
        rates = getattr(trainer, "learning_rates", {})
        sys.stdout.write(trainable_table(trainer.model, rates, trainer.args.learning_rate))
        sys.stdout.flush()
