"""Rewards that need no model: format, answer and scale. Lists in, list of floats out; None means "does not apply"."""

import math
from collections.abc import Mapping

from dataset_builders.taxonomy import ANSWER_TYPES
from evaluate_metrics.mra import mean_relative_accuracies, mean_relative_accuracy
from trl_recipes.rewards.claims import claimed_choice, claimed_number
from trl_recipes.rewards.detection import are_boxes, detection_score
from trl_recipes.rewards.reading import anls
from trl_recipes.rewards.tags import read_reply, reply_texts
from trl_recipes.rewards.wording import wording_score

OCR = "ocr"
REWARDED_TYPES = (*ANSWER_TYPES, OCR)
"""What an answer may be: that of a question of ours, or of general data a text that was read off a picture."""


def format_reward(completions, **_) -> list[float]:
    """1.0 where the four parts appear once each and in order, else 0.0 (R_format of the paper, section 4).

    >>> reply = "<think>a</think><semantics>b</semantics><scale>c</scale><answer>d</answer>"
    >>> format_reward([reply, "<answer>d</answer>"])
    [1.0, 0.0]
    """
    return [float(read_reply(text).in_order) for text in reply_texts(completions)]


def answer_reward(completions, answer, answer_type, options, unit, smooth: bool = False, **_) -> list[float]:
    """Correctness of the answer part, as the type of the answer says.

    Of a choice it is the exact letter, of a number its mean relative accuracy, of words what `wording_score` says, of
    a text that was read what `anls` says, and of boxes what `detection_score` says: VST's mixed reward (section 3.3).
    Letters and numbers are read as claims, more strictly than evaluation reads them: see
    `trl_recipes.rewards.claims`.

    Args:
        completions: Replies.
        answer: The right letters; the right numbers in `unit`; the right words; or boxes in the format of VST.
        answer_type: One of `REWARDED_TYPES` for each, by name, or by number as a loaded dataset holds it.
        options: Texts of the options of a multiple-choice question.
        unit: Unit of the asked number; a reply in another unit of the same kind is converted.
        smooth: Give numbers max(0, 1 - 2e) of their relative error e, instead of counting thresholds that e passes.

    Returns:
        Rewards in [0, 1].

    >>> right = {"answer": ["B", "200"], "options": [["cup", "bowl"], []], "unit": ["", "cm"]}
    >>> answer_reward(["<answer>B</answer>", "<answer>2 m</answer>"], answer_type=[1, 0], **right)
    [1.0, 1.0]
    """
    rewards, numbers = [], []
    for text, right, kind, choices, asked in zip(
        reply_texts(completions), answer, map(answer_type_name, answer_type), options, unit, strict=True
    ):
        claim = read_reply(text).parts.get("answer")
        rewards.append(0.0)
        if not claim:
            continue
        if kind == "regression":
            number = claimed_number(claim, asked or "")
            numbers += [] if number is None else [(len(rewards) - 1, number, float(right))]
        elif kind == "multiple_choice":
            rewards[-1] = float(claimed_choice(claim, choices) == right)
        elif kind == OCR:
            rewards[-1] = anls(claim, right)
        else:
            rewards[-1] = detection_score(claim, right) if are_boxes(right) else wording_score(claim, right)
    if numbers:
        places, said, true = zip(*numbers, strict=True)
        scores = _smooth(said, true) if smooth else mean_relative_accuracies(said, true).tolist()
        for place, score in zip(places, scores, strict=True):
            rewards[place] = score
    return rewards


def scale_reward(completions, anchors, **_) -> list[float | None]:
    """Closeness of the estimated scene scale, max(0, 1 - |estimate - scale| / scale), in any unit of length.

    Args:
        completions: Replies.
        anchors: The `anchors` column; rows without a positive `scale_value` get None.

    Returns:
        Rewards in [0, 1], or None where no scale applies.

    >>> scale_reward(["<scale>0.31 m</scale>", "<scale>3</scale>"], [{"scale_value": 62.0, "scale_unit": "cm"}] * 2)[0]
    0.5
    """
    rows = zip(reply_texts(completions), anchors, strict=True)
    return [_closeness(text, anchor) if _has_scale(anchor) else None for text, anchor in rows]


def answer_type_name(kind: str | int) -> str:
    """Return the name of an answer type, of which a loaded dataset holds the number.

    Raises:
        ValueError: if it is none of `REWARDED_TYPES`.
    """
    name = ANSWER_TYPES[kind] if kind in range(len(ANSWER_TYPES)) else kind
    if name not in REWARDED_TYPES:
        raise ValueError(f"answer_type must be one of {', '.join(REWARDED_TYPES)}, got {kind!r}")
    return name


def _smooth(said, true) -> list[float]:
    return [mean_relative_accuracy(number, right, "smooth") for number, right in zip(said, true, strict=True)]


def _has_scale(anchor: Mapping | None) -> bool:
    value = anchor["scale_value"] if anchor else None
    return value is not None and math.isfinite(value) and value > 0


def _closeness(text: str, anchor: Mapping) -> float:
    estimate = claimed_number(read_reply(text).parts.get("scale", ""), anchor["scale_unit"])
    if estimate is None:
        return 0.0
    return max(0.0, 1.0 - abs(estimate - anchor["scale_value"]) / anchor["scale_value"])
