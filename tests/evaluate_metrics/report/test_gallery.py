from evaluate_metrics.report.gallery import choose, choose_errors


def rows():
    return [{"id": f"{i:02d}", "scale": "indoor", "task": "ab"[i % 2], "score": i % 3} for i in range(12)]


def test_choice_of_questions_does_not_look_at_scores():
    assert choose(rows(), per_scale=3) == ["00", "01", "02"]
    assert choose([row | {"score": 0} for row in reversed(rows())], per_scale=3) == ["00", "01", "02"]


def test_errors_scored_nothing_and_are_not_shown_twice():
    assert choose_errors(rows(), ["00"]) == ["03", "06", "09"]


def test_questions_of_no_scale_are_chosen_too():
    assert choose([row | {"scale": None} for row in rows()], per_scale=2) == ["00", "01"]
