"""`python -m evaluate_metrics report`."""

import argparse
import sys
from pathlib import Path

from evaluate_metrics.report import require_matplotlib
from evaluate_metrics.report.results import text_table


def report(options: dict) -> None:
    """Write the report, and say its figures and its place.

    Raises:
        InputError: as `write_report`, and without matplotlib.
    """
    require_matplotlib()
    from evaluate_metrics.report.page import write_report

    results = write_report(**options)
    sys.stdout.write(f"{text_table(results)}\n{options['output'] / 'report.html'}\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `report` on its parser."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help="output folder of a run")
    parser.add_argument("--dataset", type=Path, metavar="DIR", help="that was evaluated, for questions and frames")
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="+",
        default=(),
        metavar="RESULTS",
        help="runs of the same model on other benchmarks, for the table and the radar plot over benchmarks",
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="to write report.html and report.md to"
    )
