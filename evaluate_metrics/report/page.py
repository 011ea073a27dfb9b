"""The report of an evaluation: `report.html`, one self-contained page, and `report.md` with its pictures beside it."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from dataset_builders.errors import InputError
from evaluate_metrics.report.calibration import calibrate
from evaluate_metrics.report.comparison import Table, benchmark_table, radar_rows, scale_table
from evaluate_metrics.report.drawing import Picture
from evaluate_metrics.report.figures import LINES, bars, radar, ratios
from evaluate_metrics.report.files import write_bytes, write_text
from evaluate_metrics.report.gallery import choose, choose_errors, examples
from evaluate_metrics.report.results import Results, ScoreRow, open_evaluated, open_results, verdict
from evaluate_metrics.report.templating import render, words

BASELINES = ("model", "blind", "chance")
OTHERS = tuple(name for name in LINES if name.startswith("other"))


def write_report(results: Path, output: Path, dataset: Path | None = None, beside: Sequence[Path] = ()) -> Results:
    """Write `report.html`, `report.md`, and `pictures/` and `frames/` for the latter, into a folder.

    Args:
        results: The folder that an evaluation wrote, or its `results.json`.
        output: The folder to write to; files of an earlier report are replaced.
        dataset: The dataset that was evaluated, for the texts and frames of the gallery.
        beside: Evaluations of the same model on other benchmarks, for the table and the radar plot over benchmarks.

    Returns:
        The results that the report shows.

    Raises:
        InputError: if they cannot be read, do not belong together, or `output` cannot be written.
    """
    scores = open_results(results)
    found = contents(scores, dataset, beside)
    texts = {"report.html": render("report.html.jinja", **found), "report.md": render("report.md.jinja", **found)}
    texts |= {f"pictures/{name}.svg": picture.file() for name, picture in found["pictures"].items()}
    frames = {name: content for one in chain(*found["errors"].values()) for name, content in one.files.items()}
    try:
        for folder in ("pictures", *(["frames"] if frames else [])):
            (Path(output) / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be made ({error.strerror})"
        raise InputError(output, "--output", problem, "name a folder in a place that you may write to") from error
    for name, text in texts.items():
        write_text(Path(output) / name, text)
    for name, content in frames.items():
        write_bytes(Path(output) / "frames" / name, content)
    return scores


def contents(results: Results, dataset: Path | None = None, beside: Sequence[Path] = ()) -> dict:
    """Return what the templates of the report show; see `write_report`."""
    benchmark = None if dataset is None else open_evaluated(results, dataset)
    video, blind = results.predictions("video"), results.predictions("blind")
    over_benchmarks = benchmark_table([results, *_same_model(results, beside)])
    calibration = calibrate(video)
    shown = choose(video)
    pictures = [*radars(results), *_benchmark_radar(over_benchmarks), *_bars(results)]
    pictures += [ratios(calibration)] if any(one.ratio for bins in calibration.values() for one in bins) else []
    return {
        "results": results,
        "verdict": verdict(results),
        "pictures": {picture.name: picture for picture in pictures},
        "tables": [table for table in (over_benchmarks, scale_table(results)) if table],
        "calibration": calibration,
        "gallery": examples(shown, video, blind, benchmark),
        "errors": examples(choose_errors(video, shown), video, blind, benchmark),
    }


def radars(results: Results) -> list[Picture]:
    """Draw one radar plot of the tasks and one of the scales, where there are enough of them for one."""
    groups = [(name, results.group(name)) for name in ("task", "scale")]
    return [_radar(name, rows) for name, rows in groups if len(rows) >= 3]


def _radar(group: str, rows: Sequence[ScoreRow]) -> Picture:
    series = {name: (name, [row.values[name] for row in rows]) for name in BASELINES}
    return radar(f"radar-{group}", f"Scores by {group}", [words(row.name) for row in rows], series)


def _bars(results: Results) -> list[Picture]:
    groups = [(name, results.group(name)) for name in ("task", "scale")]
    return [bars(f"bars-{name}", f"Scores by {name} with 95 % intervals", rows) for name, rows in groups if rows]


def _benchmark_radar(table: Table) -> list[Picture]:
    """Draw the radar plot over benchmarks, where a run stands on one of those that the paper has figures for."""
    published = radar_rows(table)
    number = len(published[0].cells)
    ours = table.ours[0].cells[:number]
    if not any(ours):
        return []
    series = {
        colour: (f"{row.name} (published)", [cell and cell.value for cell in row.cells])
        for colour, row in zip(OTHERS, published, strict=True)
    }
    series["model"] = (table.ours[0].name, [cell and cell.value for cell in ours])
    return [radar("radar-benchmark", "Scores by benchmark", list(table.columns[:number]), series)]


def _same_model(results: Results, beside: Sequence[Path]) -> list[Results]:
    """Read runs that may stand in one row with another: of the same model, each on a benchmark of its own."""
    opened, seen = [], {_asked(results)}
    for path in beside:
        other = open_results(path)
        if _identity(other) != _identity(results):
            problem = f"{other.data['model']!r} is another model than {results.data['model']!r}"
            raise InputError(path, "--beside", problem, "give runs of the model that the report is about")
        if _asked(other) in seen:
            raise InputError(path, "--beside", "answers questions that are there already", "give each benchmark once")
        seen.add(_asked(other))
        opened.append(other)
    return opened


def _identity(results: Results) -> tuple:
    return results.data["model"], results.data["settings"].get("model_sha256")


def _asked(results: Results) -> tuple:
    name = results.data["benchmark"]
    return (name, results.data["settings"]["dataset_sha256"]) if name == "spacevista" else (name,)
