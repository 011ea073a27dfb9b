"""Published figures, bit for bit.

Each file in `recorded/` holds predictions drawn at random from the forms in which models answer, and what the public
scorer that it names returned for them when it was run at the commit, or in the release, that it names.
"""

import json
import math
import time
from pathlib import Path

import pytest

from dataset_builders.errors import InputError
from evaluate_metrics.benchmarks import BENCHMARKS
from evaluate_metrics.metrics import function_of
from evaluate_metrics.metrics.spacevista_bench.spacevista_bench import spacevista_bench
from evaluate_metrics.metrics.spar_bench.spar_bench import spar_bench
from evaluate_metrics.metrics.vsi_bench.vsi_bench import vsi_bench

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


def load(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    predictions = [row.pop("prediction") for row in content["rows"]]
    return predictions, [row | {"options": []} for row in content["rows"]], content["results"]


CASES = [(path, protocol) for path in RECORDED for protocol in load(path)[2]]


@pytest.mark.parametrize(("path", "protocol"), CASES, ids=[f"{path.stem}-{protocol}" for path, protocol in CASES])
def test_the_figures_are_those_of_the_public_scorer_to_the_last_bit(path, protocol):
    predictions, references, results = load(path)
    figures = function_of(path.stem)(predictions, references, protocol)
    assert figures == results[protocol]["result"]  # floats are compared exactly
    assert {"how", "file"} < results[protocol]["source"].keys()


def test_every_question_benchmark_has_a_recorded_result():
    benches = {definition.metric for definition in BENCHMARKS.values() if definition.metric}
    assert {path.stem for path in RECORDED} == benches


def overall(result):
    names = ("overall", "cv_bench_accuracy", "Total", "vanilla_accuracy", "vanilla", "micro")
    return next(result[name] for name in names if name in result)


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_robust_reading_finds_right_answers_that_the_public_scorer_misses(path):
    predictions, references, results = load(path)
    robust = overall(function_of(path.stem)(predictions, references, num_resamples=0))
    published = overall(results["published"]["result"]) * (1 if path.stem == "vsi_bench" else 100)
    assert published < robust["score"] < 100


PIECES = "<answer>|</answer>|``a|` |A |A)\n|Ans |1|1.|^1|one |move_up:1,|(|B is ".split("|")


@pytest.mark.parametrize("piece", PIECES)
def test_long_texts_are_scored_in_linear_time(piece):
    text = piece * (100_000 // len(piece))
    start = time.process_time()
    for path, protocol in CASES:
        _, references, _ = load(path)
        rows = list({(row["task"], row.get("source")): row for row in references}.values())  # one of each kind
        function_of(path.stem)([text] * len(rows), rows, protocol)
    assert time.process_time() - start < 10  # quadratic would take many minutes


def test_the_aggregates_of_one_table():
    """Counting right four times, one easy direction right, the others and the route wrong."""
    tasks = ["object_counting"] * 4 + [f"object_rel_direction_{level}" for level in ("easy", "medium", "hard")]
    truths, texts = ["3"] * 4 + ["A"] * 4, ["3"] * 4 + ["A", "B", "B", "B"]
    rows = [
        {"id": str(place), "scene_id": str(place), "task": task, "answer": truth, "options": []}
        for place, (task, truth) in enumerate(zip([*tasks, "route_planning"], truths, strict=True))
    ]
    collapsed = (1 + 1 / 3 + 0) / 3
    assert vsi_bench(texts, rows)["overall"]["score"] == pytest.approx(100 * collapsed, abs=1e-4)
    assert vsi_bench(texts, rows, "published")["overall"] == pytest.approx(100 * collapsed)
    assert vsi_bench(texts, rows, "vlmeval")["overall"] == pytest.approx(100 * collapsed)
    assert vsi_bench(texts, rows, "lmms")["vsibench_overall"] == pytest.approx(collapsed, abs=1e-6)
    assert vsi_bench(texts, rows, "official")["overall_accuracy"] == pytest.approx(collapsed)
    bench = [
        row | {"category": "Indoor", "answer_type": "mc" if row["answer"] == "A" else "numerical", "unit": ""}
        for row in rows
    ]
    assert spacevista_bench(texts, bench)["micro"]["score"] == 62.5
    assert spacevista_bench(texts, bench, "published")["overall"] == 0.625
    easy_only = [row for row in rows if "medium" not in row["task"] and "hard" not in row["task"]]
    for protocol in ("published", "lmms"):
        with pytest.raises(KeyError):
            vsi_bench(["3"] * len(easy_only), easy_only, protocol)
    assert vsi_bench(["A"] * len(easy_only), easy_only, "official")["object_rel_direction_accuracy"] == 1
    assert vsi_bench(["A"] * len(easy_only), easy_only)["columns"]["object_rel_direction"]["score"] == 100


def test_spar_takes_an_empty_answer_for_right_and_we_do_not():
    row = {"id": "0", "scene_id": "0", "task": "position_matching", "answer": "A", "options": []}
    published = spar_bench([""], [row], "published")
    assert published["overall"] == 1.0
    assert math.isnan(published["Low"])
    assert spar_bench([""], [row])["overall"]["score"] == 0


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_a_missing_prediction_is_named_and_no_public_scorer_guesses_for_it(path):
    predictions, references, _ = load(path)
    missing = [None, *predictions[1:]]
    with pytest.raises(InputError, match=f"lacks 1 questions, '{references[0]['id']}'"):
        function_of(path.stem)(missing, references, "published")
    assert function_of(path.stem)(missing, references)["coverage"]["missing"] == [references[0]["id"]]
