"""The documentation builds without a warning, and every page is in it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_navigation(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.parent.relative_to(site) for path in site.rglob("index.html")}
    assert {page if page.name != "index" else page.parent for page in pages} <= built
    assert all(path.as_posix().removesuffix("/index") + ".md" in (ROOT / "mkdocs.yml").read_text() for path in pages)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("dataset_builders", "dataset_builders.scene.Scene"),
        ("modeling_spacevista", "modeling_spacevista.modeling_spacevista.SpaceVistaForConditionalGeneration"),
        ("trl_recipes", "trl_recipes.rewards.anchored.AnchoredReward"),
        ("evaluate_metrics", "evaluate_metrics.mra.mean_relative_accuracy"),
        ("hub_cards", "hub_cards.model_card.write_model_card"),
    ],
)
def test_the_reference_has_the_docstrings(site, page, name):
    text = (site / "api" / page / "index.html").read_text(encoding="utf-8")
    assert f'id="{name}"' in text


def test_nothing_is_fetched_from_elsewhere(site):
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert "fonts.googleapis" not in text and 'src="http' not in text, path
