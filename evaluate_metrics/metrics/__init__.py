"""The metrics, each in a folder that `evaluate.load` takes; its function does the same without it.

>>> from evaluate_metrics.metrics.vsi_bench.vsi_bench import vsi_bench
"""

from collections.abc import Callable
from importlib import import_module


def function_of(name: str) -> Callable[..., dict]:
    """Return the function of a metric by the name of its folder; it is imported now, with the library it is for.

    >>> function_of("vsi_bench").__name__
    'vsi_bench'
    """
    return getattr(import_module(f"{__name__}.{name}.{name}"), name)
