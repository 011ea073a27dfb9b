"""The pictures of a report: radar plots, bars with intervals, and what numbers are off by."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from evaluate_metrics.report.calibration import Calibration
from evaluate_metrics.report.drawing import STAND_INS, STYLE, Picture, finish, legend, quiet
from evaluate_metrics.report.results import ScoreRow
from evaluate_metrics.report.templating import interval, measure, score, words

WIDTH = 4.8  # inches: the size of a phone, so that letters keep their size there
LINES = {
    "model": ("-", "o", 2.0),
    "blind": ("-", "", 1.4),
    "chance": ((0, (3, 2)), "", 1.4),
    "other-1": ((0, (5, 1)), "s", 1.2),
    "other-2": ((0, (1, 1)), "^", 1.2),
    "other-3": ((0, (4, 1, 1, 1)), "D", 1.2),
    "other-4": ((0, (3, 2)), "v", 1.2),
}
"""Dash, marker and width per colour."""


def radar(
    name: str, title: str, axes_names: Sequence[str], series: Mapping[str, tuple[str, Sequence[float | None]]]
) -> Picture:
    """Draw scores on one axis per name, in the form of the paper's Fig. A6.

    Args:
        name: Of the picture.
        title: Of the picture.
        axes_names: Three or more labels of axes.
        series: Colour → label and percent per axis, None where there is none.

    Raises:
        ValueError: if there are fewer than three axes.
    """
    if len(axes_names) < 3:
        raise ValueError(f"a radar plot needs at least 3 axes, got {len(axes_names)}")
    angles = np.linspace(0, 2 * np.pi, len(axes_names), endpoint=False)
    with rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, 4.3))
        axes = figure.add_axes((0.2, 0.2, 0.6, 0.67), projection="polar")
        axes.set_theta_zero_location("N")
        axes.set_theta_direction(-1)
        for colour, (label, given) in series.items():
            values = np.array(given, dtype=float)
            dashes, marker, width = LINES[colour]
            closed = [*values, values[0]]
            axes.plot(
                [*angles, angles[0]],
                closed,
                label=label,
                color=STAND_INS[colour],
                linestyle=dashes,
                linewidth=width,
                marker=marker,
                markersize=4,
            )
            if colour == "model" and not np.isnan(values).any():
                axes.fill(angles, values, color=STAND_INS[colour], alpha=0.12, linewidth=0)
        highest = max((value for _, given in series.values() for value in given if value is not None), default=0.0)
        top = max(20.0, 20.0 * np.ceil(highest / 20))
        _spokes(axes, angles, axes_names, top)
        legend(figure, columns=min(3, len(series)) if len(series) < 4 else 2)
        return finish(figure, name, title, _told(title, axes_names, series))


def bars(name: str, title: str, rows: Sequence[ScoreRow]) -> Picture:
    """Draw a bar per row with its 95 % interval, and the marks of blind and chance.

    Args:
        name: Of the picture.
        title: Of the picture.
        rows: Of `results.json`.
    """
    places = np.arange(len(rows))[::-1]
    values = np.array([row.values["model"] for row in rows])
    bounds = np.array([row.values["interval"] for row in rows]).T
    with rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, 0.9 + 0.3 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        # Filled thinly, so that interval and marks show on it.
        axes.barh(places, values, height=0.62, color=STAND_INS["model"], alpha=0.3, linewidth=0)
        axes.barh(places, values, height=0.62, label="model", fill=False, edgecolor=STAND_INS["model"], linewidth=1.4)
        axes.errorbar(
            values,
            places,
            xerr=np.abs(bounds - values),
            fmt="none",
            label="95 % interval",
            ecolor=STAND_INS["ink"],
            elinewidth=1.4,
            capsize=3,
        )
        for baseline, marker in (("blind", "D"), ("chance", "|")):
            marks = [row.values[baseline] for row in rows]
            axes.plot(
                marks,
                places,
                label=baseline,
                linestyle="none",
                marker=marker,
                markersize=5 if marker == "D" else 12,
                markeredgewidth=2,
                color=STAND_INS[baseline],
                fillstyle="none",
                clip_on=False,
            )
        axes.set_yticks(places, [words(row.name) for row in rows])
        axes.set_xlim(0, 100)
        quiet(axes)
        axes.grid(visible=False, axis="y")
        axes.spines[["top", "right"]].set_visible(False)
        legend(figure, columns=4)
        texts = [
            f"{words(row.name)} {score(row.values['model'])} {interval(row.values['interval'])}, "
            f"blind {score(row.values['blind'])}, chance {score(row.values['chance'])}"
            for row in rows
        ]
        return finish(figure, name, title, f"{title}, percent: {'; '.join(texts)}.")


def ratios(calibration: Calibration) -> Picture:
    """Draw what numbers are off by: answer over truth, median and quartiles, against the size of the truth."""
    kinds = {kind: [one for one in bins if one.ratio and one.low] for kind, bins in calibration.items()}
    kinds = {kind: bins for kind, bins in kinds.items() if bins}
    title = "Answer over truth by the size of the truth"
    with rc_context(STYLE | {"svg.hashsalt": "calibration"}):
        figure = Figure(figsize=(WIDTH, 0.3 + 1.7 * len(kinds)), layout="constrained")
        grid = figure.subplots(len(kinds), squeeze=False)[:, 0]
        for axes, (kind, bins) in zip(grid, kinds.items(), strict=True):
            centres = np.array([np.sqrt(one.low * one.high) for one in bins])
            low, middle, high = np.clip(np.array([one.ratio for one in bins]).T, 0.01, 100)
            axes.axhline(1, color=STAND_INS["ink"], linewidth=1, linestyle=(0, (3, 2)))
            axes.errorbar(
                centres,
                middle,
                yerr=[middle - low, high - middle],
                fmt="o",
                color=STAND_INS["model"],
                markersize=5,
                capsize=3,
                elinewidth=1.4,
            )
            axes.set(xscale="log", yscale="log", xlim=(bins[0].low, bins[-1].high), ylim=(0.009, 111))
            axes.set_yticks([0.01, 0.1, 1, 10, 100])
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: measure(value)))
                axis.set_minor_locator(NullLocator())
            axes.set_title(kind, fontsize=9, loc="left", color=STAND_INS["ink"])
            quiet(axes)
            axes.spines[["top", "right"]].set_visible(False)
        texts = [
            f"{kind}, {one.label}: {measure(one.ratio[1])} ({measure(one.ratio[0])} to {measure(one.ratio[2])})"
            for kind, bins in kinds.items()
            for one in bins
        ]
        return finish(figure, "calibration", title, f"{title}, median and quartiles: {'; '.join(texts)}.")


def _spokes(axes: Axes, angles: np.ndarray, names: Sequence[str], top: float) -> None:
    """Label the rings and the axes of a radar plot."""
    ticks = np.arange(20, top + 1, 20)
    axes.set_ylim(0, top)
    axes.set_yticks(ticks, [f"{tick:.0f}" for tick in ticks], fontsize=8)
    axes.set_xticks(angles, [])
    for angle, name in zip(angles, names, strict=True):
        side = int(np.sign(np.round(np.sin(angle), 6)))
        align = {0: "center", 1: "left", -1: "right"}[side]
        label = name if side == 0 else name.replace(" ", "\n").replace("-", "-\n")
        axes.text(angle, top * 1.1, label, ha=align, va="center", color=STAND_INS["ink"])
    quiet(axes)


def _told(title: str, names: Sequence[str], series: Mapping[str, tuple[str, Sequence[float | None]]]) -> str:
    lines = []
    for label, values in series.values():
        known = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
        lines.append(f"{label}: " + ", ".join(f"{name} {score(value)}" for name, value in known))
    return f"Radar plot, {title[0].lower()}{title[1:]}, percent. {'; '.join(lines)}."
