"""The report of one run: the report of its evaluation, and of the dataset and the model on the same page."""

from pathlib import Path

from dataset_builders.card import build_command
from evaluate_metrics.report.drawing import Picture
from evaluate_metrics.report.files import field, write_text
from evaluate_metrics.report.page import contents
from evaluate_metrics.report.results import Results, check_model, open_results
from evaluate_metrics.report.templating import words
from hub_cards.dataset_card import letter_rows, scale_rows, source_rows, task_rows
from hub_cards.dataset_folder import open_dataset
from hub_cards.figures import curve
from hub_cards.model_folder import ModelFolder, open_model
from hub_cards.templating import render


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
    data, folder, scores = open_dataset(dataset), open_model(model), open_results(results)
    check_model(scores, folder.path)
    text = render(
        "model_report.html.jinja",
        **contents(scores, data.path),
        data=data,
        model=folder,
        parts=[(part, f"{size:,}") for part, size in folder.parts()],
        command=build_command(field(data.report, "arguments", data.path / "build_report.json")),
        task_rows=task_rows(data),
        scale_rows=scale_rows(data),
        letters=letter_rows(data),
        sources=source_rows(data),
        training=training_curves(folder),
    )
    write_text(Path(output), text)
    return scores


def training_curves(model: ModelFolder) -> list[tuple[dict, list[Picture]]]:
    """Pair every stage with the curves of what it logged, the loss first; none where it kept no history."""
    pairs = []
    for stage in model.stages:
        history = stage.get("history", [])
        names = sorted({name for row in history for name in row} - {"step"}, key=lambda name: (name != "loss", name))
        pairs.append((stage, [curve(history, name, _title(name)) for name in names]))
    return pairs


def _title(name: str) -> str:
    return words(name.removeprefix("rewards/").removesuffix("/mean"))
