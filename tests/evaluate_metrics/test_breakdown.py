import numpy as np
import pytest

from evaluate_metrics.breakdown import Breakdown, mean_of
from evaluate_metrics.scoring import Scores

SCORES = Scores(["A", "B", None, 2.0, None], [1.0, 0.0, 0.0, 0.5, 0.0], [None, None, None, "range", None])
ROWS = [{"id": f"q{i}", "scene_id": scene} for i, scene in enumerate("aabbc")]
LABELS = ["x", "x", "y", "y", "z"]


def breakdown(**more):
    return Breakdown(SCORES, ["A", "B", "?", "2-3", None], ROWS, **more)


def test_groups_and_what_they_stand_on():
    groups = breakdown().by(LABELS, order=("z", "w"))
    assert list(groups) == ["z", "x", "y"]
    assert [(one.score, one.questions, one.answered) for one in groups.values()] == [
        (0.0, 1, 0),
        (0.5, 2, 2),
        (0.25, 2, 1),
    ]


def test_answers_that_are_missing_unread_or_ambiguous_are_named():
    expected = {"questions": 5, "answered": 3, "missing": ["q4"], "unread": ["q2"], "ambiguous": ["q3"]}
    assert breakdown().coverage() == expected


def test_a_mean_of_groups_weighs_them_equally_and_its_resamples_leave_absent_groups_out():
    scored = breakdown(num_resamples=500)
    groups = scored.by(LABELS)
    mean = mean_of(groups.values())
    assert mean.score == pytest.approx((0.5 + 0.25 + 0) / 3)
    assert (mean.questions, mean.answered) == (5, 3)
    stacked = np.stack([one.resampled for one in groups.values()])
    assert np.isnan(stacked).any()
    np.testing.assert_allclose(mean.resampled, np.nanmean(stacked, axis=0))


def test_percent_with_interval_and_without():
    figure = breakdown().all().to_json()
    assert figure["score"] == 30
    assert figure["interval"][0] < 30 < figure["interval"][1]
    assert breakdown(num_resamples=0).all().to_json() == {"score": 30, "interval": [], "questions": 5, "answered": 3}


def test_whole_groups_are_right_only_if_every_part_is():
    right = Scores(["A"] * 4 + ["B", None], [1.0] * 4 + [0.0, 0.0], [None] * 6)
    rows = [{"id": str(i), "scene_id": str(i // 2)} for i in range(6)]
    figure = Breakdown(right, ["A"] * 6, rows).whole_groups(["g", "g", "h", "i", "i", "j"])
    assert (figure.score, figure.questions, figure.answered) == (0.5, 4, 3)
