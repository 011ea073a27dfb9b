import numpy as np
import pytest

from evaluate_metrics import format_table, summarize

CHOICE = {"answer_type": "multiple_choice", "options": ["x", "y", "z", "w"], "answer": "A", "unit": ""}


def rows(task, scale, scenes):
    return [CHOICE | {"task": task, "scale": scale, "scene_id": scene} for scene in scenes]


RECORDS = rows("object_counting", "indoor", "aabb") + rows("relative_distance", "drone", "cdcd")[:1]


def test_micro_and_macro_of_the_field_s_own_example():
    """Four counts right, one of four other questions right: .625 over questions, and the mean over tasks apart."""
    records = rows("object_counting", "indoor", "abcd") + rows("position_comparison", "indoor", "abc")
    records += rows("route_planning", "indoor", "d")
    scores = [1, 1, 1, 1, 1, 0, 0, 0]
    overall = summarize(records, {"video": scores, "blind": [0] * 8})["overall"]
    assert overall["micro"]["model"] == 62.5
    assert overall["macro"]["model"] == 44.4444


def test_every_question_counts_once_in_each_breakdown():
    results = summarize(RECORDS, {"video": [1, 0, 1, 1, 0.5], "blind": [0, 0, 1, 0, 0.5]})
    assert {task: (s["n"], s["model"], s["blind"], s["chance"]) for task, s in results["by_task"].items()} == {
        "object_counting": (4, 75, 25, 25),
        "relative_distance": (1, 50, 50, 25),
    }
    assert list(results["by_scale"]) == ["indoor", "drone"]
    micro = results["overall"]["micro"]
    assert (micro["n"], micro["model"], micro["blind"]) == (5, 70, 30)
    assert (micro["over_blind"]["margin"], micro["over_chance"]["margin"]) == (40, 45)


def test_margins_are_paired():
    """A model that is a constant above blind beats it by exactly that, however far scenes differ."""
    records = [row for scene in range(30) for row in rows("object_size", "indoor", [str(scene)])]
    blind = np.random.default_rng(0).random(30) / 2
    micro = summarize(records, {"video": blind + 0.25, "blind": blind})["overall"]["micro"]
    assert micro["over_blind"] == {"margin": 25, "interval": [25, 25]}
    assert np.ptp(micro["interval"]) > 5
    assert micro["over_chance"]["interval"] == pytest.approx([bound - 25 for bound in micro["interval"]], abs=1e-3)


def test_the_same_scores_give_the_same_figures():
    scores = {"video": [1, 0, 1, 1, 0.5], "blind": [0, 0, 1, 0, 0.5]}
    assert summarize(RECORDS, scores) == summarize(RECORDS, scores)


def test_table_shows_every_row_once():
    table = format_table(summarize(RECORDS, {"video": [1, 0, 1, 1, 0.5], "blind": [0, 0, 1, 0, 0.5]}))
    names = [line.split("  ")[0] for line in table.splitlines()]
    assert [name for name in names if name.strip("-")] == [
        "object_counting",
        "relative_distance",
        "indoor",
        "drone",
        "micro mean",
        "macro mean",
    ]
    assert "75.0    25.0    25.0   +50.0 [" in table
