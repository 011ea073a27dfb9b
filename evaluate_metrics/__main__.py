"""Command line: `python -m evaluate_metrics run`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builders.errors import CommandParser, run_command
from evaluate_metrics.runner import RunArguments, run
from evaluate_metrics.summary import format_table

EXAMPLE = "example: python -m evaluate_metrics run --model build/model --dataset build/data --output build/evaluation"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; input that cannot be used ends in one line on stderr and code 2."""
    options = vars(_parser().parse_args(argv))
    return run_command(lambda: _run(options), "; repeat the command to go on")


def _run(options: dict) -> None:
    results = run(RunArguments(**options))
    sys.stdout.write(f"{format_table(results)}\n\n{options['output'] / 'results.json'}\n")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m evaluate_metrics", description="Score a model on a dataset.", epilog=EXAMPLE
    )
    command = parser.add_subparsers(required=True, metavar="run").add_parser(
        "run",
        help="answer every question of a split with the video and blind, and score the answers",
        description="Answers every question of a split twice, with the video and without, appends the answers to "
        "OUTPUT/predictions.jsonl, and writes scores beside blind and chance scores to OUTPUT/results.json. "
        "Repeat the command to go on with a run that was interrupted.",
        epilog=EXAMPLE,
    )
    add, default = command.add_argument, RunArguments
    add("--model", type=Path, required=True, metavar="DIR", help="model and processor; code that it carries is run")
    add("--dataset", type=Path, required=True, metavar="DIR", help="what python -m dataset_builders build wrote")
    add("--split", default="test", help="of the dataset (default: test)")
    add("--output", type=Path, required=True, metavar="DIR", help="predictions, settings and results")
    add("--num-frames", type=int, default=default.num_frames, metavar="N", help="per question (default: %(default)s)")
    add("--batch-size", type=int, default=default.batch_size, metavar="N", help="questions (default: %(default)s)")
    add("--max-new-tokens", type=int, default=default.max_new_tokens, metavar="N", help="(default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
