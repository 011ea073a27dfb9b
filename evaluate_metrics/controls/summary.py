"""Answers under all conditions → how much of a score survives each control."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from evaluate_metrics.bootstrap import SceneBootstrap, interval
from evaluate_metrics.controls import CONTROLS, PRIOR
from evaluate_metrics.controls.prior import prior_answers
from evaluate_metrics.scoring import score

Rows = Mapping[tuple[str, str], Mapping]
"""(id, condition) → row of predictions.jsonl."""


def summarize_controls(names: Sequence[str], records: Sequence[dict], rows: Rows) -> dict[str, dict]:
    """Compare every control with the plain answers to the same questions.

    Args:
        names: Of the controls that were run.
        records: The questions.
        rows: Their answers.

    Returns:
        Per control `n` questions, `plain` score on them, `score` under the control, `survives` (their ratio; None
        where nothing scored), `change` with its 95 % interval over scenes, all in percent, `levels` where it has
        several, and what is expected of this control alone: see `_EXTRAS`. A control that applies to no question
        has `n` 0 and nothing else.
    """
    return {name: _one(name, records, rows) for name in names}


def format_controls(controls: Mapping[str, Mapping]) -> str:
    """Write the controls as a table."""
    width = max(len(name) for name in controls)
    lines = [f"{'control':{width}}  {'n':>6}  {'plain':>6}  {'score':>6}  {'survives':>8}  change [95 % interval]"]
    lines.append("-" * len(lines[0]))
    for name, figures in controls.items():
        if not figures["n"]:
            lines.append(f"{name:{width}}  {0:6d}  applies to no question")
            continue
        low, high = figures["change"]["interval"]
        survives = "-" if figures["survives"] is None else f"{figures['survives']:.1f} %"
        extras = "".join(f"  {key} {figures[key]:.1f} %" for key in _NAMES if figures.get(key) is not None)
        lines.append(
            f"{name:{width}}  {figures['n']:6d}  {figures['plain']:6.1f}  {figures['score']:6.1f}  {survives:>8}"
            f"  {figures['change']['mean']:+6.1f} [{low:+.1f}, {high:+.1f}]{extras}"
        )
    return "\n".join(lines)


def _one(name: str, records: Sequence[dict], rows: Rows) -> dict:
    if name == PRIOR:
        values = [score(record, answer).value for record, answer in zip(records, prior_answers(records), strict=True)]
        return _figures(records, [rows[record["id"], "video"]["score"] for record in records], values)
    found = {
        condition.name: [record for record in records if (record["id"], condition.name) in rows]
        for condition in CONTROLS[name]
    }
    asked = [(record, condition) for condition, chosen in found.items() for record in chosen]
    if not asked:
        return {"n": 0}
    plain = [rows[record["id"], "video"]["score"] for record, _ in asked]
    figures = _figures(
        [record for record, _ in asked], plain, [rows[record["id"], condition]["score"] for record, condition in asked]
    )
    if len(CONTROLS[name]) > 1:
        figures["levels"] = {
            condition: _percent(np.mean([rows[record["id"], condition]["score"] for record in chosen]))
            for condition, chosen in found.items()
            if chosen
        }
    return figures | (_EXTRAS[name](found, rows) if name in _EXTRAS else {})


def _figures(records: Sequence[dict], plain: Sequence[float], values: Sequence[float]) -> dict:
    before, after = 100 * np.asarray(plain), 100 * np.asarray(values)
    bootstrap = SceneBootstrap([record["scene_id"] for record in records])
    bounds = interval(bootstrap.means(after - before, np.ones(len(records), dtype=bool)))
    return {
        "n": len({record["id"] for record in records}),
        "plain": _percent(before.mean() / 100),
        "score": _percent(after.mean() / 100),
        "survives": _percent(after.mean() / before.mean()) if before.any() else None,
        "change": {
            "mean": _percent((after - before).mean() / 100),
            "interval": [_percent(bound / 100) for bound in bounds],
        },
    }


def _unchanged(found: Mapping[str, Sequence[dict]], rows: Rows) -> dict:
    """Return how many of the counts that could be read are the same after the video was shown twice."""
    pairs = [
        (rows[record["id"], "video"]["parsed"], rows[record["id"], "repeated"]["parsed"])
        for record in found["repeated"]
    ]
    return {"unchanged": _share([before == after for before, after in pairs if before is not None])}


def _flipped(found: Mapping[str, Sequence[dict]], rows: Rows) -> dict:
    """Return how many answers that were right before the mirror went to the other side; None if none was right."""
    right = [
        rows[record["id"], "mirrored"]["score"]
        for record in found["mirrored"]
        if rows[record["id"], "video"]["score"] == 1
    ]
    return {"flipped": _share(right)}


def _all_right(found: Mapping[str, Sequence[dict]], rows: Rows) -> dict:
    """Return how many choices are right in every order of their options."""
    worst: dict[str, float] = {}
    for condition, chosen in found.items():
        for record in chosen:
            identity = record["id"]
            before = worst.get(identity, rows[identity, "video"]["score"])
            worst[identity] = min(before, rows[identity, condition]["score"])
    return {"all_right": _percent(np.mean(list(worst.values())))}


def _abstained(found: Mapping[str, Sequence[dict]], rows: Rows) -> dict:
    """Return how often the model abstained where it should, and where it should not."""
    should = [
        rows[record["id"], name]["abstained"]
        for name in ("unanswerable-absent", "unanswerable-occluded")
        for record in found[name]
    ]
    needless = [
        rows[record["id"], "unanswerable-answerable"]["abstained"] for record in found["unanswerable-answerable"]
    ]
    return {"abstained": _share(should), "abstained_needlessly": _share(needless)}


def _share(values: Sequence[float]) -> float | None:
    return _percent(np.mean(values)) if values else None


def _percent(share: float) -> float:
    """Round away what depends on the order of additions."""
    return round(100 * float(share), 4) + 0.0


_EXTRAS: dict[str, Callable] = {
    "repeated": _unchanged,
    "mirrored": _flipped,
    "circular": _all_right,
    "unanswerable": _abstained,
}
_NAMES = ("unchanged", "flipped", "all_right", "abstained", "abstained_needlessly")
