"""How busy the runner keeps the device: `python benchmarks/evaluation_runner.py [--runs N]`.

A tiny model answers the questions of one synthetic dataset, once as `python -m evaluate_metrics run` does it, with the
next batches decoded, drawn and processed in a thread, and once with each batch loaded when the model is done with the
one before. Runs of the two kinds alternate. The idle share is the time for which the model had nothing to work on.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from counts import at_least
from datasets import load_dataset
from machine import describe_machine

import modeling_spacevista
from dataset_builders.build import build_dataset
from dataset_builders.conversation import completion_text, prompt_text
from dataset_builders.settings import BuildSettings
from dataset_builders.sources.synthetic import SyntheticSource
from evaluate_metrics.asking import answer, load, plan
from evaluate_metrics.backends import BackendOptions, open_backend
from evaluate_metrics.benchmarks import BENCHMARKS, open_benchmark
from evaluate_metrics.controls import CONTROLS, VIDEO
from evaluate_metrics.prefetch import prefetch

SCENES, FRAMES, FRAME_SIZE, PER_SCENE = 8, 8, (280, 224), 8
BATCH_SIZE, NEW_TOKENS = 8, 16
WORKLOADS = {"plain": (VIDEO,), "degraded": (CONTROLS["motion-blur"][1], CONTROLS["water-droplets"][1])}
"""Questions as they are, and under controls that take work before the model sees anything."""


def measure(backend, benchmark, conditions, ahead: bool) -> dict[str, float]:
    """Answer all questions once and return the seconds it took and the share in which the model was idle."""
    batches = plan(benchmark.records, conditions, BATCH_SIZE, (), lambda record: len(benchmark.prompt(record)))
    loading = (load(batch, benchmark, backend) for batch in batches)
    waited, begun = 0.0, time.perf_counter()
    arrived = begun
    for loaded in prefetch(loading) if ahead else loading:
        waited += time.perf_counter() - arrived
        answer(loaded, backend)
        arrived = time.perf_counter()
    total = arrived - begun
    return {"seconds": total, "idle_share": waited / total}


def evaluation_runner(runs: int) -> dict:
    """Measure all workloads with and without loading ahead; medians over the runs."""
    with tempfile.TemporaryDirectory(prefix="spacevista-runner-") as name:
        data, model = Path(name) / "data", Path(name) / "model"
        source = SyntheticSource(SCENES, 0, num_frames=FRAMES, frame_size=FRAME_SIZE)
        build_dataset(source, data, BuildSettings(max_per_scene=PER_SCENE))
        rows = load_dataset(str(data), split="train")
        texts = [text for row in rows for text in (prompt_text(row), completion_text(row))]
        for part in modeling_spacevista.build_tiny_model(texts):
            part.save_pretrained(model)
        backend = open_backend(BackendOptions("transformers", str(model), NEW_TOKENS, Path(name)))
        measured = {kind: {"ahead": [], "in_turn": []} for kind in WORKLOADS}
        for _ in range(runs):
            for kind, conditions in WORKLOADS.items():
                for way in ("ahead", "in_turn"):
                    # Opened anew, so that no frame is decoded already.
                    benchmark = open_benchmark(BENCHMARKS["spacevista"], str(data), "train", FRAMES)
                    measured[kind][way].append(measure(backend, benchmark, conditions, way == "ahead"))
        questions = len(rows)
    return {"questions": questions, **{kind: _compare(ways) for kind, ways in measured.items()}}


def _compare(ways: dict[str, list[dict[str, float]]]) -> dict:
    medians = {
        way: {name: round(statistics.median(run[name] for run in runs), 4) for name in ("seconds", "idle_share")}
        for way, runs in ways.items()
    }
    return medians | {"speedup": round(medians["in_turn"]["seconds"] / medians["ahead"]["seconds"], 3)}


def main() -> None:
    """Measure, print, and write `evaluation_runner.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=at_least(1), default=3, help="of each kind (default: 3)")
    runs = parser.parse_args().runs
    setting = {"frames": FRAMES, "frame_size": FRAME_SIZE, "batch_size": BATCH_SIZE, "new_tokens": NEW_TOKENS}
    machine = describe_machine() | {"torch_threads": torch.get_num_threads(), "device": _device()}
    report = {"machine": machine, "runs": runs, **setting, **evaluation_runner(runs)}
    for kind in WORKLOADS:
        ahead, in_turn = (report[kind][way]["idle_share"] for way in ("ahead", "in_turn"))
        speedup = report[kind]["speedup"]
        sys.stdout.write(f"{kind}: idle {ahead:.1%} ahead, {in_turn:.1%} in turn; {speedup:.2f} times as fast\n")
    Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    main()
