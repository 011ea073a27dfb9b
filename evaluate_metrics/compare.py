"""Two runs on the same questions: which one is better at what, and whether the difference could be chance.

Questions are paired by id. Significance is that of a sign-flip test over scenes: if the two models were equal, the
difference that a scene makes would be as likely with the opposite sign. p is the share of all 2^S sign patterns whose
difference is at least as large, counted exactly: scores are whole numbers of thousandths, so the distribution of their
sum is a finite table. p values are stated per task, without a correction for the number of tasks.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dataset_builders.errors import InputError
from dataset_builders.taxonomy import TASK_NAMES
from evaluate_metrics.bootstrap import SceneBootstrap, interval
from evaluate_metrics.joining import join, read_run

_UNITS = 1000
"""A score is counted in thousandths."""


def compare(folder_a: Path, folder_b: Path, condition: str = "video") -> dict:
    """Compare run B with run A on the questions that both answered.

    Args:
        folder_a: Output folder of `python -m evaluate_metrics run`.
        folder_b: Another one.
        condition: Under which the questions were asked.

    Returns:
        `a`, `b`, `condition`; `coverage`: `questions` compared, `scenes`, and the ids `only_in_a`, `only_in_b`,
        `repeated_in_a`, `repeated_in_b`, `failed_in_a`, `failed_in_b`; `overall` and `by_task`: `n`, the scores `a`,
        `b` and their `difference` in percent with its 95 % `interval` over scenes, `wins`, `losses` of B, `ties`
        and `p`.

    Raises:
        InputError: if a run has no predictions, the runs share no question, or ask different things under one id.
    """
    rows_a, rows_b = read_run(folder_a, condition), read_run(folder_b, condition)
    ids = list(dict.fromkeys(row["id"] for row in rows_a))
    joined_a = join(ids, ((row["id"], row) for row in rows_a))
    joined_b = _same_benchmark(folder_b, ids, rows_b)
    pairs = [(a, b) for a, b in zip(joined_a.predictions, joined_b.predictions, strict=True) if b is not None]
    _check_pairs(folder_b, pairs)
    tasks = [a["task"] for a, _ in pairs]
    table = _Table(pairs)
    return {
        "a": Path(folder_a).resolve().name,
        "b": Path(folder_b).resolve().name,
        "condition": condition,
        "coverage": {
            "questions": len(pairs),
            "scenes": len({a["scene_id"] for a, _ in pairs}),
            "only_in_a": list(joined_b.missing),
            "only_in_b": list(dict.fromkeys(joined_b.unknown)),
            "repeated_in_a": list(joined_a.repeated),
            "repeated_in_b": list(joined_b.repeated),
            "failed_in_a": [a["id"] for a, _ in pairs if a.get("error")],
            "failed_in_b": [b["id"] for _, b in pairs if b.get("error")],
        },
        "overall": table.row(np.ones(len(pairs), dtype=bool)),
        "by_task": {task: table.row(np.array([one == task for one in tasks])) for task in _in_order(tasks)},
    }


def format_comparison(result: Mapping) -> str:
    """Write a comparison as a table, and below it what could not be compared."""
    rows = [*result["by_task"].items(), None, ("all questions", result["overall"])]
    width = max(len(row[0]) for row in rows if row)
    head = f"{'':{width}}  {'n':>6}  {'A':>6}  {'B':>6}  {'B - A':>6}  {'95 % interval':>15}  win/loss/tie  {'p':>7}"
    rule = "-" * len(head)
    lines = [f"A: {result['a']}, B: {result['b']}, condition {result['condition']}", head, rule]
    lines += [rule if row is None else _table_row(*row, width) for row in rows]
    coverage = result["coverage"]
    lines += [
        "",
        f"{coverage['questions']} questions of {coverage['scenes']} scenes, paired; p by sign flips of scenes",
    ]
    named = {name: ids for name, ids in coverage.items() if isinstance(ids, list) and ids}
    lines += [f"{name.replace('_', ' ')}: {len(ids)} ({_first(ids)})" for name, ids in named.items()]
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `compare` on its parser."""
    for name in ("a", "b"):
        parser.add_argument(f"folder_{name}", type=Path, metavar=name.upper(), help="output folder of a run")
    parser.add_argument("--condition", default="video", metavar="NAME", help="(default: %(default)s)")


