"""How long a training will take: expected before its first step, and measured after its first ones."""

import sys
import time

from transformers import Trainer, TrainerCallback

from trl_recipes.expected_time import expected_step

FIRST_STEPS = 3


class TimeLeft(TrainerCallback):
    """Prints what `expected_step` finds, and then the time that the remaining steps will take.

    That is measured on the second and third; the first warms up.
    """

    def __init__(self, trainer: Trainer):
        """Take what trains."""
        self._trainer, self._first_step, self._started = trainer, None, None

    def on_train_begin(self, args, state, control, **kwargs):
        """Print what to expect, and note where this run begins, which after a resumption is not at 0."""
        self._first_step = state.global_step
        seconds = expected_step(self._trainer)
        if state.is_world_process_zero and seconds is None:
            _print("expected time: told after the third step")
        elif state.is_world_process_zero:
            _print(f"expected time: {_left(seconds, state)}, by a forward pass")

    def on_step_end(self, args, state, control, **kwargs):
        """Measure, and print once."""
        done = state.global_step - self._first_step
        if done == 1:
            self._started = time.monotonic()
        elif done == FIRST_STEPS and state.is_world_process_zero:
            seconds = (time.monotonic() - self._started) / (FIRST_STEPS - 1)
            _print(f"measured: {_left(seconds, state)} left, without evaluation and saving")


def _left(seconds: float, state) -> str:
    steps = state.max_steps - state.global_step
    return f"about {format_duration(seconds * steps)} for {steps} steps of {seconds:.3g} s"


def _print(line: str) -> None:
    # A progress bar leaves its line open.
    sys.stdout.write(f"\n{line}\n")
    sys.stdout.flush()


def format_duration(seconds: float) -> str:
    """Write a duration in its two largest units.

    >>> format_duration(5), format_duration(125), format_duration(93_800)
    ('5 s', '2 min 5 s', '1 d 2 h')
    """
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts, rest = [], round(seconds)
    for name, size in units:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count) or "0 s"
