"""Scored predictions → the figures of `results.json` → the table that is printed."""

from collections.abc import Mapping, Sequence

import numpy as np

from dataset_builders.taxonomy import SCALE_NAMES, TASK_NAMES
from evaluate_metrics.bootstrap import SceneBootstrap, interval
from evaluate_metrics.scoring import chance

_MODEL, _BLIND, _CHANCE = range(3)


def summarize(records: Sequence[Mapping], scores: Mapping[str, Sequence[float]]) -> dict:
    """Average the scores over all questions, tasks and scales, each with its 95 % interval over scenes.

    Args:
        records: The questions, rows with `scene_id`, `task`, `scale` and what `chance` reads.
        scores: `video` and `blind`, each (N,) scores in [0, 1], in the order of `records`.

    Returns:
        `overall` (`micro`: mean over questions; `macro`: mean over tasks), `by_task` and `by_scale`, in percent; where
        there are conversations also `by_turn`, of their questions alone.
    """
    values = 100 * np.stack([scores["video"], scores["blind"], chance(records)], axis=1)
    bootstrap = SceneBootstrap([record["scene_id"] for record in records])
    tasks, scales = ([record[name] for record in records] for name in ("task", "scale"))
    # Tasks of other benchmarks come after ours, in the order of their first question.
    known = [task for task in TASK_NAMES if task in tasks]
    by_task = {task: np.array([other == task for other in tasks]) for task in dict.fromkeys([*known, *tasks])}
    by_scale = {scale: np.array([other == scale for other in scales]) for scale in SCALE_NAMES if scale in scales}
    turns = [1 + len(record["earlier"]) if "earlier" in record else None for record in records]
    by_turn = {f"turn {turn}": np.array([other == turn for other in turns]) for turn in sorted(set(turns) - {None})}
    everything = np.ones(len(records), dtype=bool)

    def mean_over(chosen: np.ndarray) -> dict:
        return _figures(int(chosen.sum()), values[chosen].mean(axis=0), bootstrap.means(values, chosen))

    task_means = np.stack([values[chosen].mean(axis=0) for chosen in by_task.values()])
    task_resamples = np.stack([bootstrap.means(values, chosen) for chosen in by_task.values()])
    macro = _figures(len(records), task_means.mean(axis=0), np.nanmean(task_resamples, axis=0))
    return {
        "overall": {"micro": mean_over(everything), "macro": macro},
        "by_task": {task: mean_over(chosen) for task, chosen in by_task.items()},
        "by_scale": {scale: mean_over(chosen) for scale, chosen in by_scale.items()},
        **({"by_turn": {turn: mean_over(chosen) for turn, chosen in by_turn.items()}} if by_turn else {}),
    }


def format_table(results: Mapping) -> str:
    """Write the figures of `results.json` as a table: a row per task, scale and turn, and for both overall means.

    Returns:
        Lines of text, percent, the margin over the blind score with its 95 % interval.
    """
    rows = [*results["by_task"].items(), None, *results["by_scale"].items(), None]
    rows += [*results["by_turn"].items(), None] if "by_turn" in results else []
    rows += [(f"{name} mean", figures) for name, figures in results["overall"].items()]
    width = max(len(row[0]) for row in rows if row)
    head = f"{'':{width}}  {'n':>6}  {'model':>6}  {'blind':>6}  {'chance':>6}  over blind [95 % interval]"
    rule = "-" * len(head)
    return "\n".join([head, rule, *(rule if row is None else _table_row(*row, width) for row in rows)])


def _figures(count: int, means: np.ndarray, resampled: np.ndarray) -> dict:
    """Lay out one row of figures; means (3,) and resampled (R, 3) hold model, blind and chance."""
    return {
        "n": count,
        "model": _percent(means[_MODEL]),
        "blind": _percent(means[_BLIND]),
        "chance": _percent(means[_CHANCE]),
        "interval": [_percent(bound) for bound in interval(resampled[:, _MODEL])],
        "over_blind": _margin(means, resampled, _BLIND),
        "over_chance": _margin(means, resampled, _CHANCE),
    }


def _margin(means: np.ndarray, resampled: np.ndarray, baseline: int) -> dict:
    bounds = interval(resampled[:, _MODEL] - resampled[:, baseline])
    return {"margin": _percent(means[_MODEL] - means[baseline]), "interval": [_percent(bound) for bound in bounds]}


def _percent(value: float) -> float:
    """Round away what depends on the order of additions, so that every machine writes the same digits."""
    return round(float(value), 4) + 0.0


def _table_row(name: str, figures: Mapping, width: int) -> str:
    scores = "  ".join(f"{figures[key]:6.1f}" for key in ("model", "blind", "chance"))
    low, high = figures["over_blind"]["interval"]
    margin = f"{figures['over_blind']['margin']:+6.1f} [{low:+.1f}, {high:+.1f}]"
    return f"{name:{width}}  {figures['n']:6d}  {scores}  {margin}"
