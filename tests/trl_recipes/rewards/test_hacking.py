"""Replies that look for a gap in the rewards, beside an honest reply that is wrong: none may earn more."""

import pytest

from trl_recipes.rewards import (
    AnchoredReward,
    SentenceEncoder,
    answer_reward,
    consistency_reward,
    detection_reward,
    format_reward,
    grounding_reward,
    scale_reward,
    semantic_reward,
)
from trl_recipes.rewards.anchored import COMBINATIONS

MB = 1_000_000
ENCODER = SentenceEncoder("no weights")  # fails if anything here were embedded
BOXES = '[{"bbox_3d": [0, 0, 2, 1, 1, 1, 0, 0, 0], "label": "cup"}]'
NEAR = BOXES.replace("[0, 0, 2", "[0.9, 0, 2")  # overlaps by a nineteenth
OBJECTS = ["cup", "bowl"]
REGION = {"kind": "bbox", "point": None, "bbox": [10.0, 10.0, 30.0, 30.0], "mask": None}
# What is asked, its right answer, an honest wrong one, and how the reasoning to that one ends.
QUESTIONS = {
    "number": ({"answer_type": "regression", "answer": "3", "options": [], "unit": "m"}, "3 m", "9 m"),
    "count": ({"answer_type": "regression", "answer": "3", "options": [], "unit": ""}, "3", "9"),
    "choice": (
        {"answer_type": "multiple_choice", "answer": "B", "options": ["cup", "bowl", "tin"], "unit": ""},
        "B",
        "A",
    ),
    "words": ({"answer_type": "free_form", "answer": "bowl", "options": [], "unit": ""}, "bowl", "cup"),
    "boxes": ({"answer_type": "free_form", "answer": BOXES, "options": [], "unit": ""}, BOXES, NEAR),
}
# In the place of a claim; {right} is the right one, which a hack may hit by chance.
CLAIMS = {
    "empty": "",
    "spaces": " " * 400,
    "none": "none",
    "repeated": "{right} " * 60,
    "repeated, 1 MB": "{right} " * (MB // 6),
    "enormous": "{right}" + "x" * MB,
    "padded": "{right}" + " " * 1_000 + "x",
    "every option": "A. cup, B. bowl, C. tin",
    "every letter": "A, B, C",
    "every letter, small": "a / b / c",
    "every letter, full width": "Ａ, Ｂ, Ｃ",
    "every object": "cup bowl tin",
    "everything known": "cup, bowl, tin, lamp, sofa, table, chair, door",
    "right or wrong": "{right} or {wrong}",
    "numbers": " ".join(map(str, range(1, 50))),
    "numbers with a unit": ", ".join(f"{n} m" for n in range(1, 50)),
    "a range": "1-9 m",
    "every unit": "3 mm, 3 cm, 3 m, 3 km",
    "Arabic digits": "٣ m",
    "Devanagari digits": "३",
    "full-width digits": "３ m",
    "Chinese digits": "三",
    "circled digits": "③",
    "superscript": "³",
    "NaN": "nan",
    "infinity": "inf m",
    "-infinity": "-Infinity",
    "overflow": "1e999 m",
    "huge": "9" * 400,
    "zero by zero": "0/0",
    "kilometres for metres": "3 km",
    "square metres for metres": "3 m²",
    "kilograms": "3 kg",
    "light-years": "3 light-years",
    "thousands": "3 thousand m",
    "unit first": "km 3",
    "brackets": "[" * 9_000,
    "JSON of NaN": '[{"bbox_3d": [NaN, 0, 2, 1, 1, 1, 0, 0, 0], "label": "cup"}]',
    "a box round everything": '[{"bbox_3d": [0, 0, 2, 99, 99, 99, 0, 0, 0], "label": "cup"}]',
    "many boxes": "[" + ", ".join([BOXES[1:-1]] * 60) + "]",
    "answer in the answer": "<answer>{right}</answer>",
    "answer closed twice": "{wrong}</answer><answer>{right}",
    "capital tags": "<ANSWER>{right}</ANSWER>",
    "reasoning in the answer": "<reasoning>{wrong}</reasoning>{right}",
    "half a surrogate pair": "\ud800",
    "zero bytes": "\x00" * 300,
}
FORM = "<think>{think}</think><semantics>{semantics}</semantics><scale>{scale}</scale><answer>{answer}</answer>"
# Whole replies; a format of their own.
REPLIES = {
    "empty": "",
    "one right answer without tags": "{right}",
    "tags without end": "<think>" * 100_000,
    "tags of all kinds": "<think><semantics><scale><answer>" * 30_000,
    "closing tags": "</answer>" * 110_000,
    "angle brackets": "<" * MB,
    "unclosed": "<think>x<semantics>cup, bowl<scale>62 cm<answer>{right}",
    "nested": "<think><semantics>cup, bowl<scale>62 cm<answer>{right}</answer></scale></semantics></think>",
    "all in the reasoning": "<think><answer>{right}</answer></think><semantics></semantics><scale></scale>",
    "tags in capitals": FORM.upper(),
    "twice": FORM + FORM,
    "every letter in an answer of its own": "".join(f"<answer>{letter}</answer>" for letter in "ABC"),
    "1 MB of reasoning": FORM.replace("{think}", "x" * MB),
    "1 MB of digits": FORM.replace("{answer}", "9" * MB),
    "1 MB of exponents": FORM.replace("{answer}", "1e" * (MB // 2)),
    "1 MB of names": FORM.replace("{semantics}", "cup, " * (MB // 5)),
    "1 MB of coordinates": FORM.replace("{think}", "(1, 2) " * (MB // 7)),
}


def _columns(question):
    anchor = {"semantics": OBJECTS, "scale_value": 62.0, "scale_unit": "cm"}
    return {name: [value] for name, value in (question | {"anchors": anchor, "regions": [REGION]}).items()}


def _rewards(reply, question):
    """Every reward of a reply; the progressive and other sums with and without the format reward."""
    columns = _columns(question)
    anchored = {f"anchored, {name}": AnchoredReward(ENCODER, combination=name) for name in COMBINATIONS}
    rules = {
        "format": format_reward,
        "answer": answer_reward,
        "scale": scale_reward,
        "detection": detection_reward,
        "consistency": consistency_reward,
        "grounding": grounding_reward,
    }
    rewards = {name: reward([reply], **columns)[0] for name, reward in (rules | anchored).items()}
    rewards["semantics"] = semantic_reward([reply], encoder=ENCODER, **columns)[0]
    rewards["smooth"] = answer_reward([reply], smooth=True, **columns)[0]
    return {name: 0.0 if value is None else value for name, value in rewards.items()}


def _fill(text, right, wrong):
    for name, value in (("{right}", right), ("{wrong}", wrong)):
        text = text.replace(name, value)
    return text


def _reply(**parts):
    return FORM.format(**{"think": "Hm.", "semantics": "cup, bowl", "scale": "62 cm", "answer": "?"} | parts)


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_honest_right_reply_earns_everything(name):
    question, right, wrong = QUESTIONS[name]
    think = f"The cup at (20, 20). So it is {question['options'][1] if question['options'] else right}."
    rewards = _rewards(_reply(think=think, answer=right), question)
    assert rewards.pop("detection") == (name == "boxes")
    assert rewards.pop("consistency") == (name != "boxes")  # nobody ends reasoning in a list of boxes
    assert set(rewards.values()) == {1.0}


@pytest.mark.parametrize("hack", CLAIMS)
@pytest.mark.parametrize("name", QUESTIONS)
def test_no_claim_earns_more_than_an_honest_wrong_answer(name, hack):
    question, right, wrong = QUESTIONS[name]
    if name == "count" and hack in ("kilograms", "light-years"):
        pytest.skip("things of any name can be counted")
    hacked = _rewards(_reply(answer=_fill(CLAIMS[hack], right, wrong)), question)
    honest = _rewards(_reply(answer=wrong), question)
    assert all(hacked[kind] <= honest[kind] for kind in honest), (hacked, honest)


@pytest.mark.parametrize("hack", CLAIMS)
@pytest.mark.parametrize("part", ["semantics", "scale"])
def test_no_anchor_earns_more_than_an_honest_wrong_one(part, hack):
    question, right, wrong = QUESTIONS["choice"]
    claim = _fill(CLAIMS[hack], *(("cup, bowl", "tin") if part == "semantics" else ("62 cm", "300 cm")))
    hacked = _rewards(_reply(answer=wrong, **{part: claim}), question)
    assert hacked["semantics" if part == "semantics" else "scale"] == 0.0
    assert hacked["anchored, progressive"] <= 0.4 and hacked["answer"] == 0.0


@pytest.mark.parametrize("hack", REPLIES)
@pytest.mark.parametrize("name", QUESTIONS)
def test_no_reply_earns_more_than_an_honest_wrong_one(name, hack):
    question, right, wrong = QUESTIONS[name]
    text = REPLIES[hack].replace("{semantics}", "cup, bowl").replace("{scale}", "62 cm").replace("{think}", "Hm.")
    text = text.replace("{answer}", right)
    hacked, honest = _rewards(_fill(text, right, wrong), question), _rewards(_reply(answer=wrong), question)
    assert all(hacked[kind] <= honest[kind] for kind in honest), (hacked, honest)