def sign_flip_p(values: Sequence[float], clusters: Sequence[str]) -> float:
    """Return the exact two-sided p value of a sum under flips of the signs of whole clusters.

    Args:
        values: (N,) differences, in thousandths at the finest.
        clusters: (N,) the cluster of each.

    >>> sign_flip_p([1.0, 1.0, 1.0], ["a", "b", "c"]), sign_flip_p([1.0, 1.0, 1.0], ["a", "a", "a"])
    (0.25, 1.0)
    """
    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.rint(np.bincount(cluster, weights=np.rint(np.asarray(values) * _UNITS))).astype(int)
    sums = np.abs(sums[sums != 0])
    if not len(sums):
        return 1.0
    steps = sums // np.gcd.reduce(sums)
    # chance[k]: that flips add up to k steps less than all of them; every cluster adds 0 or twice its steps.
    chance = np.ones(1)
    for step in steps:
        wider = np.zeros(len(chance) + step)
        wider[: len(chance)] += chance / 2
        wider[step:] += chance / 2
        chance = wider
    observed = abs(int(np.rint(np.sum(np.asarray(values) * _UNITS)))) // int(np.gcd.reduce(sums))
    totals = 2 * np.arange(len(chance)) - steps.sum()
    return float(min(1.0, chance[np.abs(totals) >= observed].sum()))


class _Table:
    """Differences of paired rows, with one set of resamples for all of them."""

    def __init__(self, pairs: Sequence[tuple[Mapping, Mapping]]):
        self._scores = np.array([(a["score"], b["score"]) for a, b in pairs])
        self._scenes = np.array([a["scene_id"] for a, _ in pairs])
        self._bootstrap = SceneBootstrap(self._scenes)

    def row(self, chosen: np.ndarray) -> dict:
        """Compare the chosen questions, (N,) bool."""
        a, b = self._scores[chosen].T
        bounds = interval(100 * self._bootstrap.means(self._scores[:, 1] - self._scores[:, 0], chosen))
        return {
            "n": int(chosen.sum()),
            "a": _percent(a.mean()),
            "b": _percent(b.mean()),
            "difference": _percent((b - a).mean()),
            "interval": [round(bound, 4) + 0.0 for bound in bounds],
            "wins": int((b > a).sum()),
            "losses": int((b < a).sum()),
            "ties": int((b == a).sum()),
            "p": float(f"{sign_flip_p(b - a, self._scenes[chosen]):.6g}"),
        }


def _same_benchmark(folder: Path, ids: Sequence[str], rows: Sequence[Mapping]):
    try:
        return join(ids, ((row["id"], row) for row in rows))
    except InputError as error:
        problem = f"shares no question with the other run, which has {len(ids)}"
        raise InputError(Path(folder), "predictions", problem, "compare runs on the same benchmark") from error


def _check_pairs(folder: Path, pairs: Sequence[tuple[Mapping, Mapping]]) -> None:
    for a, b in pairs:
        for field in ("task", "scene_id", "reference"):
            if a.get(field) != b.get(field):
                problem = f"has {field} {b.get(field)!r}, in the other run {a.get(field)!r}"
                raise InputError(Path(folder), f"question {a['id']}", problem, "compare runs on the same benchmark")


def _in_order(tasks: Sequence[str]) -> list[str]:
    """Return each task once: ours in the order of the paper, others by name."""
    return [task for task in [*TASK_NAMES, *sorted(set(tasks) - set(TASK_NAMES))] if task in tasks]


def _percent(value: float) -> float:
    return round(100 * float(value), 4) + 0.0


def _table_row(name: str, row: Mapping, width: int) -> str:
    low, high = row["interval"]
    games = f"{row['wins']}/{row['losses']}/{row['ties']}"
    scores = f"{row['a']:6.1f}  {row['b']:6.1f}  {row['difference']:+6.1f}"
    return f"{name:{width}}  {row['n']:6d}  {scores}  {f'[{low:+.1f}, {high:+.1f}]':>15}  {games:>12}  {row['p']:7.2g}"


def _first(ids: Sequence[str]) -> str:
    return ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
