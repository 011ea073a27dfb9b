"""What a model reads and should write: the answer's unit is for the model to say."""

import pytest

from dataset_builders.conversation import FORMAT, completion_text, prompt_text

ROW = {"question": "How large?", "options": [], "unit": ""}


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({}, ["Answer with a number."]),
        ({"unit": "cm"}, ["Answer with a number and its unit."]),
        ({"unit": "m²"}, ["Answer with a number and its unit."]),
        ({"options": ["cup", "bowl"]}, ["A. cup", "B. bowl", "Answer with the option's letter."]),
    ],
)
def test_a_prompt_says_what_to_answer_with_but_not_the_unit(change, lines):
    assert prompt_text(ROW | change).splitlines() == ["How large?", *lines, FORMAT]


@pytest.mark.parametrize(
    ("answer", "unit", "scale", "ending"),
    [
        ("9", "cm", (62.0, "cm"), "<scale>62 cm</scale><answer>9 cm</answer>"),
        ("26.4", "m²", (4.25, "m"), "<scale>4.25 m</scale><answer>26.4 m²</answer>"),
        ("3", "", (None, None), "<scale>none</scale><answer>3</answer>"),
        ("B", "", (None, None), "<scale>none</scale><answer>B</answer>"),
    ],
)
def test_a_reply_gives_a_measure_with_its_unit(answer, unit, scale, ending):
    anchors = {"semantics": ["cup", "bowl"], "scale_value": scale[0], "scale_unit": scale[1]}
    reply = completion_text({"rationale": "So.", "anchors": anchors, "answer": answer, "unit": unit})
    assert reply == f"<think>So.</think><semantics>cup, bowl</semantics>{ending}"
