"""How the pictures of a report look: quiet lines on nothing, in colours that can be told apart on light and on dark.

A picture is drawn once. On a page it takes the page's colours, which follow light and dark; in a file of its own it
has fixed ones of middle brightness, at least 3 : 1 against white and against near black. Series differ by dash and
marker too, so that no meaning hangs on colour alone. Bytes depend on the data only: no date, no random identifiers.
"""

import io
import re
from dataclasses import dataclass
from html import escape

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = {
    "ink": "#787e87",
    "grid": "#8d939b",
    "model": "#1a86a0",
    "blind": "#c0671b",
    "chance": "#7d838b",
    "other-1": "#8a6fc0",
    "other-2": "#5a8a3a",
    "other-3": "#c05c8c",
    "other-4": "#a07818",
}
"""Names of the page's CSS variables, and the colours of a picture in a file of its own."""
STAND_INS = {name: f"#{place:02x}{place:02x}{place:02x}" for place, name in enumerate(COLOURS, start=1)}
"""What is drawn with, because matplotlib takes real colours only; replaced at the end."""
STYLE = {"svg.fonttype": "none", "font.size": 10.0, "axes.unicode_minus": True, "text.parse_math": False}


@dataclass(frozen=True)
class Picture:
    """A picture in words and lines.

    Attributes:
        name: Of its file, without ending.
        title: One line above or below it.
        alt: What it shows, numbers included, for who does not see it.
        svg: Drawn in stand-ins.
    """

    name: str
    title: str
    alt: str
    svg: str

    def inline(self) -> Markup:
        """Return an `<svg>` element in the colours of the page around it."""
        return Markup(self._coloured({name: f"var(--{name}, {colour})" for name, colour in COLOURS.items()}))

    def file(self) -> str:
        """Return the text of an SVG file with fixed colours."""
        return self._coloured(COLOURS) + "\n"

    def _coloured(self, colours: dict[str, str]) -> str:
        text = self.svg
        for name, colour in colours.items():
            text = text.replace(STAND_INS[name], colour)
        return text.replace("<svg", f'<svg role="img" aria-label="{escape(self.alt)}"', 1)


def finish(figure: Figure, name: str, title: str, alt: str) -> Picture:
    """Write a figure as a picture without background, size in pixels or identifiers.

    Args:
        figure: Drawn in stand-ins.
        name: See `Picture`, as the rest.
        title: One line.
        alt: In words.
    """
    figure.patch.set_visible(False)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = re.sub(r'<g id="[^"]*">', "<g>", text[text.index("<svg") :])  # the same on every figure of the page
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt" ', "", text, count=1)
    return Picture(name, title, alt, text.rstrip())


def legend(figure: Figure, columns: int) -> None:
    """Name the series below a figure."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    place = "outside lower center" if figure.get_constrained_layout() else "lower center"
    figure.legend(
        handles, labels, loc=place, ncols=columns, frameon=False, fontsize=8, labelcolor=STAND_INS["ink"], borderpad=0
    )


def quiet(axes: Axes) -> None:
    """Give axes thin lines and plain labels."""
    axes.set_facecolor("none")
    axes.grid(color=STAND_INS["grid"], linewidth=0.7, alpha=0.45)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, colors=STAND_INS["ink"], labelsize=8)
    for spine in axes.spines.values():
        spine.set(color=STAND_INS["grid"], linewidth=0.7, alpha=0.45)
