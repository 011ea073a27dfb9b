"""The one place where templates meet values: strict about missing ones, escaping what strangers wrote."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def cell(text) -> str:
    r"""Make a text safe inside a cell of a Markdown table.

    >>> cell("a|b <i>")
    'a\\|b &lt;i>'
    """
    return " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def fence(text: str, language: str = "") -> str:
    r"""Put a text in a Markdown code block whose fence does not occur in it.

    >>> fence("x = 1", "python")
    '```python\nx = 1\n```'
    """
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    ticks = "`" * (longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def thousands(number: int) -> str:
    """Print a whole number with separators.

    >>> thousands(1234567)
    '1,234,567'
    """
    return f"{number:,}"


def score(value: float) -> str:
    """Print a percentage with one decimal.

    >>> score(33.333), score(-0.01)
    ('33.3', '0.0')
    """
    return f"{value + 0.0:.1f}".replace("-0.0", "0.0")


def signed(value: float) -> str:
    """Print a margin in percentage points with its sign.

    >>> signed(4.25), signed(-3.0), signed(0.0)
    ('+4.2', '−3.0', '0.0')
    """
    return score(value).replace("-", "−") if round(value, 1) <= 0 else f"+{score(value)}"


def interval(bounds: tuple[float, float]) -> str:
    """Print a 95 % interval.

    >>> interval([-1.0, 2.04])
    '[−1.0, 2.0]'
    """
    return f"[{score(bounds[0])}, {score(bounds[1])}]".replace("-", "−")


def plain(value) -> str:
    """Print a setting: short numbers, no brackets or quotes.

    >>> plain({"seed": 0, "sizes": [1, 2]}), plain(0.00020000001), plain(True)
    ('seed 0, sizes 1 2', '0.0002', 'True')
    """
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(map(plain, value)) or "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def words(name: str) -> str:
    """Write an identifier as words.

    >>> words("tiny_tabletop")
    'tiny tabletop'
    """
    return name.replace("_", " ")


@cache
def environment() -> Environment:
    """Return the templates of this package; those named `*.html.jinja` escape every value."""
    result = Environment(
        loader=PackageLoader("hub_cards"),
        autoescape=lambda name: name is not None and name.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    result.filters |= {
        helper.__name__: helper for helper in (cell, fence, thousands, score, signed, interval, plain, words)
    }
    return result


def render(template: str, **values) -> str:
    """Fill a template of `hub_cards/templates`."""
    return environment().get_template(template).render(**values)
