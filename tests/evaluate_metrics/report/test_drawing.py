import re
from importlib.resources import files

import pytest

pytest.importorskip("matplotlib", reason="the report needs the extra `demo`")

from evaluate_metrics.report.drawing import COLOURS
from evaluate_metrics.report.figures import radar


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_standard():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("ground", ["#ffffff", "#0d1117"])
def test_a_picture_file_is_legible_on_white_and_on_near_black(name, ground):
    assert contrast(COLOURS[name], ground) >= (4 if name == "ink" else 3)


@pytest.mark.parametrize("scheme", [0, 1])
def test_a_page_is_legible_in_light_and_in_dark(scheme):
    css = files("evaluate_metrics.report").joinpath("templates/report.css").read_text()
    found = dict(re.findall(r"--([\w-]+): (#\w{6})", re.findall(r":root \{(.*?)\}", css, re.S)[scheme]))
    for name, colour in (COLOURS | found).items():
        if name not in ("page", "panel", "line", "grid"):
            least = 4.5 if name in ("ink", "muted", "model") else 3
            assert contrast(colour, found["page"]) >= least, name


def test_radar_needs_three_axes():
    with pytest.raises(ValueError, match="at least 3 axes, got 2"):
        radar("r", "Two", ["a", "b"], {"model": ("model", [1, 2])})


def test_a_radar_breaks_where_there_is_no_figure_and_takes_dollars_for_letters():
    picture = radar("r", "Scores", ["$a$", "<b>", "c"], {"model": ("m", [10.0, None, 30.0])})
    assert picture.alt == "Radar plot, scores, percent. m: $a$ 10.0, c 30.0."
    assert "$a$" in picture.file() and "&lt;b&gt;" in picture.file() and "<b>" not in picture.file()
