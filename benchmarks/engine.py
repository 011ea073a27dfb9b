"""How fast questions are made: `python benchmarks/engine.py [--runs N] [--skills]`.

Builds 100,000 and 1,000,000 distinct questions with two processes by the command a user gives: first from the real
rooms of ../shared/data/vsi_meta_info where they are, then from synthetic scenes that are not rendered. Runs of the two
sizes alternate. Memory is the sum of the resident sets of all processes, sampled. At the end a rendered build reports
frames per second, beside the time the same scenes take without frames, and each skill of VST its questions per second;
`--skills` measures these alone and keeps the other figures.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil
import pyarrow.compute as pc
import pyarrow.dataset as ds
from counts import at_least
from engine_skills import measure_skills
from machine import describe_machine

from dataset_builders.vst import CONFIGS

PROJECT = Path(__file__).resolve().parent.parent
ROOMS = PROJECT.parent / "shared" / "data" / "vsi_meta_info"
PER_SCENE = 400
SIZES = (100_000, 1_000_000)
SAMPLE_SECONDS = 0.2
FRAMES = {"num_scenes": 20, "num_frames": 16}


def build(output: Path, *words: str) -> dict:
    """Run a build to its end and return its wall seconds and the peak memory of all its processes, MB."""
    command = [sys.executable, "-m", "dataset_builders", "build", "--output", str(output), "--num-proc", "2", *words]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _resident(psutil.Process(process.pid)))
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        raise SystemExit(f"`{' '.join(command)}` ended with code {process.returncode}")
    return {"seconds": round(time.perf_counter() - started, 1), "peak_mb": round(peak / 2**20)}


def _resident(process: psutil.Process) -> int:
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def count(folder: Path) -> dict:
    """Count the questions of a dataset, those with an id of their own, and repeated (scene, question) pairs."""
    table = ds.dataset(folder / "questions").to_table(columns=["id", "scene_id", "question"])
    pairs = pc.binary_join_element_wise(table["scene_id"], table["question"], "\n")
    distinct = {name: pc.count_distinct(column).as_py() for name, column in (("id", table["id"]), ("pair", pairs))}
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return {
        "questions": table.num_rows,
        "distinct_ids": distinct["id"],
        "repeated_pairs": table.num_rows - distinct["pair"],
        "megabytes": round(size / 1e6, 1),
    }


def scenes_for(questions: int, rooms: int, from_rooms: int) -> int:
    """Return how many scenes give so many questions, when `rooms` of them give `from_rooms`."""
    return rooms + -(-max(0, questions - from_rooms) // PER_SCENE)


def main() -> None:
    """Measure, print a line per run and write `engine.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=at_least(1), default=1, help="runs of each size (default: 1)")
    parser.add_argument("--skills", action="store_true", help="only the skills of VST; other figures stay")
    arguments = parser.parse_args()
    path = Path(__file__).with_suffix(".json")
    report = json.loads(path.read_text(encoding="utf-8")) if arguments.skills else _engine(arguments.runs)
    # Their own machine: the other figures may be from another one.
    report["skills"] = {"machine": describe_machine(), **measure_skills()}
    for name in CONFIGS:
        for skill, row in report["skills"][name].items():
            sys.stdout.write(f"{name} {skill}: {row['questions']} questions, {row['per_second']} a second\n")
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _engine(runs: int) -> dict:
    """Measure builds of two sizes, and one that is rendered, and print a line per run."""
    sources = (
        ["--source", "vsi-meta", "synthetic", "--input", str(ROOMS)] if ROOMS.is_dir() else ["--source", "synthetic"]
    )
    common = [*sources, "--no-media", "--max-per-scene", str(PER_SCENE)]
    with tempfile.TemporaryDirectory(prefix="spacevista-engine-") as name:
        output = Path(name) / "dataset"
        rooms, from_rooms = _rooms(output) if ROOMS.is_dir() else (0, 0)
        measured = {size: [] for size in SIZES}
        for _ in range(runs):
            for size in SIZES:
                row = build(output, *common, "--num-scenes", str(scenes_for(size, rooms, from_rooms)))
                row |= count(output)
                shutil.rmtree(output)
                measured[size].append(row)
                sys.stdout.write(
                    f"{row['questions']} questions: {row['seconds']} s, {row['peak_mb']} MB at the peak\n"
                )
        report = {
            "machine": describe_machine() | {"versions": {name: version(name) for name in ("numpy", "pyarrow")}},
            "per_scene": PER_SCENE,
            "rooms": {"scenes": rooms, "questions": from_rooms},
            "runs": {str(size): rows for size, rows in measured.items()},
            "growth": round(_cost(measured[SIZES[1]]) / _cost(measured[SIZES[0]]), 2),
            "rendered": _rendered(output),
        }
    sys.stdout.write(f"cost from {SIZES[0]} to {SIZES[1]} grows {report['growth']}-fold\n{report['rendered']}\n")
    return report


def _rooms(output: Path) -> tuple[int, int]:
    """Exhaust the real rooms: how many there are and how many questions they give."""
    build(output, "--source", "vsi-meta", "--input", str(ROOMS), "--max-per-scene", str(PER_SCENE))
    report = json.loads((output / "build_report.json").read_text(encoding="utf-8"))
    shutil.rmtree(output)
    return report["num_scenes"], report["num_questions"]


def _cost(rows: list[dict]) -> float:
    """Return the median seconds for exactly the questions that were asked for."""
    size = min(SIZES, key=lambda size: abs(size - rows[0]["questions"]))
    return median(row["seconds"] * size / row["questions"] for row in rows)


def _rendered(output: Path) -> dict:
    words = [f"--{name.replace('_', '-')}={value}" for name, value in FRAMES.items()]
    seconds = {}
    for name, more in (("with_frames", words), ("without", [words[0], "--no-media"])):
        seconds[name] = build(output, "--source", "synthetic", *more)["seconds"]
        shutil.rmtree(output)
    frames = FRAMES["num_scenes"] * FRAMES["num_frames"]
    return seconds | {"frames": frames, "frames_per_second": round(frames / seconds["with_frames"], 1)}


if __name__ == "__main__":
    main()
