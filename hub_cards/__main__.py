"""`python -m hub_cards`: write the card of a dataset or a model, or the report of a run."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_builders.errors import CommandParser, run_command
from evaluate_metrics.report import require_matplotlib
from evaluate_metrics.report.results import text_table
from hub_cards.dataset_card import write_dataset_card
from hub_cards.demo import command as demo_command
from hub_cards.model_card import write_model_card
from hub_cards.publish_command import add_publish

EXAMPLE = """example:
  python -m hub_cards report --dataset build/demo/dataset --model build/demo/model \\
      --results build/demo/results --output build/demo/report.html
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input is one line on stderr and exit code 2."""
    options = _parser().parse_args(arguments)
    return run_command(lambda: options.run(options), ", nothing was written")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m hub_cards",
        description="Write the card of a dataset or a model, or the report of a run.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="{dataset,model,report,demo,publish,withhold}")

    dataset = commands.add_parser("dataset", help="write README.md of a dataset folder")
    dataset.add_argument("folder", type=Path, metavar="DIR", help="what `python -m dataset_builders build` wrote")
    dataset.set_defaults(run=lambda options: _say(write_dataset_card(options.folder)))

    model = commands.add_parser("model", help="write README.md of a model folder")
    model.add_argument("folder", type=Path, metavar="DIR", help="what a training recipe saved")
    model.add_argument("--results", type=Path, help="its evaluation: the folder or results.json")
    model.add_argument("--dataset", type=Path, help="a dataset it was trained on, to state sources and licences")
    model.set_defaults(run=lambda options: _say(write_model_card(options.folder, options.results, options.dataset)))

    report = commands.add_parser("report", help="write one self-contained HTML page about a run")
    report.add_argument("--dataset", type=Path, required=True, help="the dataset folder that was evaluated")
    report.add_argument("--model", type=Path, required=True, help="the model folder that was evaluated")
    report.add_argument("--results", type=Path, required=True, help="what `python -m evaluate_metrics run` wrote")
    report.add_argument("--output", type=Path, required=True, help="the HTML file to write")
    report.set_defaults(run=_report)

    demo = commands.add_parser("demo", help="serve a page on which to ask a model, or write it as a Space")
    demo_command.add_arguments(demo)
    demo.set_defaults(run=demo_command.run)
    add_publish(commands)
    return parser


def _report(options: argparse.Namespace) -> None:
    require_matplotlib()
    from hub_cards.report import write_report

    results = write_report(options.dataset, options.model, options.results, options.output)
    _say(text_table(results))
    _say(options.output)


def _say(text) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
