"""Helpers that tests of several packages use."""

import sys
from pathlib import Path

# Not `tests` itself, whose folders have the names of the packages.
sys.path.insert(0, str(Path(__file__).parent / "helpers"))
