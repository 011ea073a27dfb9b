from pathlib import Path

import evaluate
import pytest

import evaluate_metrics.metrics
from evaluate_metrics.widget import answer

FOLDER = Path(evaluate_metrics.metrics.__file__).parent / "mean_relative_accuracy"


@pytest.mark.parametrize(("settings", "score"), [("", 0.5), ('{"protocol": "official"}', 0.6)])
def test_texts_become_a_result(settings, score):
    assert answer(evaluate.load(str(FOLDER)), "[3]", "[4.0]", settings)["mean_relative_accuracy"] == score


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (("[3", "[4]", ""), "predictions: JSON: cannot be read"),
        (("[3]", "", ""), "references: JSON: cannot be read"),
        (("[3]", "[4]", "[]"), "settings: JSON: is no object"),
        (("[3]", "[4]", '{"protocol": "x"}'), "protocol must be one of"),
    ],
)
def test_texts_that_cannot_be_used_are_named(texts, problem):
    with pytest.raises(ValueError, match=problem):
        answer(evaluate.load(str(FOLDER)), *texts)


def test_the_page_can_be_built():
    gradio = pytest.importorskip("gradio", reason="needs gradio, which a Space brings along")
    from evaluate_metrics.widget import page

    assert isinstance(page(FOLDER), gradio.Interface)
