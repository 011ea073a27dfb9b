"""Bad input: one kind of error that names the place, the problem and the fix, and how commands report it in a line."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn


class InputError(ValueError):
    """Input that cannot be used; the command line prints it as one line and exits with code 2.

    >>> str(InputError("room.json", "axesLengths", "has a negative length -0.2", "give full lengths in metres"))
    'room.json: axesLengths: has a negative length -0.2; give full lengths in metres'
    """

    def __init__(self, place, field: str, problem: str, fix: str):
        """Name the file or scene (`place`), the field in it, what is wrong and what would be right."""
        super().__init__(f"{place}: {field}: {problem}; {fix}")
        self.place, self.field, self.problem, self.fix = str(place), field, problem, fix

    def __reduce__(self):
        """Keep the four parts when the error crosses a process boundary."""
        return type(self), (self.place, self.field, self.problem, self.fix)


class CommandParser(argparse.ArgumentParser):
    """The only change w.r.t. `ArgumentParser` is that a wrong argument is reported in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"error: {message}; see --help\n")


def run_command(command: Callable[[], object], interrupted: str) -> int:
    """Run what a command line asked for.

    Args:
        command: Does it.
        interrupted: What Ctrl-C leaves behind, or how to go on.

    Returns:
        The exit code: 0, 2 after bad input, 130 after Ctrl-C, the latter two after one line on stderr.
    """
    try:
        command()
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"error: interrupted{interrupted}\n")
        return 130
    return 0
