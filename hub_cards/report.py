"""The report of one run: dataset, model and scores on one self-contained page."""

from pathlib import Path

from markupsafe import Markup

from dataset_builders.card import build_command
from hub_cards.dataset_card import letter_rows, scale_rows, source_rows, task_rows
from hub_cards.dataset_folder import open_dataset
from hub_cards.figures import SERIES, curve, radar
from hub_cards.files import field, write_text
from hub_cards.gallery import examples
from hub_cards.model_folder import ModelFolder, open_model
from hub_cards.results import Results, ScoreRow, check_dataset, open_results, verdict
from hub_cards.templating import render, words


def write_report(dataset: Path, model: Path, results: Path, output: Path) -> Results:
    """Write the report as one HTML file: no scripts, nothing loaded from elsewhere.

    Args:
        dataset: The dataset folder that was evaluated.
        model: The model folder that was evaluated.
        results: The folder that the evaluation wrote.
        output: The HTML file.

    Returns:
        The results that the report shows.

    Raises:
        InputError: if a folder is not what it should be, they do not belong together, or `output` cannot be written.
    """
    data, folder, scores = open_dataset(dataset), open_model(model), open_results(results, model)
    check_dataset(scores, data.path)
    text = render(
        "report.html.jinja",
        data=data,
        model=folder,
        results=scores,
        parts=[(part, f"{size:,}") for part, size in folder.parts()],
        verdict=verdict(scores),
        radars=radars(scores),
        gallery=examples(data.path, scores),
        command=build_command(field(data.report, "arguments", data.path / "build_report.json")),
        task_rows=task_rows(data),
        scale_rows=scale_rows(data),
        letters=letter_rows(data),
        sources=source_rows(data),
        training=training_curves(folder),
    )
    write_text(Path(output), text)
    return scores


def radars(results: Results) -> list[tuple[str, Markup]]:
    """Draw one radar plot of the tasks and one of the scales, where there are enough of them for one."""
    groups = [(name, results.group(name)) for name in ("task", "scale")]
    return [(f"By {name}", Markup(_radar(rows))) for name, rows in groups if len(rows) >= 3]


def training_curves(model: ModelFolder) -> list[tuple[dict, list[tuple[str, Markup]]]]:
    """Pair every stage with the curves of what it logged, the loss first; none where it kept no history."""
    pairs = []
    for stage in model.stages:
        history = stage.get("history", [])
        names = sorted({name for row in history for name in row} - {"step"}, key=lambda name: (name != "loss", name))
        pairs.append((stage, [(_title(name), Markup(curve(history, name))) for name in names]))
    return pairs


def _title(name: str) -> str:
    return words(name.removeprefix("rewards/").removesuffix("/mean"))


def _radar(rows: list[ScoreRow]) -> str:
    return radar([words(row.name) for row in rows], {name: [row.values[name] for row in rows] for name in SERIES})
