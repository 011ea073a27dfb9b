"""Figures that others published beside those of a run, in the form of the paper's Tables 2 and 5.

A run on the questions of the paper is comparable and stands in the paper's column. A run on other questions stands in
a column, or in a table, that says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from dataset_builders.taxonomy import SCALE_NAMES
from evaluate_metrics.report.results import Results

PERCENT = {"vsi-bench", "vsi-bench-debiased"}
"""Benchmarks whose public scorer states percent; the others state shares."""
CATEGORIES = {"tiny_tabletop": "TinyTabletop", "tabletop": "Tabletop", "indoor": "Indoor", "outdoor": "Outdoor"}
"""Our scales and the categories of SpaceVista-Bench."""


@dataclass(frozen=True)
class Cell:
    """One figure.

    Attributes:
        value: Percent.
        interval: 95 %, of a figure of ours; None where it has none.
    """

    value: float
    interval: Sequence[float] | None = None


@dataclass(frozen=True)
class Row:
    """The figures of one model.

    Attributes:
        name: Of the model.
        cells: One per column, None where there is no figure.
    """

    name: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Table:
    """Figures of models.

    Attributes:
        columns: Heads.
        ours: Rows of the runs at hand.
        groups: Title → rows that others published.
        source: Of the published rows.
        notes: What a reader has to know.
    """

    columns: tuple[str, ...]
    ours: tuple[Row, ...]
    groups: dict[str, tuple[Row, ...]]
    source: str
    notes: tuple[str, ...]


def benchmark_table(runs: Sequence[Results]) -> Table:
    """Return the table over benchmarks, as Table 2; runs on other questions get columns of their own.

    Args:
        runs: Of one model, each on another benchmark.
    """
    published = _published()["benchmarks"]
    comparable = {run.data["benchmark"]: run for run in runs if run.data["benchmark"] in published["columns"]}
    others = [run for run in runs if run.data["benchmark"] not in published["columns"]]
    name = runs[0].data["model"]
    read = [headline(comparable[one]) if one in comparable else None for one in published["columns"]]
    rows = [Row(name, (*read, *map(headline, others)))]
    scored = [as_published(comparable[one]) if one in comparable else None for one in published["columns"]]
    if any(scored):
        rows.append(Row(f"{name}, public scorer", (*scored, *[None] * len(others))))
    notes = [published["note"]]
    if others:
        notes.append(f"{', '.join(map(_title, others))}: other questions than those of the paper, not comparable.")
    return Table(
        columns=(*published["columns"].values(), *map(_title, others)),
        ours=tuple(rows),
        groups=_groups(published, len(others)),
        source=published["source"],
        notes=tuple(notes),
    )


def scale_table(run: Results) -> Table | None:
    """Return the table over scales, as Table 5; None for a benchmark that is not about scales."""
    if run.data["benchmark"] not in ("spacevista", "spacevista-bench"):
        return None
    published = _published()["scales"]
    more = [scale for scale in SCALE_NAMES if scale in run.data["by_scale"] and scale not in published["columns"]]
    figures = run.data["by_scale"] | {"overall": run.data["overall"]["micro"]}
    rows = [Row(run.data["model"], tuple(_ours(figures.get(name)) for name in (*published["columns"], *more)))]
    notes = [published["note"]]
    if run.data["benchmark"] == "spacevista":
        notes.append(f"{_title(run)} holds other questions than SpaceVista-Bench, so the rows are not comparable.")
    elif "error" not in run.data["columns"]["published"]:
        scored = _published_scales(run.data["columns"]["published"])
        cells = tuple(scored.get(name) for name in (*published["columns"], *more))
        rows.append(Row(f"{run.data['model']}, public scorer", cells))
    heads = (*published["columns"].values(), *(scale.capitalize() for scale in more))
    return Table(heads, tuple(rows), _groups(published, len(more)), published["source"], tuple(notes))


def radar_rows(table: Table) -> list[Row]:
    """Return the published rows that the radar plot over benchmarks shows, on the paper's columns."""
    rows = {row.name: row for group in table.groups.values() for row in group}
    number = len(_published()["benchmarks"]["columns"])
    return [Row(name, rows[name].cells[:number]) for name in _published()["benchmarks"]["radar"]]


def headline(run: Results) -> Cell:
    """Return the one figure of a run, answers read in our way, with its interval."""
    columns = run.data["columns"]
    if columns is None:
        return _ours(run.data["overall"]["micro"])
    robust = columns["robust"]
    figure = next(robust[name] for name in ("overall", "micro", "vanilla") if name in robust)
    return Cell(figure["score"], figure["interval"])


def as_published(run: Results) -> Cell | None:
    """Return the one figure of a run under its public scorer; None where that crashes on these questions."""
    figures = run.data["columns"]["published"]
    if "error" in figures:
        return None
    return Cell(figures["overall"] * (1 if run.data["benchmark"] in PERCENT else 100))


def _published_scales(figures: Mapping) -> dict[str, Cell]:
    found = {
        scale: Cell(100 * figures["per_category"][category]["overall"])
        for scale, category in CATEGORIES.items()
        if category in figures["per_category"]
    }
    return found | {"overall": Cell(100 * figures["overall"])}


def _ours(figures: Mapping | None) -> Cell | None:
    return None if figures is None else Cell(figures["model"], figures["interval"])


def _title(run: Results) -> str:
    name = run.data["benchmark"]
    return run.data["dataset"] if name == "spacevista" else name


def _groups(published: Mapping, more: int) -> dict[str, tuple[Row, ...]]:
    return {
        title: tuple(
            Row(name, (*(None if value is None else Cell(value) for value in values), *[None] * more))
            for name, values in rows.items()
        )
        for title, rows in published["groups"].items()
    }


@cache
def _published() -> dict:
    return yaml.safe_load(files(__package__).joinpath("published.yaml").read_text(encoding="utf-8"))
