"""One kind of error for bad input: it names the place, the problem and the fix in one line."""

import argparse
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
