"""`python -m hub_cards publish` and `withhold`."""

import argparse
import sys
from pathlib import Path

from hub_cards.publishing import planned, require_token
from hub_cards.purposes import KINDS
from hub_cards.upload import publish
from hub_cards.withholding import withhold


def add_publish(commands) -> None:
    """Add both commands to the subparsers of the package's command line."""
    parser = commands.add_parser("publish", help="send a folder to the Hugging Face Hub, or list what would be sent")
    parser.add_argument("kind", choices=KINDS, help="what the folder holds; a metric becomes a Space")
    parser.add_argument("folder", type=Path, metavar="DIR", help="with its card")
    parser.add_argument("--repo-id", metavar="OWNER/NAME", help="default: the name of the folder, under your own name")
    parser.add_argument("--private", action="store_true", help="leave the repository private")
    parser.add_argument("--dry-run", action="store_true", help="check and list everything, send nothing")
    parser.add_argument("--message", help="of the commit")
    parser.add_argument("--tag", help="of the revision (default: a digest of the content)")
    parser.set_defaults(run=_publish)

    parser = commands.add_parser(
        "withhold", help="write a dataset without what its sources do not let be handed on, and a manifest instead"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="a dataset folder")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="new folder")
    parser.set_defaults(run=_withhold)


def _publish(options: argparse.Namespace) -> None:
    token = None if options.dry_run else require_token()
    with planned(options.kind, options.folder, options.repo_id) as plan:
        sys.stdout.write(f"{plan.text()}\n")
        if token is None:
            sys.stdout.write("nothing was sent (--dry-run)\n")
            return
        sys.stdout.write(f"{publish(plan, token, options.private, options.message, options.tag)}\n")


def _withhold(options: argparse.Namespace) -> None:
    sys.stdout.write(f"{withhold(options.folder, options.output)}\n")
