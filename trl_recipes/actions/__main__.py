"""Command line: `python -m trl_recipes.actions demonstrate | base | rollout`, the toy world from end to end."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor, set_seed

from dataset_builders.errors import CommandParser, InputError, run_command
from modeling_spacevista import build_tiny_model
from trl_recipes.actions.codec import NUM_BINS
from trl_recipes.actions.encoder import action_prompt
from trl_recipes.actions.policy import ActionPolicy
from trl_recipes.actions.reaching import COLOURS, random_action
from trl_recipes.actions.rollout import success_rate, write_demonstrations

SIDE = 56
"""Pixels of a side of the pictures: four visual tokens."""
TEST_SEEDS = 1_000_000
"""Where the seeds of rollouts begin, so that none is that of a demonstration."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; see `run_command`."""
    options = _parser().parse_args(argv)
    return run_command(lambda: options.run(options), "; start again")


def demonstrate(options: argparse.Namespace) -> None:
    """Write demonstrations of the scripted expert.

    Raises:
        InputError: if the output folder is in use.
    """
    _require_empty(options.output)
    successes = write_demonstrations(options.output, range(options.seed, options.seed + options.episodes), SIDE)
    sys.stdout.write(f"{options.episodes} demonstrations, {successes} successful: {options.output}\n")


def base(options: argparse.Namespace) -> None:
    """Write a tiny Qwen2.5-VL from scratch with rows for the tokens of actions, as the large ones have them.

    Raises:
        InputError: if the output folder is in use.
    """
    _require_empty(options.output)
    model, processor = tiny_base(options.seed)
    model.save_pretrained(options.output)
    processor.save_pretrained(options.output)
    sys.stdout.write(f"{model.num_parameters():,} parameters: {options.output}\n")


def tiny_base(seed: int) -> tuple[Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor]:
    """Build a random Qwen2.5-VL and a processor that writes the instructions of the toy world in few tokens."""
    texts = [action_prompt(f"reach the {colour} block") for colour in COLOURS] * 3
    model, parts = build_tiny_model(texts, seed)
    config = model.config.backbone_config()
    config.text_config.vocab_size = len(parts.tokenizer) + NUM_BINS
    set_seed(seed)
    qwen = Qwen2_5_VLForConditionalGeneration(config)
    qwen.generation_config = model.generation_config
    template = parts.chat_template
    return qwen, Qwen2_5_VLProcessor(parts.image_processor, parts.tokenizer, parts.video_processor, template)


def rollout(options: argparse.Namespace) -> None:
    """Measure how often a model reaches its target, and how often chance does, on the same episodes.

    Raises:
        InputError: if the model has no actions.
    """
    seeds = range(TEST_SEEDS + options.seed, TEST_SEEDS + options.seed + options.episodes)
    policy = ActionPolicy.load(options.model, SIDE)
    generator = np.random.default_rng(options.seed)
    rates = {
        "model": success_rate(policy, seeds, SIDE),
        "random": success_rate(lambda pictures, _: [random_action(generator) for _ in pictures], seeds, SIDE),
    }
    for name, rate in rates.items():
        sys.stdout.write(f"{name:<8}{100 * rate:5.1f} % of {options.episodes} episodes from seed {seeds.start}\n")


def _parser() -> CommandParser:
    parser = CommandParser(prog="python -m trl_recipes.actions", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for run, counted in ((demonstrate, 800), (base, None), (rollout, 200)):
        command = commands.add_parser(run.__name__, help=run.__doc__.splitlines()[0])
        command.set_defaults(run=run)
        command.add_argument("--seed", type=int, default=0, help="of the first episode, or of the weights; default 0")
        if counted:
            command.add_argument("--episodes", type=_positive, default=counted, help=f"default {counted}")
        if run is rollout:
            command.add_argument("--model", type=Path, required=True, help="folder that action_sft.py wrote")
        else:
            command.add_argument("--output", type=Path, required=True, help="folder to write, new or empty")
    return parser


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 1 on, got {text}")
    return int(text)


def _require_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(folder, "--output", "exists and is not an empty folder", "name another one")


if __name__ == "__main__":
    sys.exit(main())
