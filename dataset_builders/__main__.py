"""Entry point of `python -m dataset_builders`."""

import sys

from dataset_builders.cli import main

if __name__ == "__main__":
    sys.exit(main())
