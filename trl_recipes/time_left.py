"""How long a training will take, told once after its first steps."""

import sys
import time

from transformers import TrainerCallback

FIRST_STEPS = 3


class TimeLeft(TrainerCallback):
    """Prints the time that the remaining steps will take, measured on the second and third (the first warms up)."""

    def __init__(self):
        """Start with nothing measured."""
        self._first_step, self._started = None, None

    def on_train_begin(self, args, state, control, **kwargs):
        """Note where this run begins, which after a resumption is not at 0."""
        self._first_step = state.global_step

    def on_step_end(self, args, state, control, **kwargs):
        """Measure, and print once."""
        done = state.global_step - self._first_step
        if done == 1:
            self._started = time.monotonic()
        elif done == FIRST_STEPS and state.is_world_process_zero:
            seconds = (time.monotonic() - self._started) / (FIRST_STEPS - 1)
            steps = state.max_steps - state.global_step
            left = format_duration(seconds * steps)
            sys.stdout.write(f"\nabout {left} left: {steps} steps of {seconds:.3g} s, without evaluation and saving\n")
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
