"""SpaceVista-Bench as scored by PeiwenSun2000/SpaceVista at 920a9b7, `eval/metrics/spacevista_bench.py`.

The answer type is that of the row: "mc", "numerical" or "text"; questions of any other type score 0 there.
"""

from collections.abc import Mapping, Sequence

from evaluate_metrics.mra import mean_relative_accuracy
from evaluate_metrics.published import reading
from evaluate_metrics.published.means import mean, means_by

CATEGORIES = ("Indoor", "Outdoor", "Tabletop", "TinyTabletop")
_NAMES = {"mc": ("mc_accuracy", "mc_count"), "numerical": ("num_MRA", "num_count")}
_NAMES["text"] = ("text_accuracy", "text_count")


def official(predictions: Sequence[str], references: Sequence[Mapping]) -> dict:
    """Return `per_category`, `per_type`, `overall` and `total_count`; figures in [0, 1].

    `overall` is the mean over questions. Categories other than the four are left out of `per_category`.
    """
    values = [_score(prediction, row) for prediction, row in zip(predictions, references, strict=True)]
    categories = [row["category"] for row in references]
    tasks = [row["task"] for row in references]
    return {
        "per_category": {
            name: _category([(row["answer_type"], value) for row, value in _of(name, references, values)])
            for name in CATEGORIES
            if name in categories
        },
        "per_type": {
            task: {"score": score, "count": tasks.count(task)} for task, score in means_by(tasks, values).items()
        },
        "overall": mean(values),
        "total_count": len(values),
    }


def _of(category: str, references: Sequence[Mapping], values: Sequence[float]) -> list[tuple[Mapping, float]]:
    return [pair for pair in zip(references, values, strict=True) if pair[0]["category"] == category]


def _category(pairs: list[tuple[str, float]]) -> dict[str, float]:
    figures: dict[str, float] = {"count": len(pairs)}
    for kind, (score, count) in _NAMES.items():
        values = [value for one, value in pairs if one == kind]
        if values:
            figures |= {score: mean(values), count: len(values)}
    return figures | {"overall": mean([value for _, value in pairs])}


def _score(prediction: str, row: Mapping) -> float:
    answer = reading.official_answer(prediction)
    if row["answer_type"] == "mc":
        return reading.same_text(reading.official_letter(answer), row["answer"])
    if row["answer_type"] == "numerical":
        guess, truth = reading.official_number(answer), reading.to_float(row["answer"])
        return 0.0 if guess is None or truth is None else mean_relative_accuracy(guess, truth, "official")
    return reading.same_text(reading.official_answer(answer), row["answer"]) if row["answer_type"] == "text" else 0.0
