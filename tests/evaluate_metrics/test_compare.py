import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builders.errors import InputError
from evaluate_metrics.compare import compare, format_comparison, sign_flip_p

TASKS = ("object_counting", "room_size")


def rows(scores, **more):
    return [
        {"id": f"q{i}", "scene_id": f"s{i // 2}", "task": TASKS[i % 2], "condition": "video", "reference": "1"}
        | {"score": score, "error": None}
        | more
        for i, score in enumerate(scores)
    ]


def write(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    return folder


def test_wins_losses_and_the_exact_p(tmp_path):
    a = write(tmp_path / "a", rows([0.5, 0.0, 0.5, 1.0, 0.2, 0.3]))
    b = write(tmp_path / "b", rows([1.0, 0.0, 0.7, 1.0, 0.4, 0.1]))
    result = compare(a, b)
    overall = result["overall"]
    assert [overall[name] for name in ("n", "wins", "losses", "ties")] == [6, 3, 1, 2]
    assert overall["difference"] == pytest.approx(100 * 0.7 / 6, abs=1e-4)
    # Scenes differ by +.5, +.2 and 0: only both signs alike reach .7, half of the patterns.
    assert overall["p"] == 0.5
    counting = result["by_task"]["object_counting"]
    assert (counting["wins"], counting["losses"], counting["p"]) == (3, 0, 0.25)
    assert counting["interval"][0] > 0
    assert result["by_task"]["room_size"]["p"] == 1.0
    assert list(result["by_task"]) == list(TASKS)


def test_the_other_way_round_is_the_mirror_image(tmp_path):
    rng = np.random.default_rng(0)
    folders = [write(tmp_path / name, rows((rng.integers(0, 11, 60) / 10).tolist())) for name in "ab"]
    there, back = compare(*folders)["overall"], compare(*folders[::-1])["overall"]
    assert there["difference"] == -back["difference"]
    assert there["interval"] == pytest.approx([-bound for bound in back["interval"][::-1]], abs=1e-9)
    assert (there["wins"], there["p"]) == (back["losses"], back["p"])


def test_a_run_equals_itself(tmp_path):
    folder = write(tmp_path / "a", rows([0.5, 0.0, 1.0]))
    overall = compare(folder, folder)["overall"]
    assert (overall["difference"], overall["ties"], overall["p"]) == (0, 3, 1.0)


def test_what_cannot_be_paired_is_counted_and_named(tmp_path):
    first = rows([0.5, 0.0, 1.0])
    a = write(tmp_path / "a", [*first, first[0]])
    b = write(tmp_path / "b", [first[0], first[1] | {"error": "timed out"}, first[0] | {"id": "new"}])
    result = compare(a, b)
    coverage = result["coverage"]
    assert (coverage["questions"], coverage["scenes"]) == (2, 1)
    assert {name: ids for name, ids in coverage.items() if isinstance(ids, list) and ids} == {
        "only_in_a": ["q2"],
        "only_in_b": ["new"],
        "repeated_in_a": ["q0"],
        "failed_in_b": ["q1"],
    }
    table = format_comparison(result)
    assert "2 questions of 1 scenes" in table
    assert "only in a: 1 (q2)" in table
    assert "failed in b: 1 (q1)" in table


def test_runs_on_different_questions_are_refused(tmp_path):
    a = write(tmp_path / "a", rows([0.5]))
    other = write(tmp_path / "b", [row | {"id": "x"} for row in rows([0.5])])
    with pytest.raises(InputError, match="shares no question with the other run, which has 1"):
        compare(a, other)
    changed = write(tmp_path / "c", rows([0.5], reference="2"))
    with pytest.raises(InputError, match="question q0: has reference '2', in the other run '1'"):
        compare(a, changed)


@given(st.lists(st.tuples(st.integers(-10, 10), st.integers(0, 6)), min_size=1, max_size=20))
def test_p_is_the_share_of_sign_patterns_at_least_as_extreme(rows):
    values, clusters = np.array(rows).T
    sums = np.bincount(clusters, weights=values)
    totals = np.array([abs(np.dot(signs, sums)) for signs in itertools.product((1, -1), repeat=len(sums))])
    expected = np.mean(totals >= abs(sums.sum()) - 1e-9)
    assert sign_flip_p(values / 10, clusters) == pytest.approx(expected, abs=1e-12)


def test_under_equal_models_small_p_values_are_rare():
    rng = np.random.default_rng(0)
    clusters = np.arange(90) // 3
    p = [sign_flip_p(rng.integers(-10, 11, 90) / 10, clusters) for _ in range(400)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.025)
