import pytest

from evaluate_metrics.controls.summary import format_controls, summarize_controls

RECORDS = [
    {
        "id": f"q{index}",
        "scene_id": f"s{index % 2}",
        "task": "object_counting" if index < 2 else "relative_distance",
        "answer_type": "regression" if index < 2 else "multiple_choice",
        "answer": "4" if index < 2 else "A",
        "options": [] if index < 2 else ["left", "right"],
        "unit": "",
    }
    for index in range(4)
]


def rows(condition, scores, parsed=None, abstained=None):
    return {
        (identity, condition): {
            "score": value,
            "parsed": (parsed or {}).get(identity),
            "abstained": (abstained or {}).get(identity, False),
        }
        for identity, value in scores.items()
    }


PLAIN = rows("video", {"q0": 1.0, "q1": 0.5, "q2": 1.0, "q3": 0.0}, {"q0": 4.0, "q1": 5.0, "q2": "A", "q3": "B"})


def summary(name, *more):
    found = dict(PLAIN)
    for part in more:
        found |= part
    return summarize_controls([name], RECORDS, found)[name]


def test_what_survives_is_a_share_of_the_plain_score_on_the_same_questions():
    figures = summary("shuffled", rows("shuffled", {"q0": 0.5, "q1": 0.0, "q2": 1.0}))
    assert (figures["n"], figures["plain"], figures["score"]) == (3, pytest.approx(83.3333), 50)
    assert figures["survives"] == 60
    assert figures["change"]["mean"] == pytest.approx(-33.3333)
    low, high = figures["change"]["interval"]
    assert low == -50 and high == -25  # scene s0 loses 0.25 on average, s1 0.5


def test_repeated_counts_that_changed():
    changed = rows("repeated", {"q0": 1.0, "q1": 0.5}, {"q0": 4.0, "q1": 10.0})
    assert summary("repeated", changed)["unchanged"] == 50
    unread = rows("video", {"q0": 0.0, "q1": 0.5}, {"q1": 5.0}) | rows("repeated", {"q0": 0.0, "q1": 0.5}, {"q1": 5.0})
    assert summary("repeated", unread)["unchanged"] == 100
    unread = rows("video", {"q0": 0.0}) | rows("repeated", {"q0": 0.0})
    assert summary("repeated", unread)["unchanged"] is None


def test_mirrored_answers_that_flipped():
    flipped = summary("mirrored", rows("mirrored", {"q2": 0.0, "q3": 1.0}))
    assert (flipped["flipped"], flipped["score"]) == (0, 50)
    assert summary("mirrored", rows("mirrored", {"q3": 1.0}))["flipped"] is None


def test_circular_choices_right_in_every_order():
    figures = summary("circular", rows("circular-1", {"q2": 1.0, "q3": 1.0}), rows("circular-2", {"q2": 0.0}))
    assert (figures["n"], figures["all_right"]) == (2, 0)
    assert figures["levels"] == {"circular-1": 100, "circular-2": 0}
    assert summary("circular", rows("circular-1", {"q2": 1.0}))["all_right"] == 100


def test_degradations_by_level():
    figures = summary("haze", *(rows(f"haze-{level}", {"q0": 1 - level / 4}) for level in (1, 2, 3)))
    assert figures["levels"] == {"haze-1": 75, "haze-2": 50, "haze-3": 25}
    assert (figures["n"], figures["survives"]) == (1, 50)


def test_abstaining_where_it_should_and_where_not():
    figures = summary(
        "unanswerable",
        rows("unanswerable-answerable", {"q0": 1.0, "q2": 0.0}, abstained={"q2": True}),
        rows("unanswerable-absent", {"q0": 1.0}, abstained={"q0": True}),
        rows("unanswerable-occluded", {"q2": 0.0}),
    )
    assert (figures["abstained"], figures["abstained_needlessly"]) == (50, 50)
    alone = summary("unanswerable", rows("unanswerable-answerable", {"q0": 1.0}))
    assert alone["abstained"] is None


def test_the_prior_needs_no_model():
    figures = summarize_controls(["prior"], RECORDS, PLAIN)["prior"]
    assert (figures["n"], figures["score"], figures["plain"]) == (4, 100, 62.5)


def test_a_control_without_questions_says_so():
    found = {"shuffled": summary("shuffled")}
    assert found == {"shuffled": {"n": 0}}
    assert "applies to no question" in format_controls(found)


def test_the_table_shows_what_is_expected_of_a_control():
    figures = summary("repeated", rows("repeated", {"q0": 1.0, "q1": 0.5}, {"q0": 4.0, "q1": 5.0}))
    assert format_controls({"repeated": figures}).splitlines()[2].split() == [
        *("repeated", "2", "75.0", "75.0", "100.0", "%"),
        *("+0.0", "[+0.0,", "+0.0]", "unchanged", "100.0", "%"),
    ]
