"""What SpaceVista costs beside its backbone: `python benchmarks/model.py [--rounds N] [--starts N] [--gpu]`.

On a CPU, at a quarter of the widths and depths of the 3B: experts against the bare backbone, one PEFT LoRA and PEFT's
X-LoRA; a training step and its memory against that LoRA; the dense branch against the vision tower; growth with
frames; the processor. With `--gpu`, on a CUDA device at the shape of the 7B in bfloat16: prefill, decoding and memory.
What is compared takes turns; the figures are medians with quartiles. Forward passes and training steps do so in new
processes again and again; beside X-LoRA together, apart, with a heap that is kept, and in bfloat16. Writes model.json
or model_gpu.json.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import model_shapes as shapes
import processor
import torch
from counts import at_least
from machine import describe_machine
from timing import KEEP_HEAP, peak_growth, summarize, take_turns, take_turns_afresh

from modeling_spacevista.frames import patches_to_frames

FRAMES = (8, 16, 32, 64)
EXPERTS = ("expert_", "router")
MODELS = {
    "backbone": shapes.backbone,
    "no experts": partial(shapes.spacevista, num_experts=0, expert_scales=[]),
    "experts": shapes.spacevista,
    "lora": shapes.lora,
    "xlora": shapes.xlora,
    # PEFT keeps adapters in float32 whatever their backbone is in; here they follow it, which serves X-LoRA best.
    "xlora, adapters cast": lambda: shapes.xlora().to(torch.get_default_dtype()),
}


def measure_forward(starts: int, rounds: int) -> dict:
    """Time the forward pass of 2 × 512 tokens; ratios to the bare backbone, and X-LoRA's to our experts."""
    often, threads = {"starts": starts, "rounds": rounds}, torch.get_num_threads()
    compared = [("backbone", "no experts", "experts", "lora")]
    times, _ = take_turns_afresh(prepare_forward, compared, threads, torch.float32, **often)
    found = summarize(times, "backbone")
    # X-LoRA by itself, because one of its passes takes as long as all the others together.
    together, apart = [("backbone", "experts", "xlora")], [("backbone",), ("experts",), ("xlora",)]
    for title, groups, dtype, environment in (
        ("xlora, in one process", together, torch.float32, None),
        ("xlora, each in a process of its own", apart, torch.float32, None),
        ("xlora, heap kept", together, torch.float32, KEEP_HEAP),
        ("xlora, bfloat16 in one process", [(*together[0], "xlora, adapters cast")], torch.bfloat16, None),
    ):
        times, faults = take_turns_afresh(prepare_forward, groups, threads, dtype, **often, environment=environment)
        rivals = [name for name in times if name.startswith("xlora")]
        to_experts = summarize(times, "experts")
        found[title] = {
            "to backbone": summarize(times, "backbone"),
            "to experts": {name: to_experts[name] for name in rivals},
            "to experts by start": {name: _ratio_by_start(times[name], times["experts"], rounds) for name in rivals},
            "page faults by start": faults,
        }
    # Over a prompt of 2 × 512 tokens; X-LoRA has no cache of keys and values.
    settings = {**shapes.text_batch(), "max_new_tokens": 8, "min_new_tokens": 8, "do_sample": False}
    writing = _each(("experts", "xlora"), lambda model: partial(model.generate, **settings))
    answering = take_turns(writing, max(3, rounds // 2), warmup=1)
    return found | {"xlora to experts, 8 tokens": summarize(answering, "experts")["xlora"]}


def prepare_forward(kinds: Sequence[str], threads: int, dtype: torch.dtype) -> dict[str, Callable]:
    """Build models whose numbers are of `dtype`, and return the forward pass of each."""
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)
    return _each(kinds, lambda model: partial(model, **shapes.text_batch(), use_cache=False))


def _each(kinds: Sequence[str], call: Callable) -> dict[str, Callable]:
    return {kind: torch.inference_mode()(call(MODELS[kind]())) for kind in kinds}


def _ratio_by_start(ours: list[float], base: list[float], rounds: int) -> list[float]:
    ratios = [mine / other for mine, other in zip(ours, base, strict=True)]
    return [round(median(ratios[i : i + rounds]), 3) for i in range(0, len(ratios), rounds)]


def measure_step(starts: int, rounds: int) -> dict:
    """Time forward and backward of 2 × 512 tokens with only the adapters training; ratios to one PEFT LoRA."""
    often, threads = {"starts": starts, "rounds": rounds}, torch.get_num_threads()
    times, faults = take_turns_afresh(prepare_steps, [("lora", "experts")], threads, **often)
    by_start = _ratio_by_start(times["experts"], times["lora"], rounds)
    return {**summarize(times, "lora"), "experts to lora by start": by_start, "page faults by start": faults}


def prepare_steps(kinds: Sequence[str], threads: int) -> dict[str, Callable]:
    """Build models and return the training step of each."""
    return {kind: prepare_step(kind, threads) for kind in kinds}


def prepare_step(kind: str, threads: int) -> Callable[[], None]:
    """Build a model and return its training step."""
    torch.set_num_threads(threads)
    model = shapes.train_only(shapes.lora(), "lora_") if kind == "lora" else shapes.spacevista()
    model = model if kind == "lora" else shapes.train_only(model, *EXPERTS)
    batch = shapes.text_batch()

    def step() -> None:
        model(**batch, labels=batch["input_ids"], use_cache=False).loss.backward()
        model.zero_grad()

    return step


def measure_step_memory() -> dict:
    """Measure what a training step adds to the memory of the process, each model in a process of its own."""
    found = {name: peak_growth(prepare_step, name, torch.get_num_threads()) for name in ("lora", "experts")}
    ratios = {key: round(found["experts"][key] / found["lora"][key], 3) for key in ("peak", "growth")}
    return {**found, "experts_to_lora": ratios}


def measure_vision(rounds: int, num_frames: int = 16) -> dict:
    """Time the parts that a video of 16 frames goes through, and the whole prefill."""
    model, batch = shapes.spacevista(), shapes.video_batch(num_frames)
    bare = shapes.backbone()
    pixels, grid = batch["pixel_values_videos"], batch["video_grid_thw"]
    size = tuple(grid[0, 1:].tolist())
    frames = patches_to_frames(pixels, size, model.config.vision_config)
    inner = model.model
    with torch.inference_mode():
        visual = inner.visual(pixels, grid_thw=grid).pooler_output.unflatten(0, (num_frames // 2, -1))
        dense = inner.dense_branch(frames)
        times = take_turns(
            {
                "prefill": partial(model, **batch),
                "backbone prefill": partial(bare, **batch),
                "vision tower": lambda: inner.visual(pixels, grid_thw=grid),
                "dense encoder": lambda: inner.dense_branch(frames),
                "fusion": lambda: inner.fusion(visual, tuple(side // 2 for side in size), dense=dense),
            },
            rounds,
        )
    per_frame = {
        name: round(1e3 * sorted(times[name])[rounds // 2] / num_frames, 2)
        for name in ("vision tower", "dense encoder")
    }
    return {**summarize(times, "prefill"), "milliseconds_per_frame": per_frame}


def measure_growth(rounds: int) -> dict:
    """Time the vision part for more and more frames, and its memory; both over what 8 frames take, per frame."""
    model = shapes.spacevista().model
    batches = {number: shapes.video_batch(number) for number in FRAMES}
    with torch.inference_mode():
        times = take_turns({str(number): partial(_encode, model, batch) for number, batch in batches.items()}, rounds)
    rows = summarize(times, str(FRAMES[0]))
    memory = {number: peak_growth(prepare_encode, number, torch.get_num_threads()) for number in FRAMES}
    for number in FRAMES:
        row = rows[str(number)]
        row["ratio_per_frame"] = round(row["ratio"] * FRAMES[0] / number, 3)
        row["memory_mb"] = memory[number]["growth"]
    slope = (memory[FRAMES[-1]]["growth"] - memory[FRAMES[0]]["growth"]) / (FRAMES[-1] - FRAMES[0])
    return {**rows, "memory_mb_per_frame": round(slope, 2)}


def prepare_encode(num_frames: int, threads: int) -> Callable[[], None]:
    """Build a model and return the encoding of a video; a short one warms it up."""
    torch.set_num_threads(threads)
    model, batch = shapes.spacevista().model, shapes.video_batch(num_frames)
    _encode(model, shapes.video_batch(2))
    return partial(_encode, model, batch)


@torch.inference_mode()
def _encode(model, batch) -> None:
    model.get_video_features(batch["pixel_values_videos"], batch["video_grid_thw"])


def measure_generation(rounds: int, device: str, shape: dict, own: dict, grid: tuple[int, int]) -> dict:
    """Time prefill and the decoding of 64 tokens in bfloat16; ratios to the bare Qwen2.5-VL."""
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        models = {"backbone": shapes.backbone(shape), "experts": shapes.spacevista(shape, own)}
    found = {}
    for number in (16, 32):
        batch = {name: value.to(device) for name, value in shapes.video_batch(number, grid).items()}
        calls = {
            tokens: {name: partial(_generate, models[name], batch, tokens) for name in models} for tokens in (1, 65)
        }
        prefill, whole = (take_turns(calls[tokens], rounds) for tokens in (1, 65))
        decode = {name: [w - p for w, p in zip(whole[name], prefill[name], strict=True)] for name in models}
        found[f"{number} frames"] = {
            "prompt_tokens": batch["input_ids"].shape[1],
            "prefill": summarize(prefill, "backbone"),
            "decode_64_tokens": summarize(decode, "backbone"),
            "peak_gib": {name: _peak_gib(model, batch) for name, model in models.items()}
            if device == "cuda"
            else None,
        }
    return found


@torch.inference_mode()
def _generate(model, batch, new_tokens: int) -> None:
    model.generate(**batch, max_new_tokens=new_tokens, min_new_tokens=new_tokens, do_sample=False)
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _peak_gib(model, batch) -> float:
    """Return the peak of a short generation, less what the other model holds."""
    torch.cuda.reset_peak_memory_stats()
    held = torch.cuda.memory_allocated()
    own = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    _generate(model, batch, 2)
    return round((torch.cuda.max_memory_allocated() - held + own) / 2**30, 2)


def main() -> int:
    """Measure, print, and write the JSON beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=at_least(2), default=15, help="of each comparison, at least 2 (default: %(default)s)"
    )
    parser.add_argument("--starts", type=at_least(1), default=7, help="new processes of passes and steps (default: 7)")
    parser.add_argument("--gpu", action="store_true", help="at the shape of the 7B on a CUDA device")
    options = parser.parse_args()
    if options.gpu and not torch.cuda.is_available():
        sys.stderr.write("error: --gpu: there is no CUDA device; run without it, or on a machine that has one\n")
        return 2
    found = {"machine": describe_machine(), "date": time.strftime("%Y-%m-%d"), "torch": torch.__version__}
    found |= {"threads": torch.get_num_threads(), "rounds": options.rounds, "starts": options.starts}
    if options.gpu:
        found["device"] = torch.cuda.get_device_name()
        found |= measure_generation(options.rounds, "cuda", shapes.SEVEN_BILLION, shapes.SEVEN_BILLION_OWN, (24, 32))
    else:
        few = max(3, options.rounds // 3)
        found["forward"] = measure_forward(options.starts, few)
        found["training_step"] = measure_step(options.starts, few)
        found["training_step_memory_mb"] = measure_step_memory()
        found["vision"] = measure_vision(options.rounds)
        found["growth"] = measure_growth(options.rounds)
        found["processor"] = processor.measure(rounds=options.rounds)
    text = json.dumps(found, indent=2)
    Path(__file__).with_name("model_gpu.json" if options.gpu else "model.json").write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
