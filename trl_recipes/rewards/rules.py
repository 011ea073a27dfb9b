"""Rewards that need no model: format, answer and scale. Lists in, list of floats out; None means "does not apply"."""

from evaluate_metrics import parse_measure, score
from trl_recipes.rewards.tags import in_order, part, reply_texts


def format_reward(completions, **_) -> list[float]:
    """1.0 where the four parts appear once each and in order, else 0.0 (R_format of the paper, section 4).

    >>> reply = "<think>a</think><semantics>b</semantics><scale>c</scale><answer>d</answer>"
    >>> format_reward([reply, "<answer>d</answer>"])
    [1.0, 0.0]
    """
    return [float(in_order(text)) for text in reply_texts(completions)]


def answer_reward(completions, answer, options, unit, **_) -> list[float]:
    """Correctness of the answer part as evaluation scores it: exact letter, or mean relative accuracy of a number.

    Args:
        completions: Replies.
        answer: The right letters, or the right numbers in `unit`.
        options: Texts of the options; empty where a number is asked.
        unit: Unit of the asked number; a reply in another unit of the same kind is converted.

    Returns:
        Rewards in [0, 1].

    >>> answer_reward(["<answer>B</answer>", "<answer>2 m</answer>"], ["B", "200"], [["cup", "bowl"], []], ["", "cm"])
    [1.0, 1.0]
    """
    rows = zip(reply_texts(completions), answer, options, unit, strict=True)
    return [_correctness(part(text, "answer"), *right) for text, *right in rows]


def scale_reward(completions, anchors, **_) -> list[float | None]:
    """Closeness of the estimated scene scale, max(0, 1 - |estimate - scale| / scale), in any unit of length.

    Args:
        completions: Replies.
        anchors: The `anchors` column; rows without `scale_value` get None.

    Returns:
        Rewards in [0, 1], or None where no scale applies.

    >>> scale_reward(["<scale>0.31 m</scale>", "<scale>3</scale>"], [{"scale_value": 62.0, "scale_unit": "cm"}] * 2)[0]
    0.5
    """
    rows = zip(reply_texts(completions), anchors, strict=True)
    return [
        None if anchor["scale_value"] is None else _closeness(part(text, "scale"), anchor) for text, anchor in rows
    ]


def _correctness(text: str | None, answer: str, options: list[str] | None, unit: str | None) -> float:
    if not text:
        return 0.0
    kind = "multiple_choice" if options else "regression" if _is_number(answer) else "free_form"
    return score({"answer_type": kind, "answer": answer, "options": options, "unit": unit or ""}, text).value


def _is_number(answer: str) -> bool:
    try:
        float(answer)
    except ValueError:
        return False
    return True


def _closeness(text: str | None, anchor: dict) -> float:
    estimate = parse_measure(text or "", anchor["scale_unit"])
    if estimate is None:
        return 0.0
    return max(0.0, 1.0 - abs(estimate - anchor["scale_value"]) / anchor["scale_value"])
