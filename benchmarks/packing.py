"""Packed rows against padded batches: `python benchmarks/packing.py [--rounds N] [--samples N]`.

One training step (forward and backward pass of SpaceVista at a quarter of the widths of the 3B and of two layers
everywhere, experts and router training) on the same samples, of mixed lengths as questions on 2 to 16 frames and on
text alone have them:

- padded: one batch, padded to the longest sample;
- sorted: four batches of samples of like length, the best that padding can do (it takes the chance out of the order);
- masked: rows of `max_length` tokens, packed, with PyTorch's attention and its mask for whole rows;
- packed: the same rows, with attention by sample (`packed_sdpa`), as the recipes do it.

They take turns in one process; the figures are medians with quartiles. Writes packing.json.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import model_shapes as shapes
import torch
from counts import at_least
from machine import describe_machine
from timing import summarize, take_turns

from trl_recipes.data import pad_samples
from trl_recipes.encoding import IGNORED, Sample
from trl_recipes.packing import PACKED_ATTENTION, RopePositions, pack, pack_samples

FRAMES = (0, 2, 2, 4, 4, 8, 16)  # even numbers; 0 is a question without a video
GRID = (8, 12)  # patches of a frame, (h, w): 24 tokens of a pair of frames
MAX_LENGTH = 1024
BATCHES = 4
SHAPE = {
    **shapes.QUARTER,
    "text_config": {**shapes.QUARTER["text_config"], "num_hidden_layers": 2},
    "vision_config": {**shapes.QUARTER["vision_config"], "depth": 2, "fullatt_block_indexes": [1]},
}
OWN = {**shapes.QUARTER_OWN, "dense_config": {**shapes.QUARTER_OWN["dense_config"], "num_hidden_layers": 2}}


def draw_samples(number: int, seed: int = 0) -> list[Sample]:
    """Draw samples of mixed lengths: frames as in `FRAMES`, and 60 to 400 tokens of text, a third of it reply."""
    generator = torch.Generator().manual_seed(seed)
    samples = []
    for place in range(number):
        frames = FRAMES[place % len(FRAMES)]
        text = 60 + int(340 * torch.rand((), generator=generator) ** 2)
        ids, features = torch.randint(2, shapes.IMAGE, (text,), generator=generator), {}
        if frames:
            batch = shapes.video_batch(frames, GRID, text=0)
            ids = torch.cat([batch["input_ids"][0], ids])
            features = {name: batch[name] for name in ("pixel_values_videos", "video_grid_thw")}
        labels = torch.full_like(ids, IGNORED)
        labels[-(text // 3) :] = ids[-(text // 3) :]
        samples.append(Sample(ids, labels, features))
    return samples


def batches_of(samples: list[Sample], config) -> dict[str, list[dict]]:
    """Make the batches of every variant out of the same samples."""
    positions = RopePositions(config)
    by_length = sorted(samples, key=lambda sample: len(sample.input_ids))
    share = -(-len(samples) // BATCHES)
    groups = pack([len(sample.input_ids) for sample in samples], MAX_LENGTH)
    rows = [pack_samples([samples[place] for place in group], config, positions) for group in groups]
    return {
        "padded": [pad_samples(samples, config, 0)],
        "sorted": [
            pad_samples(by_length[start : start + share], config, 0) for start in range(0, len(samples), share)
        ],
        "masked": rows,
        "packed": rows,
    }


def make_step(batches: list[dict], attention: str) -> Callable[[], float]:
    """Build a model of its own and return its training step, which returns the loss over all labelled tokens."""
    model = shapes.train_only(shapes.spacevista(SHAPE, OWN), "expert_", "router").train()
    model.model.language_model.set_attn_implementation(attention)
    count = sum(int((batch["labels"][:, 1:] != IGNORED).sum()) for batch in batches)

    def step() -> float:
        model.zero_grad()
        total = 0.0
        for batch in batches:
            loss = model(**batch, use_cache=False, num_items_in_batch=count).loss
            loss.backward()
            total += loss.item()
        return total

    return step


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=at_least(2), default=5)
    parser.add_argument("--samples", type=int, default=14)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    samples = draw_samples(arguments.samples)
    lengths = [len(sample.input_ids) for sample in samples]
    variants = batches_of(samples, shapes.spacevista(SHAPE, OWN).config)
    steps = {
        name: make_step(batches, PACKED_ATTENTION if name == "packed" else "sdpa")
        for name, batches in variants.items()
    }
    losses = {name: step() for name, step in steps.items()}
    report = {
        "machine": describe_machine(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "samples": {"number": len(samples), "tokens": sum(lengths), "shortest": min(lengths), "longest": max(lengths)},
        "max_length": MAX_LENGTH,
        "tokens computed": {
            name: sum(batch["input_ids"].numel() for batch in batches) for name, batches in variants.items()
        },
        "loss": {name: round(loss, 6) for name, loss in losses.items()},
        "step": summarize(take_turns(steps, arguments.rounds, warmup=1), "padded"),
    }
    text = json.dumps(report, indent=2)
    arguments.output.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
