"""The page of a metric as a Space: predictions, references and settings in, the result out, all as JSON."""

import json
from pathlib import Path

import evaluate

from dataset_builders.errors import InputError


def page(folder: Path):
    """Return the gradio page of the metric in a folder.

    Args:
        folder: Of the metric: its module, its README.
    """
    import gradio  # here, because only a Space needs it

    metric = evaluate.load(str(folder))
    _, _, article = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)

    def compute(predictions: str, references: str, settings: str) -> dict:
        try:
            return answer(metric, predictions, references, settings)
        except ValueError as error:
            raise gradio.Error(str(error)) from error

    boxes = [gradio.Code(language="json", label=label) for label in ("predictions", "references", "settings")]
    return gradio.Interface(compute, boxes, gradio.JSON(label="result"), title=metric.name, article=article)


def answer(metric: evaluate.Metric, predictions: str, references: str, settings: str) -> dict:
    """Compute a metric from JSON texts: two lists, and an object of settings or nothing.

    Raises:
        InputError: if a text is not JSON, or the settings are not an object.
        ValueError: as the metric does.
    """
    texts = {"predictions": predictions, "references": references, "settings": settings.strip() or "{}"}
    values = {name: _read(name, text) for name, text in texts.items()}
    if not isinstance(values["settings"], dict):
        raise InputError("settings", "JSON", "is no object", 'give {"name": value} or nothing')
    return metric.compute(predictions=values["predictions"], references=values["references"], **values["settings"])


def _read(name: str, text: str):
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(name, "JSON", f"cannot be read ({error})", "give a list") from error
