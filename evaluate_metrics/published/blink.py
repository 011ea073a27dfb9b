"""BLINK as scored by zeyofu/BLINK_Benchmark at 2d6a779, `eval/evaluate.py`.

There a prediction is one of "(A)", "(B)", … already, free text having been mapped to it by a judge model; any other
text is wrong.
"""

from collections.abc import Mapping, Sequence

from evaluate_metrics.published.means import sum_in_order

SUBTASKS = (
    "Visual_Similarity",
    "Counting",
    "Relative_Depth",
    "Jigsaw",
    "Art_Style",
    "Functional_Correspondence",
    "Semantic_Correspondence",
    "Spatial_Relation",
    "Object_Localization",
    "Visual_Correspondence",
    "Multi-view_Reasoning",
    "Relative_Reflectance",
    "Forensic_Detection",
    "IQ_Test",
)


def own(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return the accuracy of each subtask and their mean `Total`, in [0, 1]."""
    hits: dict[str, list[bool]] = {}
    for prediction, row in zip(predictions, references, strict=True):
        letter = row["answer"].strip("()")
        hits.setdefault(row["task"], []).append(prediction == f"({letter})")
    accuracy = {task: sum(hits[task]) / len(hits[task]) for task in SUBTASKS if task in hits}
    return {**accuracy, "Total": sum_in_order(accuracy.values()) / len(accuracy)}
