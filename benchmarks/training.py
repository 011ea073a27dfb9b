"""What each stage of training takes: `python benchmarks/training.py [--rounds N] [--gpu]`.

Tokens per second and peak memory of the cold start, experts and router, rows padded and packed, and of GRPO. On a CPU
with a small model; with `--gpu`, on a CUDA device at the shape of the 3B with DINOv3 ViT-L, random weights, bfloat16
and gradient checkpointing. Variants take turns; the first step of each run does not count. Writes training.json or
training_gpu.json. What parts of the system gain is measured by ablation.py, the trainer of GRPO beside TRL's by
grpo.py, rewards by rewards.py and packing alone by packing.py.
"""

import argparse
import gc
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from counts import at_least
from datasets import load_dataset
from machine import describe_machine
from timing import forget_peak, memory_mb
from transformers import TrainerCallback

from dataset_builders.cli import main as build_dataset
from dataset_builders.conversation import completion_text, prompt_text
from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration, build_tiny_model
from trl_recipes import experts, grpo, router, sft
from trl_recipes.arguments import (
    ExpertArguments,
    GrpoRecipeArguments,
    RouterArguments,
    SftArguments,
    parse_arguments,
)
from trl_recipes.grpo import GRPOConfig
from trl_recipes.supervised import SupervisedConfig

CONFIGS = Path(__file__).resolve().parent.parent / "trl_recipes" / "configs"
STAGES = {
    "sft": (sft, SftArguments, SupervisedConfig),
    "experts": (experts, ExpertArguments, SupervisedConfig),
    "router": (router, RouterArguments, SupervisedConfig),
    "grpo": (grpo, GrpoRecipeArguments, GRPOConfig),
}
SMALL = {
    "text_config": {
        "hidden_size": 256,
        "intermediate_size": 1024,
        "num_hidden_layers": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [8, 12, 12]},
    },
    "vision_config": {"hidden_size": 96, "intermediate_size": 192, "depth": 2, "out_hidden_size": 256},
}
# Qwen2.5-VL-3B with DINOv3 ViT-L; the vision tower's remaining values are the defaults of the library.
THREE_BILLION = {
    "text_config": {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "initializer_range": 0.02,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    "vision_config": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 2048,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
    "dense_config": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
    },
    "fusion_hidden_size": 1024,
    "fusion_num_layers": 2,
    "fusion_num_heads": 16,
    "expert_rank": 8,
    "router_hidden_size": 256,
}


class Clock(TrainerCallback):
    """Notes the time at the end of each step."""

    def __init__(self):
        """Start without a step."""
        self.times: list[float] = []

    def on_step_end(self, args, state, control, **kwargs):
        """Note the time, the device's work done."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())


def make_data(folder: Path) -> Path:
    """Build questions of different lengths about rendered scenes."""
    argv = ["build", "--source", "synthetic", "--num-scenes", "30", "--num-frames", "4", "--frame-size", "224x168"]
    if build_dataset([*argv, "--max-per-scene", "20", "--num-proc", "2", "--output", str(folder)]):
        raise SystemExit(2)
    return folder


def make_model(folder: Path, data: Path, shape: dict, dtype: torch.dtype) -> Path:
    """Save a model of a shape with random weights, and a processor that knows the questions' words."""
    questions = load_dataset(str(data), "all", split="train")
    tiny, processor = build_tiny_model(text for row in questions for text in (prompt_text(row), completion_text(row)))
    given = tiny.config.to_dict()
    for name, values in shape.items():
        given[name] = {**given[name], **values} if isinstance(values, dict) else values
    torch.manual_seed(0)
    model = SpaceVistaForConditionalGeneration(SpaceVistaConfig(**given)).to(dtype)
    model.generation_config = tiny.generation_config
    for part in (model, processor):
        part.save_pretrained(folder)
    return folder


def measure(stage: str, model: Path, data: Path, folder: Path, steps: int, extra: list[str]) -> dict[str, float]:
    """Train some steps.

    Returns:
        Tokens per second after the first step, and the peak of memory in MiB; on a CPU, that of the process.
    """
    module, recipe_class, training_class = STAGES[stage]
    argv = ["--config", str(CONFIGS / f"{stage}_tiny.yaml"), "--dataset", str(data), "--num_frames", "4"]
    argv += ["--model_name_or_path", str(model), "--output_dir", str(folder), "--max_steps", str(steps)]
    argv += ["--logging_steps", "1", "--disable_tqdm", "true", "--trust_remote_code", "true", *extra]
    trainer = module.build_trainer(*parse_arguments(recipe_class, training_class, argv))
    clock = Clock()
    trainer.add_callback(clock)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    gc.collect()
    forget_peak()
    trainer.train()
    tokens = [entry["num_tokens"] for entry in trainer.state.log_history if "num_tokens" in entry]
    return {
        "tokens_per_second": (tokens[steps - 1] - tokens[0]) / (clock.times[-1] - clock.times[0]),
        "peak_mib": torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else memory_mb("VmHWM"),
    }


def main() -> int:
    """Measure, print, and write the JSON beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least(1), default=3, help="of each variant (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=6, help="of each run (default: %(default)s)")
    parser.add_argument("--gpu", action="store_true", help="at the shape of the 3B on a CUDA device")
    options = parser.parse_args()
    if options.gpu and not torch.cuda.is_available():
        sys.stderr.write("error: --gpu: there is no CUDA device; run without it, or on a machine that has one\n")
        return 2
    device = ["--use_cpu", "false", "--bf16", "true", "--gradient_checkpointing", "true"] if options.gpu else []
    variants = {
        f"{stage}, {name}": (stage, [*device, *arguments])
        for stage in ("sft", "experts", "router")
        for name, arguments in (("padded", []), ("packed", ["--packing", "true", "--max_length", "2048"]))
    }
    variants["grpo"] = ("grpo", device)
    found: dict[str, list[dict]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = make_data(folder / "data")
        shape, dtype = (THREE_BILLION, torch.bfloat16) if options.gpu else (SMALL, torch.float32)
        model = make_model(folder / "model", data, shape, dtype)
        for number in range(options.rounds):
            for variant, (stage, extra) in variants.items():
                own = folder / f"{variant.replace(', ', '-')}-{number}"
                found[variant].append(measure(stage, model, data, own, options.steps, extra))
    rows = {
        name: {key: round(median(run[key] for run in runs), 1) for key in runs[0]}
        | {"spread": [round(pick(run["tokens_per_second"] for run in runs), 1) for pick in (min, max)]}
        for name, runs in found.items()
    }
    ratios = {
        stage: round(rows[f"{stage}, packed"]["tokens_per_second"] / rows[f"{stage}, padded"]["tokens_per_second"], 3)
        for stage in ("sft", "experts", "router")
    }
    facts = {"machine": describe_machine(), "date": time.strftime("%Y-%m-%d"), "torch": torch.__version__}
    if options.gpu:
        facts["device"] = torch.cuda.get_device_name()
    text = json.dumps({**facts, "rounds": options.rounds, "stages": rows, "packed_to_padded": ratios}, indent=2)
    Path(__file__).with_name("training_gpu.json" if options.gpu else "training.json").write_text(text + "\n")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
