"""The command `reason`: have a vision-language model explain the answers of a dataset folder."""

import argparse
import sys

from dataset_builders.chat.arguments import add_server_arguments, server_key

EXAMPLE = (
    "example: python -m dataset_builders reason build/vst-r --output build/vst-r-taught --teacher openai "
    "--base-url http://localhost:8000/v1 --model Qwen/Qwen2.5-VL-72B-Instruct"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes; `run` reads it."""
    add_server_arguments(parser, "--teacher")
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line asked for."""
    # Not above: the other commands need no HTTP client, which takes long to import.
    from dataset_builders.chat.client import ChatSettings
    from dataset_builders.teaching.teach import teach_dataset

    settings = ChatSettings(arguments.base_url, arguments.model, arguments.concurrency, server_key())
    report = teach_dataset(arguments.folder, arguments.output, settings, arguments.cache)
    sys.stdout.write(f"{report.text(arguments.price_in, arguments.price_out)}\n\n{arguments.output}\n")
