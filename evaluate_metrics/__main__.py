"""Command line: `python -m evaluate_metrics run`, `compare` and `report`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builders.errors import CommandParser, run_command
from evaluate_metrics.backends import BACKENDS
from evaluate_metrics.backends.base import MEDIA
from evaluate_metrics.benchmarks import BENCHMARKS
from evaluate_metrics.compare import add_arguments, compare, format_comparison
from evaluate_metrics.controls import CONTROLS
from evaluate_metrics.controls.summary import format_controls
from evaluate_metrics.report import command as report_command
from evaluate_metrics.runner import RunArguments, format_coverage, run
from evaluate_metrics.summary import format_table

EXAMPLE = "example: python -m evaluate_metrics run --model build/model --dataset build/data --output build/evaluation"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; input that cannot be used ends in one line on stderr and code 2."""
    options = vars(_parser().parse_args(argv))
    command = options.pop("command")
    return run_command(lambda: command(options), "; repeat the command to go on")


def _run(options: dict) -> None:
    results = run(RunArguments(**options | {"controls": tuple(options["controls"])}))
    parts = [format_table(results), format_coverage(results)]
    if len(results["controls"]) > 1:
        parts.append(format_controls(results["controls"]))
    sys.stdout.write("\n\n".join([*parts, f"{options['output'] / 'results.json'}\n"]))


def _compare(options: dict) -> None:
    sys.stdout.write(f"{format_comparison(compare(**options))}\n")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m evaluate_metrics", description="Score a model on a benchmark.", epilog=EXAMPLE
    )
    commands = parser.add_subparsers(required=True, metavar="{run,compare,report}")
    asked = commands.add_parser(
        "run",
        help="answer every question with the video, blind and under controls, and score the answers",
        description="Answers every question of a split twice, with the video and without, and once more per control; "
        "appends the answers to OUTPUT/predictions.jsonl, and writes scores beside blind and chance scores to "
        "OUTPUT/results.json. Repeat the command to go on with a run that was interrupted, and to ask again what "
        "failed. A key for the server comes from OPENAI_API_KEY.",
        epilog=EXAMPLE,
    )
    _add_what(asked.add_argument)
    _add_how(asked.add_argument)
    asked.set_defaults(command=_run)
    compared = commands.add_parser(
        "compare",
        help="tell whether one run is better than another on the same questions",
        description="Pairs the answers of two runs by question: wins, losses and significance per task.",
        epilog="example: python -m evaluate_metrics compare build/before build/after",
    )
    add_arguments(compared)
    compared.set_defaults(command=_compare)
    reported = commands.add_parser(
        "report",
        help="write report.html and report.md about a run",
        description="Shows a run beside published figures, with pictures, controls and errors.",
        epilog="example: python -m evaluate_metrics report build/evaluation --dataset build/data --output build/pages",
    )
    report_command.add_arguments(reported)
    reported.set_defaults(command=report_command.report)
    return parser


def _add_what(add) -> None:
    """Declare what is asked."""
    default = RunArguments
    add("--model", required=True, metavar="NAME", help="folder or Hub id, whose code is run; or a name on the server")
    add(
        "--benchmark", default=default.benchmark, choices=list(BENCHMARKS), help="(default: %(default)s, our datasets)"
    )
    add("--dataset", metavar="NAME", help="its folder or Hub id (default: where the benchmark is published)")
    add("--split", default=default.split, help="of our datasets (default: %(default)s)")
    add("--output", type=Path, required=True, metavar="DIR", help="predictions, settings and results")
    add(
        "--controls",
        nargs="+",
        default=(),
        metavar="NAME",
        help=f"what a score hides: all, or some of {', '.join(CONTROLS)} (default: blind, which is always there)",
    )


def _add_how(add) -> None:
    """Declare how it is asked."""
    default = RunArguments
    add("--num-frames", type=int, default=default.num_frames, metavar="N", help="per question (default: %(default)s)")
    add("--batch-size", type=int, default=default.batch_size, metavar="N", help="questions (default: %(default)s)")
    add("--max-new-tokens", type=int, default=default.max_new_tokens, metavar="N", help="(default: %(default)s)")
    add("--backend", default=default.backend, choices=BACKENDS, help="(default: %(default)s)")
    add("--media", default=default.media, choices=MEDIA, help="of vllm and openai: what a video is sent as")
    add("--base-url", metavar="URL", help="of openai: what /chat/completions follows: http://localhost:8000/v1")
    add("--concurrency", type=int, default=default.concurrency, metavar="N", help="of openai (default: %(default)s)")
    add("--requests-per-minute", type=int, metavar="N", help="of openai, at most (default: no limit)")


if __name__ == "__main__":
    sys.exit(main())
