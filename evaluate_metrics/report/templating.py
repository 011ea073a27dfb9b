"""The one place where templates meet values: strict about missing ones, escaping what strangers wrote."""

import math
import re
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

THINKING = re.compile(r"(?:<think>)?(.*?)</think>", re.DOTALL)
NOTES = {
    "unchanged": "counts that stayed",
    "flipped": "flipped as they should",
    "all_right": "right in every order",
    "abstained": "abstained where they should",
    "abstained_needlessly": "abstained where they should not",
}
"""What `controls.summary` finds for some controls alone, in words."""


def cell(text) -> str:
    r"""Make a text safe inside a cell of a Markdown table.

    >>> cell("a|b <i>")
    'a\\|b &lt;i>'
    """
    return " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def text(value) -> str:
    r"""Make what strangers wrote plain text in Markdown: no links, pictures, emphasis or code, also inside a table.

    >>> text("a|b ![x](y)")
    'a\\|b \\!\\[x\\](y)'
    """
    return cell(re.sub(r"([\\`*_\[\]!~#])", r"\\\1", str(value)))


def shorten(value: str, length: int = 240) -> str:
    """Cut a long text.

    >>> shorten("abcdef", 3)
    'abc …'
    """
    return value if len(value) <= length else f"{value[:length]} …"


def fence(text: str, language: str = "") -> str:
    r"""Put a text in a Markdown code block whose fence does not occur in it.

    >>> fence("x = 1", "python")
    '```python\nx = 1\n```'
    """
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    ticks = "`" * (longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def split_reasoning(completion: str) -> tuple[str, str]:
    """Part a completion into the reasoning, empty if there is none, and the reply.

    >>> split_reasoning("<think>two, three</think><answer>3</answer>"), split_reasoning("3")
    (('two, three', '<answer>3</answer>'), ('', '3'))
    """
    found = THINKING.match(completion)
    return (found[1].strip(), completion[found.end() :].strip()) if found else ("", completion)


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

    >>> plain({"seed": 0, "sizes": [1, 2]}), plain(0.00020000001), plain(True), plain(None)
    ('seed 0, sizes 1 2', '0.0002', 'True', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(map(plain, value)) or "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def measure(value: float) -> str:
    """Print a quantity of any size with up to three digits.

    >>> measure(1234.5), measure(0.01), measure(1.5), measure(100000.0)
    ('1,230', '0.01', '1.5', '100,000')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = 2 - math.floor(math.log10(abs(value)))
    text = f"{round(value, digits):,.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def control_notes(figures: Mapping) -> str:
    """Say what is expected of one control alone, and its score at each level.

    >>> control_notes({"flipped": 25.0, "levels": {"blur-1": 50.0, "blur-2": 40.0}})
    'flipped as they should: 25.0 %; blur-1 50.0, blur-2 40.0'
    """
    notes = [f"{title}: {score(figures[key])} %" for key, title in NOTES.items() if figures.get(key) is not None]
    levels = [f"{name} {score(value)}" for name, value in figures.get("levels", {}).items()]
    return "; ".join([*notes, ", ".join(levels)] if levels else notes)


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
        loader=PackageLoader("evaluate_metrics.report"),
        autoescape=lambda name: name is not None and name.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    helpers = (cell, control_notes, fence, interval, measure, plain, score, shorten, signed, split_reasoning)
    helpers += (text, thousands, words)
    result.filters |= {helper.__name__: helper for helper in helpers}
    return result


def render(template: str, **values) -> str:
    """Fill a template of `evaluate_metrics/report/templates`."""
    return environment().get_template(template).render(**values)
