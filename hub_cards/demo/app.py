"""A model, perhaps a dataset → the running page."""

from pathlib import Path

from hub_cards.demo.limits import Limits
from hub_cards.demo.model import StreamingModel
from hub_cards.demo.page import Page, serve
from hub_cards.demo.samples import Samples


def run_app(model: str, dataset: Path | None, limits: Limits, port: int | None = None) -> None:
    """Serve the page until Ctrl-C.

    Args:
        model: Folder or Hub id.
        dataset: Folder with sample scenes, if any.
        limits: Of uploads and answers.
        port: See `serve`.

    Raises:
        InputError: if the model or the dataset cannot be read, or the port is taken.
    """
    samples = None if dataset is None else Samples(dataset)
    page = Page(StreamingModel(model, limits), samples, limits)
    serve(page.build(Path(model).resolve().name), limits, port)
