"""How fast the synthetic source renders on one core: `python benchmarks/render.py [--scenes N]`.

A scene is timed whole (objects, layout, path, search tree, shadows, frames), one thread, after one warm-up scene per
scale that fills the cache of unit meshes. CPU time is what a core spends; wall time also holds what others took.
A core that shares its hardware with others swings by a factor of two, so each scene is followed by the baseline:
bare first-hit casts, one ray per pixel and nothing coloured, into a room; `casts_per_frame` is the ratio.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from machine import describe_machine
from tqdm import tqdm

from dataset_builders.sources.synthetic import SyntheticSource
from dataset_builders.sources.synthetic.cast import Caster
from dataset_builders.sources.synthetic.catalog import CATALOG
from dataset_builders.sources.synthetic.model import make_model, make_world
from dataset_builders.sources.synthetic.room import build_walls, furnish
from dataset_builders.taxonomy import SCALE_NAMES

# Frames per scene, width and height: the default of the source, and what the demo uses.
SIZES = {"full": (16, (448, 336)), "small": (8, (224, 168))}
# Casts in one baseline measurement, and the furniture of its room, which stays as it is when categories are added.
CASTS = 4
FURNITURE = ("bookcase", "plant", *["chair"] * 6, "stool", "trash bin")


def machine() -> dict:
    """Describe what the numbers depend on."""
    return describe_machine() | {
        "versions": {name: version(name) for name in ("numpy", "trimesh", "embreex", "shapely")}
    }


def measure(num_frames: int, frame_size: tuple[int, int], num_scenes: int) -> dict:
    """Return, per scale, seconds per scene and frames per second: median and quartiles over `num_scenes` scenes."""
    count = len(SCALE_NAMES) * (num_scenes + 1)
    source = SyntheticSource(count, seed=0, num_frames=num_frames, frame_size=frame_size)
    seconds = {scale: {"cpu": [], "wall": [], "cast": []} for scale in SCALE_NAMES}
    cast = baseline(frame_size)
    for index, ref in enumerate(tqdm(source.refs(), desc=f"{num_frames} frames of {frame_size[0]}x{frame_size[1]}")):
        wall, cpu = time.perf_counter(), time.process_time()
        source.load(ref)
        if index >= len(SCALE_NAMES):
            seconds[ref.scale]["wall"].append(time.perf_counter() - wall)
            seconds[ref.scale]["cpu"].append(time.process_time() - cpu)
            seconds[ref.scale]["cast"].append(cast())
    return {
        scale: {
            **{f"frames_per_{c}_second": _spread([num_frames / s for s in taken[c]]) for c in ("cpu", "wall")},
            "cpu_seconds_per_scene": _spread(taken["cpu"]),
            "milliseconds_per_cast": _spread([1000 * s for s in taken["cast"]]),
            "casts_per_frame": _spread(
                [scene / num_frames / cast for scene, cast in zip(taken["cpu"], taken["cast"], strict=True)]
            ),
        }
        for scale, taken in seconds.items()
    }


def baseline(frame_size: tuple[int, int]) -> Callable[[], float]:
    """Return a function that casts a picture's rays into a furnished room and returns the CPU seconds of one cast."""
    rng = np.random.default_rng(0)
    models = [make_model(name, CATALOG["indoor"][name](rng)) for name in FURNITURE]
    plan, placed = furnish(rng, models, gap=0.1)
    caster = Caster(make_world(placed, build_walls(rng, plan)), unit=1.0)
    x, y = np.meshgrid(*(np.linspace(-0.7, 0.7, size) * size / max(frame_size) for size in frame_size))
    rays = np.stack([x.ravel(), np.ones(x.size), y.ravel()], axis=-1).astype(np.float32)
    eye = np.array([0.0, plan[:, 1].min() + 0.1, 1.5])

    def cast() -> float:
        started = time.process_time()
        for _ in range(CASTS):
            caster.cast(eye, rays)
        return (time.process_time() - started) / CASTS

    return cast


def _spread(values: list[float]) -> dict:
    lower, _, upper = quantiles(values, n=4)
    return {"median": round(median(values), 3), "quartiles": [round(lower, 3), round(upper, 3)]}


def main() -> None:
    """Measure, print a table and write `render.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=8, help="timed scenes per scale, at least 2 (default: 8)")
    num_scenes = parser.parse_args().scenes
    if num_scenes < 2:
        parser.error(f"--scenes must be at least 2 to have a spread, got {num_scenes}")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    results = {"machine": machine(), "scenes_per_scale": num_scenes}
    for name, (num_frames, size) in SIZES.items():
        scales = measure(num_frames, size, num_scenes)
        results[name] = {"num_frames": num_frames, "frame_size": size, "scales": scales}
        for scale, row in scales.items():
            rate, ratio = row["frames_per_cpu_second"], row["casts_per_frame"]
            sys.stdout.write(
                f"{size[0]}x{size[1]} {scale:14s} {rate['median']:6.1f} frames/s per core "
                f"[{rate['quartiles'][0]:.1f}, {rate['quartiles'][1]:.1f}], a frame takes {ratio['median']:.2f} casts "
                f"[{ratio['quartiles'][0]:.2f}, {ratio['quartiles'][1]:.2f}] "
                f"of {row['milliseconds_per_cast']['median']:.1f} ms\n"
            )
    Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
