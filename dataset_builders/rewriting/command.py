"""The command `rewrite`: have a model put the questions of a dataset folder in other words."""

import argparse
import sys

from dataset_builders.chat.arguments import add_server_arguments, server_key

EXAMPLE = (
    "example: python -m dataset_builders rewrite build/spacevista --output build/reworded --rewriter openai "
    "--base-url http://localhost:8000/v1 --model Qwen/Qwen3-8B"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes; `run` reads it."""
    add_server_arguments(parser, "--rewriter")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line asked for."""
    # Not above: the other commands need no HTTP client, which takes long to import.
    from dataset_builders.chat.client import ChatSettings
    from dataset_builders.rewriting.rewrite import rewrite_dataset

    settings = ChatSettings(arguments.base_url, arguments.model, arguments.concurrency, server_key())
    report = rewrite_dataset(arguments.folder, arguments.output, settings, arguments.cache)
    sys.stdout.write(f"{report.text(arguments.price_in, arguments.price_out)}\n\n{arguments.output}\n")
