"""The metrics, each in a folder that `evaluate.load` takes; their functions do the same without it."""

from evaluate_metrics.metrics.blink.blink import blink
from evaluate_metrics.metrics.choice_accuracy.choice_accuracy import choice_accuracy
from evaluate_metrics.metrics.cv_bench.cv_bench import cv_bench
from evaluate_metrics.metrics.detection_3d.detection_3d import detection_3d
from evaluate_metrics.metrics.mmsi_bench.mmsi_bench import mmsi_bench
from evaluate_metrics.metrics.spacevista_bench.spacevista_bench import spacevista_bench
from evaluate_metrics.metrics.spar_bench.spar_bench import spar_bench
from evaluate_metrics.metrics.sti_bench.sti_bench import sti_bench
from evaluate_metrics.metrics.three_dsr_bench.three_dsr_bench import three_dsr_bench
from evaluate_metrics.metrics.vsi_bench.vsi_bench import vsi_bench

__all__ = [
    "blink",
    "choice_accuracy",
    "cv_bench",
    "detection_3d",
    "mmsi_bench",
    "spacevista_bench",
    "spar_bench",
    "sti_bench",
    "three_dsr_bench",
    "vsi_bench",
]
