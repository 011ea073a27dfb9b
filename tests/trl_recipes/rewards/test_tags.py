import pytest

from trl_recipes.rewards.tags import MAX_REPLY, TAGS, read_reply

GOOD = "<think>2 < 3</think><semantics>cup</semantics><scale>62 cm</scale><answer>B</answer>"
PARTS = {"think": "2 < 3", "semantics": "cup", "scale": "62 cm", "answer": "B"}


@pytest.mark.parametrize(
    ("text", "parts", "in_order"),
    [
        (GOOD, PARTS, True),
        (f"\n{GOOD} ".replace("><", ">\n\t<"), PARTS, True),
        (f"So: {GOOD}", PARTS, False),
        (f"{GOOD} I am sure.", PARTS, False),
        (GOOD.replace("<scale>", "and <scale>"), PARTS, False),
        ("<answer>B</answer><think>x</think>", {"answer": "B", "think": "x"}, False),
        ("reasoning</think><answer>B</answer>", {"answer": "B"}, False),
        (GOOD + "<answer>A</answer>", {}, False),
        (GOOD.replace("2 < 3", "<answer>A</answer>"), {}, False),
        (GOOD.replace("2 < 3", "<ANSWER>A</ANSWER>"), {}, False),
        (GOOD.replace("answer>", "Answer>"), {tag: PARTS[tag] for tag in TAGS[:3]}, False),
        ("<think><answer>B</answer></think>", {}, False),
        ("<think>x<answer>B</answer>", {}, False),
        ("<answer><scale>3</scale></answer>", {}, False),
        ("<answer>B", {}, False),
        ("</answer>B<answer>", {}, False),
        ("<answer >B</answer >", {}, False),
        ("<answer>B</scale></answer>", {}, False),
        ("", {}, False),
        ("<answer>\ud800B</answer>", {"answer": "B"}, False),
        ("İ" * 50 + "<answer>B</answer>", {"answer": "B"}, False),
        ("<answer>B</answer>" + "x" * MAX_REPLY, {}, False),
        ("<answer>B</answer>" + "ü" * (MAX_REPLY // 2), {}, False),
        ("<answer>B</answer>" + "ü" * (MAX_REPLY // 2 - 20), {"answer": "B"}, False),
    ],
)
def test_reply(text, parts, in_order):
    assert read_reply(text) == (parts, in_order)
