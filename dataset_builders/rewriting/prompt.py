"""A row of the dataset → what a model is asked, and its reply → a rewrite."""

import json
from collections.abc import Mapping

from dataset_builders.record import LETTERS

MAX_REPLY_TOKENS = 2048
SYSTEM = """You edit questions about a video of a scene. You get JSON with a question, its computed answer and the
computation behind it. Reply with one JSON object {"question": "...", "rationale": "..."} and nothing else.
question: the same question in other, natural words. Keep every number, object name, colour, direction, unit, choice
and text in square brackets, as often and in the same order as in the original; do not answer it and do not add or
drop a condition.
rationale: one to four sentences that lead to the answer, using only the numbers and objects given. The last sentence
ends with exactly the text of "answer", followed by a full stop.
Plain text in one line each: no markup, no lists."""


def answer_text(row: Mapping) -> str:
    """Return the printed answer: the text of the right option, or the answer with its unit.

    >>> answer_text({"options": ["left", "right"], "answer": "B", "unit": ""})
    'right'
    >>> answer_text({"options": [], "answer": "2.5", "unit": "m"})
    '2.5 m'
    """
    if row["options"]:
        return row["options"][LETTERS.index(row["answer"])]
    return f"{row['answer']} {row['unit'] or ''}".strip()


def chat_request(row: Mapping, model: str) -> dict:
    """Return the body of the request: it alone decides the reply, as far as the server allows."""
    facts = {
        "question": row["question"],
        "options": row["options"],
        "answer": answer_text(row),
        "computation": row["rationale"],
        "measured": measured(row),
    }
    return {
        "model": model,
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": json.dumps(facts, ensure_ascii=False, sort_keys=True)},
        ],
        "temperature": 0,
        "seed": 0,
        "max_tokens": MAX_REPLY_TOKENS,
    }


def measured(row: Mapping) -> dict:
    """Return the intermediate quantities of a row, metres and degrees."""
    return json.loads(row["provenance"]).get("measured", {})
