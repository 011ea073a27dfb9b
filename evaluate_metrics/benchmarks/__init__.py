"""Benchmarks that `python -m evaluate_metrics run` knows, each read from its published layout."""

from evaluate_metrics.benchmarks import (
    arkitscenes_detection,
    blink,
    cv_bench,
    mmsi_bench,
    ours,
    spacevista_bench,
    spar_bench,
    sti_bench,
    sunrgbd_detection,
    three_dsr_bench,
    vsi_bench,
)
from evaluate_metrics.benchmarks.base import Benchmark, Definition, open_benchmark
from evaluate_metrics.benchmarks.media import Shown

BENCHMARKS: dict[str, Definition] = {
    definition.name: definition
    for definition in (
        ours.DEFINITION,
        spacevista_bench.DEFINITION,
        vsi_bench.DEFINITION,
        vsi_bench.DEBIASED,
        sti_bench.DEFINITION,
        mmsi_bench.DEFINITION,
        spar_bench.DEFINITION,
        cv_bench.DEFINITION,
        blink.DEFINITION,
        three_dsr_bench.DEFINITION,
        sunrgbd_detection.DEFINITION,
        arkitscenes_detection.DEFINITION,
    )
}

__all__ = ["BENCHMARKS", "Benchmark", "Definition", "Shown", "open_benchmark"]
