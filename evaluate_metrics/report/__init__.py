"""The report of an evaluation, as one HTML page and in Markdown: `python -m evaluate_metrics report`."""

from importlib.util import find_spec

from dataset_builders.errors import InputError


def require_matplotlib() -> None:
    """Make sure that pictures can be drawn; what reads results and fills templates does without.

    Raises:
        InputError: naming what to install.
    """
    if find_spec("matplotlib") is None:
        raise InputError("report", "figures", "matplotlib is not installed", "pip install spacevista[demo]")
