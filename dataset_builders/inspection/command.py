"""The command `inspect`: look at a dataset folder, in a browser."""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from dataset_builders.errors import InputError
from dataset_builders.inspection.files import DatasetFiles
from dataset_builders.inspection.overview import Overview
from dataset_builders.inspection.server import LocalServer
from dataset_builders.inspection.site import Site
from dataset_builders.staging import staged_folder

MAX_SCENES = 50


def inspect_dataset(
    folder: Path | str, output: Path | str | None = None, port: int = 0, max_scenes: int = MAX_SCENES
) -> None:
    """Serve pages about a dataset on this machine until Ctrl-C, or write them.

    Args:
        folder: What `python -m dataset_builders build` wrote.
        output: New folder for static pages, readable without a server; None to serve.
        port: Of the server; 0 for any free one.
        max_scenes: Most scenes in static pages, evenly spread over the scales; the statistics are of all.

    Raises:
        InputError: if the folder is not a dataset, the output is taken, or the port is.
    """
    overview = Overview.read(DatasetFiles.open(folder))
    if output is not None:
        write_pages(overview, output, max_scenes)
        sys.stdout.write(f"{Path(output) / 'index.html'}\n")
        return
    with LocalServer(Site(overview), port) as server, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{server.url} (Ctrl-C ends it)\n")
        sys.stdout.flush()
        server.serve_forever()


def write_pages(overview: Overview, output: Path | str, max_scenes: int = MAX_SCENES) -> None:
    """Write static pages; the folder appears complete or not at all.

    Args:
        overview: Of the dataset.
        output: New folder.
        max_scenes: Most scenes.

    Raises:
        InputError: if `output` is taken, or a scene cannot be read.
    """
    if max_scenes < 1:
        raise InputError("inspect", "--max-scenes", f"is {max_scenes}", "use at least 1")
    chosen = overview.choose(max_scenes)
    site = Site(overview, chosen)
    with staged_folder(output) as folder:
        for path in ("index.html", "scenes.html"):
            _write(site, folder, path)
        for number in tqdm(chosen, desc="writing", unit="scene", delay=1):
            for path in site.scene_paths(number):
                _write(site, folder, path)


def _write(site: Site, folder: Path, path: str) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(site.page(path).content)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes; `run` reads it."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="dataset folder that build wrote")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write static pages here (default: serve them)")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of the local server (default: a free one)")
    most = f"most scenes in static pages, spread over the scales (default: {MAX_SCENES})"
    parser.add_argument("--max-scenes", type=int, default=MAX_SCENES, metavar="N", help=most)
    parser.set_defaults(command=run)


def run(arguments: argparse.Namespace) -> None:
    """Do what the command line asked for."""
    inspect_dataset(arguments.folder, arguments.output, arguments.port, arguments.max_scenes)
