"""Pictures of cards and reports: curves of training, counts of a dataset."""

from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure

from evaluate_metrics.report.drawing import STAND_INS, STYLE, Picture, finish, legend, quiet
from evaluate_metrics.report.templating import measure

PARTS = ("model", "blind", "other-1", "other-2", "chance")
"""Colours of the parts of a bar."""


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


def counts(name: str, title: str, labels: Sequence[str], series: Mapping[str, Sequence[int]]) -> Picture:
    """Draw a bar per label that is put together from counts.

    Args:
        name: Of the picture.
        title: Of the picture.
        labels: From top to bottom.
        series: Name of a part → its count per label; at most five.
    """
    places = range(len(labels))[::-1]
    with rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(4.8, 0.9 + 0.3 * len(labels)), layout="constrained")
        axes = figure.add_subplot()
        left = [0] * len(labels)
        for (part, values), colour in zip(series.items(), PARTS, strict=False):
            axes.barh(places, values, left=left, height=0.62, label=part, color=STAND_INS[colour], linewidth=0)
            left = [before + value for before, value in zip(left, values, strict=True)]
        axes.set_yticks(places, labels)
        axes.locator_params(axis="x", nbins=5, integer=True)
        quiet(axes)
        axes.grid(visible=False, axis="y")
        axes.spines[["top", "right"]].set_visible(False)
        legend(figure, columns=3)
        texts = [f"{label} {total:,}" for label, total in zip(labels, left, strict=True)]
        return finish(figure, name, title, f"{title}: {', '.join(texts)}.")
