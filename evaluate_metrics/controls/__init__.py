"""Controls: what a score hides, found by asking the same questions under other conditions."""

from collections.abc import Iterable

from dataset_builders.errors import InputError
from evaluate_metrics.controls import (
    blind,
    circular,
    degraded,
    mirrored,
    one_frame,
    repeated,
    shuffled,
    unanswerable,
)
from evaluate_metrics.controls.base import Condition, always

VIDEO = Condition("video", lambda record, shown, rng: (record, shown), always)
"""Questions as they are: what all controls are compared with."""
PRIOR = "prior"
"""The control that asks no model."""
CONTROLS: dict[str, tuple[Condition, ...]] = {
    "blind": blind.CONDITIONS,
    "shuffled": shuffled.CONDITIONS,
    "one-frame": one_frame.CONDITIONS,
    "repeated": repeated.CONDITIONS,
    "circular": circular.CONDITIONS,
    "mirrored": mirrored.CONDITIONS,
    **degraded.CONDITIONS,
    "unanswerable": unanswerable.CONDITIONS,
    PRIOR: (),
}
CONDITIONS = {condition.name: condition for conditions in CONTROLS.values() for condition in (VIDEO, *conditions)}


def choose_controls(names: Iterable[str]) -> tuple[str, ...]:
    """Return the controls to run, in their order: `blind`, and those that are asked for; `all` are all.

    Raises:
        InputError: for a name of none.
    """
    wanted = {"blind", *names}
    unknown = sorted(wanted - set(CONTROLS) - {"all"})
    if unknown:
        raise InputError("run", "--controls", f"has no {unknown[0]!r}", f"choose of all, {', '.join(CONTROLS)}")
    return tuple(name for name in CONTROLS if name in wanted or "all" in wanted)
