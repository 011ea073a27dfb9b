import re

import pytest
import torch

from hub_cards.demo.model import Reply
from hub_cards.demo.views import show_gates, show_notice, show_reply, show_truth

HOSTILE = "<img src=x onerror=alert(1)>${alert(1)}{{7*7}}"


def test_what_strangers_wrote_is_escaped():
    shown = [
        show_notice(HOSTILE),
        show_reply(Reply(HOSTILE), False),
        show_reply(Reply(f"<think>{HOSTILE}</think><answer>{HOSTILE}</answer>"), False),
    ]
    for html in shown:
        assert "<img" not in html and "&lt;img" in html


def test_a_reply_without_parts_is_shown_as_it_is():
    html = show_reply(Reply("It is 3 m away.", cut="512 tokens"), False)
    assert "does not have the four parts" in html and "<pre>It is 3 m away.</pre>" in html
    assert "Cut off after 512 tokens." in html


def test_gates_are_summed_up_for_those_who_see_no_pictures():
    gates = torch.tensor([[0.5, 0.5], [1.0, 0.0]]).view(2, 1, 1, 2)
    html = show_gates(gates, ["tiny_tabletop", "drone"])
    assert "tiny tabletop 75%, drone 25%" in html and re.search(r'src="data:image/png;base64,\w{100}', html)
    assert show_gates(None, []) == ""


@pytest.mark.parametrize(("is_writing", "shown"), [(True, "…"), (False, "not written")])
def test_a_finished_reply_without_an_answer_says_so(is_writing, shown):
    assert f"<strong>{shown}</strong>" in show_reply(Reply("<think>Two cups.</think>"), is_writing)


@pytest.mark.parametrize(("reply", "verdict"), [("right one", "right"), ("<answer></answer>", "wrong")])
def test_the_truth_is_the_row_s_and_judged_as_in_evaluation(samples, reply, verdict):
    sample = samples.open(0)
    row = next(row for row in sample.questions if row["answer_type"] == "regression")
    completion = f"<answer>{row['answer']} {row['unit']}</answer>" if reply == "right one" else reply
    html = show_truth(sample, row, completion)
    assert f'data-verdict="{verdict}"' in html
    assert f"<strong>{row['answer']} {row['unit']}".strip() in html
    drawn = re.findall(r'class="asked"><title>([^#]+) #', html)
    assert set(drawn) == set(row["anchors"]["semantics"])
    own = show_truth(sample, None, completion)
    assert "verdict" not in own and "there is no computed answer" in own and "<svg" in own
