"""Curves of training."""

from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure

from evaluate_metrics.report.drawing import STAND_INS, STYLE, Picture, finish, quiet
from evaluate_metrics.report.templating import measure


def curve(history: Sequence[Mapping[str, float]], name: str, title: str) -> Picture:
    """Draw one quantity logged during training over the step.

    Args:
        history: Rows with `step` and some of the logged quantities.
        name: What to draw.
        title: What it is called.
    """
    points = [(row["step"], row[name]) for row in history if name in row]
    with rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(3.2, 2.1), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(*zip(*points, strict=True), color=STAND_INS["model"], linewidth=1.4)
        axes.spines[["top", "right"]].set_visible(False)
        axes.locator_params(nbins=4)
        quiet(axes)
        (first, start), (last, end) = points[0], points[-1]
        alt = f"{title}: {measure(start)} at step {first}, {measure(end)} at step {last}."
        return finish(figure, name.replace("/", "-"), title, alt)
