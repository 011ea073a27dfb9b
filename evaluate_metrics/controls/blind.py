"""Blind: the question alone; what is still right needs no eyes."""

from evaluate_metrics.controls.base import Condition, always

CONDITIONS = (Condition("blind", lambda record, shown, rng: (record, None), always),)
