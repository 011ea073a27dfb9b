"""Four prompts of mixed videos, and trainers on them."""

from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import GRPOConfig

TEMPERATURE = 0.9
# Videos by name, with the size that their frames are brought to.
SIZES = {"wide": (112, 84), "high": (84, 140), "long": (112, 84), "large": (168, 112)}
# The videos of each prompt: two, one, none, one.
VIDEOS = [["wide", "high"], ["long"], [], ["large"]]


def load_videos(questions, frames) -> dict:
    """Return frames of different scenes, sizes and numbers by name."""
    first = {row["video"]: row for row in reversed(list(questions)) if row["video"]}
    loaded = dict(zip(SIZES, map(frames, list(first.values())[: len(SIZES)]), strict=True))
    loaded["wide"] = loaded["wide"][:2]
    return {name: [frame.resize(SIZES[name]) for frame in frames] for name, frames in loaded.items()}


def make_prompts() -> Dataset:
    """Return the prompts; the column `scale` numbers them."""

    def as_prompts(rows):
        prompts = []
        for place in rows["scale"]:
            content = [{"type": "video", "video": [name]} for name in VIDEOS[place]]
            content.append({"type": "text", "text": f"{place}: what is this?"})
            prompts.append([{"role": "user", "content": content}])
        return {"prompt": prompts, "scale": rows["scale"]}

    return Dataset.from_dict({"scale": list(range(len(VIDEOS)))}).with_transform(as_prompts)


def make_trainer(trainer_class, model_dir, videos, output_dir, model=None, settings=(), **kwargs):
    """Make a trainer on the prompts: two replies to each, two prompts in a step."""
    args = {
        "output_dir": str(output_dir),
        "use_cpu": True,
        "bf16": False,
        "trust_remote_code": True,
        "remove_unused_columns": False,
        "per_device_train_batch_size": 4,
        "num_generations": 2,
        "max_completion_length": 8,
        "max_steps": 1,
        "temperature": TEMPERATURE,
        "gradient_checkpointing": False,
        "disable_tqdm": True,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1,
        **dict(settings),
    }
    return trainer_class(
        model or AutoModelForImageTextToText.from_pretrained(model_dir, trust_remote_code=True),
        args=GRPOConfig(**args),
        load_video=videos.__getitem__,
        train_dataset=make_prompts(),
        processing_class=AutoProcessor.from_pretrained(model_dir, trust_remote_code=True),
        **kwargs,
    )


def training_logps(trainer, inputs):
    """Run the training pass on a batch and return its (B, L) log-probabilities."""
    logps, found = trainer._get_per_token_logps_and_entropies, []

    def spy(*args, **kwargs):
        found.append(logps(*args, **kwargs))
        return found[-1]

    trainer._get_per_token_logps_and_entropies = spy
    try:
        trainer._compute_loss(trainer.model, inputs)
    finally:
        del trainer._get_per_token_logps_and_entropies
    return found[0][0].detach()


def curves(trainer, after):
    """Return what was logged after a step, times left out, by step and name."""
    return {
        (entry["step"], name): value
        for entry in trainer.state.log_history
        for name, value in entry.items()
        if entry["step"] > after and not name.startswith("train_") and not name.endswith(("time", "second"))
    }
