"""The command `rewrite`: have a model put the questions of a dataset folder in other words."""

import argparse
import math
import os
import sys
from pathlib import Path

EXAMPLE = (
    "example: python -m dataset_builders rewrite build/spacevista --output build/reworded --rewriter openai "
    "--base-url http://localhost:8000/v1 --model Qwen/Qwen3-8B"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes; `run` reads it."""
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="dataset folder that build wrote")
    add("--output", required=True, metavar="DIR", help="new folder; appears complete or not at all")
    add("--rewriter", required=True, choices=["openai"], help="protocol of the server (key: OPENAI_API_KEY, if any)")
    add("--base-url", required=True, metavar="URL", help="what /chat/completions follows: http://localhost:8000/v1")
    add("--model", required=True, metavar="NAME", help="name of the model on the server")
    add("--concurrency", type=_concurrency, default=16, metavar="N", help="requests at once (default: 16)")
    add("--cache", type=Path, metavar="DIR", help="replies, to go on from (default: beside the output, .replies)")
    add("--price-in", type=_price, metavar="X", help="price of a million prompt tokens, to print the cost")
    add("--price-out", type=_price, metavar="X", help="price of a million reply tokens, to print the cost")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line asked for."""
    # Not above: the other commands need no HTTP client, which takes long to import.
    from dataset_builders.chat.client import ChatSettings
    from dataset_builders.rewriting.rewrite import rewrite_dataset

    key = os.environ.get("OPENAI_API_KEY", "").strip()
    settings = ChatSettings(arguments.base_url, arguments.model, arguments.concurrency, key)
    report = rewrite_dataset(arguments.folder, arguments.output, settings, arguments.cache)
    sys.stdout.write(f"{report.text(arguments.price_in, arguments.price_out)}\n\n{arguments.output}\n")


def _concurrency(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1024")
    return int(text)


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not 0 <= price < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a price")
    return price
