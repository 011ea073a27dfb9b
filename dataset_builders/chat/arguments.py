"""What the commands that ask a server take: where it is, what it costs, and where its replies are kept."""

import argparse
import math
import os
from pathlib import Path


def add_server_arguments(parser: argparse.ArgumentParser, protocol: str) -> None:
    """Declare the arguments; `protocol` names the option whose one choice is `openai`."""
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="dataset folder that build wrote")
    add("--output", required=True, metavar="DIR", help="new folder; appears complete or not at all")
    add(protocol, required=True, choices=["openai"], help="protocol of the server (key: OPENAI_API_KEY, if any)")
    add("--base-url", required=True, metavar="URL", help="what /chat/completions follows: http://localhost:8000/v1")
    add("--model", required=True, metavar="NAME", help="name of the model on the server")
    add("--concurrency", type=_concurrency, default=16, metavar="N", help="requests at once (default: 16)")
    add("--cache", type=Path, metavar="DIR", help="replies, to go on from (default: beside the output, .replies)")
    add("--price-in", type=_price, metavar="X", help="price of a million prompt tokens, to print the cost")
    add("--price-out", type=_price, metavar="X", help="price of a million reply tokens, to print the cost")


def server_key() -> str:
    """Return the key of the server, empty if there is none: only the environment holds it."""
    return os.environ.get("OPENAI_API_KEY", "").strip()


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
