"""Which part of the system helps: `python benchmarks/ablation.py [--quick] [--output DIR]`.

Tables 3, 4 and C13 of the paper with a tiny model from scratch on synthetic scenes of all scales, three seeds of each
row. A seed's model first learns without experts or dense branch; every row goes on from there for the same number of
steps, with parts added, and those of reinforcement learning from the row of vanilla SFT. All rows answer the same
questions about unseen scenes. A run that is stopped goes on with the rows that are missing. Prints the tables and
writes ablation.json.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, stdev

from ablation_rows import BASE, QUICK, ROWS, WARM, Row, Sizes, train_row
from machine import describe_machine
from tqdm import tqdm

from dataset_builders.cli import main as build_dataset

TASKS = ("vsi.object_count", "vsi.object_size", "size.of_marked", "vsi.absolute_distance", "image.distance_of_boxed")
TASKS += ("image.depth_of_point", "image.depth_of_object", "vsi.room_size")
PROCESSES = 2


def make_data(folder: Path, sizes: Sizes) -> Path:
    """Build the dataset, the demo's with more scenes, unless it is there."""
    data = folder / "dataset"
    if not data.exists():
        argv = ["build", "--source", "synthetic", "--output", str(data), "--num-scenes", str(sizes.num_scenes)]
        argv += ["--tasks", *TASKS, "--max-wordings", "2", "--max-per-scene", "20", "--num-frames", "4"]
        if build_dataset([*argv, "--frame-size", "224x168", "--num-proc", str(PROCESSES), "--seed", "0"]):
            raise SystemExit(2)
    return data


def train_all(folder: Path, data: Path, sizes: Sizes) -> dict[str, list[dict]]:
    """Train and evaluate every row of every seed.

    Returns:
        Row → the figures of its seeds.
    """
    found: dict[tuple[str, int], dict] = {}
    phases = [
        [Row(WARM, None)],
        [row for row in ROWS if row.start == WARM],
        [row for row in ROWS if row.start == BASE],
    ]
    context = get_context("spawn")  # a fresh torch in each worker
    with (
        ProcessPoolExecutor(PROCESSES, context, _one_thread) as pool,
        tqdm(total=sizes.seeds * (len(ROWS) + 1)) as bar,
    ):
        for rows in phases:
            waiting = {}
            for row in rows:
                for seed in range(sizes.seeds):
                    start = None if row.name == WARM else Path(found[row.start, seed]["model"])
                    own = folder / f"seed-{seed}" / row.name.replace(" ", "-").replace(",", "")
                    waiting[pool.submit(train_row, row, own, start, data, seed, sizes)] = row.name, seed
            for done in as_completed(waiting):
                found[waiting[done]] = done.result()
                bar.update()
    return {row.name: [found[row.name, seed] for seed in range(sizes.seeds)] for row in ROWS}


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def compare(found: Mapping[str, list[dict]]) -> list[dict]:
    """Return what each row scores, and gains over vanilla SFT of the same seed, beside the paper's gain."""
    rows = []
    for row in ROWS:
        scores = {name: [figures[name] for figures in found[row.name]] for name in ("micro", "macro")}
        gains = [own - base["micro"] for own, base in zip(scores["micro"], found[BASE], strict=True)]
        rows.append(
            {
                "row": row.name,
                **{name: _spread(values) for name, values in scores.items()},
                "gain": None if row.name == BASE else _spread(gains),
                "paper_gain": row.paper,
                "by_scale": {
                    scale: round(mean(figures["by_scale"][scale] for figures in found[row.name]), 1)
                    for scale in found[row.name][0]["by_scale"]
                },
            }
        )
    return rows


def _spread(values: list[float]) -> dict[str, float]:
    return {"mean": round(mean(values), 2), "sd": round(stdev(values), 2) if len(values) > 1 else None}


def table(rows: list[dict]) -> str:
    """Write the rows as a Markdown table; a sign is told where the gain is larger than its standard deviation."""
    lines = ["| | micro | macro | gain | paper's gain | sign |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = [row["row"], _text(row["micro"]), _text(row["macro"])]
        if row["gain"] is None:
            cells += ["", "", ""]
        else:
            paper = row["paper_gain"]
            cells += [_text(row["gain"], sign=True), "" if paper is None else f"{paper:+.1f}", _sign(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _sign(row: dict) -> str:
    gain, paper = row["gain"], row["paper_gain"]
    if paper is None or gain["sd"] is None:
        return ""
    if abs(gain["mean"]) <= gain["sd"]:
        return "within the spread"
    return "same" if gain["mean"] * paper > 0 else "other"


def _text(spread: dict[str, float], sign: bool = False) -> str:
    text = f"{spread['mean']:+.1f}" if sign else f"{spread['mean']:.1f}"
    return text if spread["sd"] is None else f"{text} ± {spread['sd']:.1f}"


@contextmanager
def _seconds(path: Path) -> Iterator[Callable[[], float]]:
    """Add up the time of a run and of those before it that were stopped; yields what tells the sum afterwards."""
    before, started = float(path.read_text()) if path.is_file() else 0.0, time.monotonic()
    try:
        yield lambda: float(path.read_text())
    finally:
        path.write_text(f"{before + time.monotonic() - started:.1f}\n")


def main() -> int:
    """Build, train, compare, print, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed and few steps, to see that it runs")
    parser.add_argument("--output", type=Path, default=Path("build/ablation"), help="(default: %(default)s)")
    options = parser.parse_args()
    sizes = QUICK if options.quick else Sizes()
    folder = options.output / ("quick" if options.quick else "full")
    folder.mkdir(parents=True, exist_ok=True)
    with _seconds(folder / "seconds.txt") as spent:
        rows = compare(train_all(folder, make_data(folder, sizes), sizes))
    seconds = spent()
    sys.stdout.write(f"{table(rows)}\n\n{seconds} s\n")
    found = {"machine": describe_machine(), "date": time.strftime("%Y-%m-%d"), "seconds": seconds}
    text = json.dumps({**found, "sizes": asdict(sizes), "rows": rows}, indent=2)
    # Only a whole run is a result.
    target = folder / "ablation.json" if options.quick else Path(__file__).with_name("ablation.json")
    target.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
