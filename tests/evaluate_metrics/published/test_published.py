"""Published figures, bit for bit.

Each file in `recorded/` holds predictions drawn at random from the forms in which models answer, and what the public
scorer that it names returned for them when it was run at the commit, or in the release, that it names.
"""

import json
import math
from pathlib import Path

import pytest

from dataset_builders.errors import InputError
from evaluate_metrics import metrics

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


def load(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    predictions = [row.pop("prediction") for row in content["rows"]]
    return predictions, [row | {"options": []} for row in content["rows"]], content["results"]


CASES = [(path, protocol) for path in RECORDED for protocol in load(path)[2]]


@pytest.mark.parametrize(("path", "protocol"), CASES, ids=[f"{path.stem}-{protocol}" for path, protocol in CASES])
def test_the_figures_are_those_of_the_public_scorer_to_the_last_bit(path, protocol):
    predictions, references, results = load(path)
    figures = getattr(metrics, path.stem)(predictions, references, protocol)
    assert figures == results[protocol]["result"]  # floats are compared exactly
    assert {"how", "file"} < results[protocol]["source"].keys()


def test_every_question_benchmark_has_a_recorded_result():
    benches = {name for name in metrics.__all__ if name not in ("choice_accuracy", "detection_3d")}
    assert {path.stem for path in RECORDED} == benches


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_robust_reading_finds_answers_that_public_scorers_miss(path):
    """The predictions are mostly right answers in forms that models use; reading them can only raise the score."""
    predictions, references, results = load(path)
    robust = getattr(metrics, path.stem)(predictions, references, num_resamples=0)
    overall = robust.get("overall") or robust.get("vanilla") or robust["micro"]
    assert overall["questions"] == len(references) or path.stem in ("vsi_bench", "spar_bench", "cv_bench", "blink")
    assert 0 < overall["score"] < 100
    assert robust["coverage"]["missing"] == []


def test_spar_takes_an_empty_answer_for_right_and_we_do_not():
    row = {"id": "0", "scene_id": "0", "task": "position_matching", "answer": "A", "options": []}
    published = metrics.spar_bench([""], [row], "published")
    assert published["overall"] == 1.0
    assert math.isnan(published["Low"])
    assert metrics.spar_bench([""], [row])["overall"]["score"] == 0


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_a_missing_prediction_is_named_and_no_public_scorer_guesses_for_it(path):
    predictions, references, _ = load(path)
    missing = [None, *predictions[1:]]
    with pytest.raises(InputError, match=f"lacks 1 questions, '{references[0]['id']}'"):
        getattr(metrics, path.stem)(missing, references, "published")
    assert getattr(metrics, path.stem)(missing, references)["coverage"]["missing"] == [references[0]["id"]]
