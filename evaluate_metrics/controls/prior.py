"""Prior: what somebody scores who knows how often each answer is right in a category, and sees nothing.

Per task and kind of answer the median number, the most frequent letter, or the most frequent words, over the same
questions (the "frequency" baseline of VSI-Bench). It asks no model.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median

from dataset_builders.taxonomy import METRES


def prior_answers(records: Sequence[dict]) -> list[str]:
    """Return the answer of the prior to each question.

    >>> row = {"task": "object_counting", "answer_type": "regression", "unit": ""}
    >>> prior_answers([row | {"answer": answer} for answer in ("1", "2", "9")])
    ['2', '2', '2']
    """
    groups = defaultdict(list)
    for record in records:
        groups[record["task"], record["answer_type"]].append(record)
    known = {key: _typical(rows) for key, rows in groups.items()}
    return [_said(known[record["task"], record["answer_type"]], record) for record in records]


def _typical(rows: Sequence[dict]) -> float | str:
    """Return the median, in metres or square metres where it has a unit, or the most frequent answer."""
    if rows[0]["answer_type"] == "regression":
        return median(float(row["answer"]) * METRES.get(row["unit"], 1) for row in rows)
    return Counter(sorted(row["answer"] for row in rows)).most_common(1)[0][0]


def _said(typical: float | str, record: dict) -> str:
    if isinstance(typical, str):
        return typical
    return f"{typical / METRES.get(record['unit'], 1):.6g} {record['unit']}".strip()
