"""Pictures of the report: inline SVG whose colours are the page's own, so that they follow light and dark.

Bytes depend on the data only: no date, no random identifiers.
"""

import io
import re
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# matplotlib only takes real colours: each of these stands for a CSS variable of the page and is replaced at the end.
STAND_INS = {"ink": "#010101", "line": "#020202", "model": "#030303", "blind": "#040404", "chance": "#050505"}
STYLE = {"svg.fonttype": "none", "font.size": 10.0, "axes.unicode_minus": True}
SERIES = {"model": ("-", 2.0), "blind": ("-", 1.4), "chance": ((0, (3, 2)), 1.4)}


def radar(names: Sequence[str], scores: Mapping[str, Sequence[float]]) -> str:
    """Draw scores on one axis per name.

    Args:
        names: Three or more labels of axes.
        scores: Percent, one value per name, for each key of `SERIES`.

    Returns:
        An `<svg>` element.

    Raises:
        ValueError: if there are fewer than three names.
    """
    if len(names) < 3:
        raise ValueError(f"a radar plot needs at least 3 axes, got {len(names)}")
    angles = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
    with rc_context(STYLE | {"svg.hashsalt": " ".join(names)}):
        figure = Figure(figsize=(4.8, 3.9))
        axes = figure.add_axes((0.2, 0.13, 0.6, 0.74), projection="polar")
        axes.set_theta_zero_location("N")
        axes.set_theta_direction(-1)
        for name, (dashes, width) in SERIES.items():
            closed = [*scores[name], scores[name][0]]
            axes.plot([*angles, angles[0]], closed, color=STAND_INS[name], linestyle=dashes, linewidth=width)
        axes.fill(angles, scores["model"], color=STAND_INS["model"], alpha=0.12, linewidth=0)
        top = max(20.0, 20.0 * np.ceil(max(map(max, scores.values())) / 20))
        axes.set_ylim(0, top)
        axes.set_yticks(np.arange(20, top + 1, 20), [f"{tick:.0f}" for tick in np.arange(20, top + 1, 20)], fontsize=8)
        axes.set_xticks(angles, [])
        for angle, name in zip(angles, names, strict=True):
            side = int(np.sign(np.round(np.sin(angle), 6)))
            align = {0: "center", 1: "left", -1: "right"}[side]
            label = name if side == 0 else name.replace(" ", "\n")
            axes.text(angle, top * 1.1, label, ha=align, va="center", color=STAND_INS["ink"])
        _quiet(axes)
        return _svg(figure)


def curve(history: Sequence[Mapping[str, float]], name: str) -> str:
    """Draw one quantity logged during training over the step.

    Args:
        history: Rows with `step` and some of the logged quantities.
        name: What to draw.

    Returns:
        An `<svg>` element.
    """
    points = [(row["step"], row[name]) for row in history if name in row]
    with rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(3.2, 2.1), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(*zip(*points, strict=True), color=STAND_INS["model"], linewidth=1.4)
        axes.spines[["top", "right"]].set_visible(False)
        axes.locator_params(nbins=4)
        _quiet(axes)
        return _svg(figure)


def _quiet(axes: Axes) -> None:
    """Thin lines and plain labels in the page's colours."""
    axes.set_facecolor("none")
    axes.grid(color=STAND_INS["line"], linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=STAND_INS["ink"], labelsize=8)
    for spine in axes.spines.values():
        spine.set(color=STAND_INS["line"], linewidth=0.7)


def _svg(figure: Figure) -> str:
    figure.patch.set_visible(False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = re.sub(r'<g id="[^"]*">', "<g>", text[text.index("<svg") :])  # the same on every figure of the page
    for name, colour in STAND_INS.items():
        text = text.replace(colour, f"var(--{name})")
    return re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'role="img"', text, count=1)
