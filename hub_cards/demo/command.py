"""The command `demo`: serve the page, or write it as a Space."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from dataset_builders.errors import InputError
from hub_cards.demo.limits import Limits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes; `run` reads it."""
    limits = Limits()
    parser.add_argument("--model", required=True, metavar="DIR", help="model folder, or Hub id")
    parser.add_argument("--dataset", type=Path, metavar="DIR", help="dataset folder, for sample scenes")
    parser.add_argument("--port", type=int, metavar="N", help="of the local server (default: 7860 or the next free)")
    parser.add_argument("--export", type=Path, metavar="DIR", help="write a Space to this new folder instead")
    parser.add_argument(
        "--num-frames",
        type=int,
        default=limits.num_frames,
        metavar="N",
        help="most frames that the model sees (default: %(default)s)",
    )
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        default=limits.max_new_tokens,
        metavar="N",
        help="of an answer (default: %(default)s)",
    )
    parser.add_argument(
        "--answer-seconds",
        type=float,
        default=limits.answer_seconds,
        metavar="S",
        help="after which an answer is cut (default: %(default)g)",
    )


def run(options: argparse.Namespace) -> None:
    """Do what the command line asked for.

    Raises:
        InputError: if gradio is missing, the folders are not what they should be, or the port is taken.
    """
    limits = Limits(
        num_frames=options.num_frames,
        max_new_tokens=options.max_new_tokens,
        answer_seconds=options.answer_seconds,
    )
    if find_spec("gradio") is None:
        raise InputError("demo", "page", "gradio is not installed", "pip install 'spacevista[page]'")
    if options.export is not None:
        from hub_cards.demo.space import write_space

        write_space(options.export, options.model, options.dataset, limits)
        sys.stdout.write(f"{options.export}\n")
        return
    from hub_cards.demo.app import run_app

    run_app(options.model, options.dataset, limits, options.port)
