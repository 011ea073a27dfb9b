"""What the controls do, without a browser; test_browser.py has one."""

import gradio
import pytest

from hub_cards.demo.asking import MEASURE, Subject, kind_of
from hub_cards.demo.page import Page

SKIPPED = gradio.skip()
NONE = {"marks": []}
POINT = {"marks": [{"frame_index": 2, "kind": "point", "colour": "red", "points": [[100, 80]]}]}


@pytest.fixture(scope="module")
def page(model, samples, limits):
    return Page(model, samples, limits)


def last_shown(updates) -> list:
    """Return what each output holds in the end."""
    held = []
    for update in updates:
        held = [new if new != SKIPPED else old for new, old in zip(update, held or [""] * 5, strict=True)]
    return held


def test_a_question_of_the_dataset_is_answered_beside_its_truth(page):
    subject, _, notice, questions = page.choose_scene(0)
    assert notice == "" and len(questions.choices) == 1 + len(subject.sample.questions)
    subject, _, text, kind, options = page.choose_question(subject, 0, MEASURE)
    row = subject.question
    assert (text, kind, options.value.splitlines()) == (row["question"], kind_of(row), row["options"])
    notice, reply, seen, gates, truth = last_shown(page.ask(subject, NONE, text, kind, options.value))
    assert notice == "" and 'aria-busy="false"' in reply
    assert seen.count("<img") == 4 and "<img" in gates
    assert 'data-verdict="right"' in truth and "<svg" in truth


def test_marks_of_one_s_own_take_the_computed_answer_away(page):
    subject, *_ = page.choose_scene(0)
    subject, _, text, kind, options = page.choose_question(subject, 0, MEASURE)
    *_, seen, _, truth = last_shown(page.ask(subject, POINT, text, kind, options.value))
    assert "Frame 3, with marks" in seen and "there is no computed answer" in truth


def test_going_back_to_one_s_own_question_clears_the_given_one(page):
    subject, *_ = page.choose_scene(0)
    subject, *_ = page.choose_question(subject, 0, MEASURE)
    subject, marker, text, *_ = page.choose_question(subject, -1, MEASURE)
    assert subject.question is None and text == "" and marker.props["taken"] == []


def test_an_upload_is_answered_without_truth(page, walk):
    subject, marker, notice, *_ = page.upload(str(walk))
    assert notice == "" and len(marker.props["frames"]) == 18
    notice, reply, seen, _, truth = last_shown(page.ask(subject, POINT, "How far is it?", MEASURE, ""))
    assert notice == "" and "Answer" in reply and "Frame 3, with marks" in seen and truth == ""


@pytest.mark.parametrize(
    ("marks", "text", "message"),
    [
        (NONE, "", "question: text: is empty; write what you want to know"),
        ({"marks": [{}]}, "How far?", "frames: mark 1: cannot be drawn; clear it and draw it again"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(page, marks, text, message):
    subject, *_ = page.choose_scene(0)
    notice, *others = last_shown(page.ask(subject, marks, text, MEASURE, ""))
    assert message in notice and 'role="alert"' in notice and others == ["", "", "", ""]


def test_asking_about_nothing(page):
    assert "choose a scene or drop a video first" in last_shown(page.ask(None, NONE, "How far?", MEASURE, ""))[0]


def test_a_bad_upload_empties_the_marker_and_removing_one_says_nothing(page, tmp_path):
    (tmp_path / "a.txt").write_text("no")
    subject, marker, notice, *_ = page.upload(str(tmp_path / "a.txt"))
    assert subject is None and marker.props["frames"] == [] and "a.txt: type: is .txt" in notice
    assert page.upload(None)[2] == ""


def test_a_failing_model_is_one_line(page, samples):
    sample = samples.open(0)
    broken = Subject(sample.clip, sample)
    config = page._model._model.config
    config.video_token_id += 1
    try:
        notice = last_shown(page.ask(broken, NONE, "How far?", MEASURE, ""))[0]
    finally:
        config.video_token_id -= 1
    assert "The model failed: " in notice
