"""CV-Bench by the formula of its authors, as lmms-eval 0.7.3 runs it (`lmms_eval/tasks/cv_bench/utils.py`)."""

from collections.abc import Mapping, Sequence

from evaluate_metrics.published.reading import lmms_letter


def lmms(predictions: Sequence[str], references: Sequence[Mapping]) -> dict[str, float]:
    """Return `cv_bench_accuracy` = ½ (½ (ADE20K + COCO) + Omni3D) and the accuracy of each source, in [0, 1].

    Raises:
        KeyError: where one of the three sources has no questions, as there.
    """
    hits: dict[str, list[bool]] = {}
    for prediction, row in zip(predictions, references, strict=True):
        hits.setdefault(row["source"], []).append(lmms_letter(prediction) == row["answer"].strip("()"))
    accuracy = {source: sum(one) / len(one) for source, one in hits.items()}
    return {"cv_bench_accuracy": 0.5 * ((accuracy["ADE20K"] + accuracy["COCO"]) / 2 + accuracy["Omni3D"]), **accuracy}
