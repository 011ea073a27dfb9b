"""How often a benchmark measures, as its command line says."""

import argparse
from collections.abc import Callable


def at_least(lowest: int) -> Callable[[str], int]:
    """Return a type for `add_argument`: whole numbers from `lowest` on; others end in one line."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"expected a whole number, at least {lowest}, got {text}")
        return int(text)

    return parse
