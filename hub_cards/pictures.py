"""Pictures of the cards, drawn where matplotlib is installed, and left out where it is not."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from dataset_builders.errors import InputError
from evaluate_metrics.report.files import write_text
from evaluate_metrics.report.templating import words
from hub_cards.model_folder import ModelFolder

FOLDER = "figures"


def dataset_pictures(tasks: Sequence[dict], scales: Sequence[dict], names: Sequence[str]) -> list:
    """Draw the questions of each task by scale, and of each scale.

    Args:
        tasks: `dataset_card.task_rows`.
        scales: `dataset_card.scale_rows`.
        names: Scales in the order of the cells of `tasks`.

    Returns:
        `Picture`s; none without matplotlib.
    """
    if find_spec("matplotlib") is None:
        return []
    from hub_cards.figures import counts

    by_scale = {words(name): [sum(row["cells"][place]) for row in tasks] for place, name in enumerate(names)}
    splits = ("train", "validation", "test")
    by_split = {split: [row["scenes"][place] for row in scales] for place, split in enumerate(splits)}
    return [
        counts("tasks", "Questions by task", [words(row["task"]) for row in tasks], by_scale),
        counts("scales", "Scenes by scale", [words(row["scale"]) for row in scales], by_split),
    ]


def model_pictures(model: ModelFolder, results) -> list:
    """Draw the curve of the loss of each stage, and the scores with their intervals where there are results.

    Returns:
        `Picture`s; none without matplotlib.
    """
    if find_spec("matplotlib") is None:
        return []
    from evaluate_metrics.report.figures import bars
    from hub_cards.figures import curve

    drawn = []
    for number, stage in enumerate(model.stages, start=1):
        history = stage.get("history", [])
        if any("loss" in row for row in history):
            picture = curve(history, "loss", f"Loss of stage {number} ({stage['stage']})")
            drawn.append(type(picture)(f"loss-{number}", picture.title, picture.alt, picture.svg))
    groups = [(name, results.group(name)) for name in ("task", "scale")] if results else []
    return drawn + [
        bars(f"bars-{name}", f"Scores by {name} with 95 % intervals", rows) for name, rows in groups if rows
    ]


def write_pictures(folder: Path, pictures: Sequence) -> None:
    """Write pictures beside a card.

    Raises:
        InputError: if the folder cannot be written.
    """
    if not pictures:
        return
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(folder, FOLDER, f"cannot be made ({error.strerror})", "choose a writable place") from error
    for picture in pictures:
        write_text(folder / FOLDER / f"{picture.name}.svg", picture.file())
