"""The metrics, each in a folder that `evaluate.load` takes; its function does the same without it.

>>> from evaluate_metrics.metrics.vsi_bench.vsi_bench import vsi_bench
"""
