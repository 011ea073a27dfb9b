"""Two processes that exchange groups: selective_processes.py DATA MODEL FOLDER, under torchrun.

Each writes what it asked, which rewards it got, and what became of them, to FOLDER/RANK.json.
"""

import json
import sys
from pathlib import Path

import torch
from datasets import load_dataset
from video_prompts import VIDEOS, load_videos, make_trainer

from dataset_builders.conversation import FrameStore
from trl_recipes.sampling import QuestionDraws
from trl_recipes.selective_grpo import SelectiveGRPOTrainer

SOLVED = 1  # all prompts but the first: every reply earns the same


def mixed_reward(scale, **_):
    """Reward one of the two replies to the first prompt, and both to the others."""
    return [float(place % 2) if number < SOLVED else 1.0 for place, number in enumerate(scale)]


def main(data: str, model: str, folder: str) -> None:
    """Ask once, and write."""
    torch.set_num_threads(1)
    videos = load_videos(load_dataset(data, "all", split="train"), FrameStore(data, "train", 4).frames)
    draws = QuestionDraws(len(VIDEOS), seed=0, tasks=list("abcd"))
    trainer = make_trainer(
        SelectiveGRPOTrainer,
        model,
        videos,
        folder,
        settings={"ddp_backend": "gloo"},
        draws=draws,
        resample_rounds=30,
        reward_funcs=[mixed_reward],
    )
    trainer.model.train()
    trainer.state.max_steps, trainer.current_gradient_accumulation_steps = 1, 1
    batch = trainer._generate_and_score_completions([trainer.train_dataset[0]] * 4)
    texts = trainer.processing_class.tokenizer.batch_decode(batch["prompt_ids"])
    found = {
        "processes": trainer.accelerator.num_processes,
        "asked": [next(place for place in range(len(VIDEOS)) if f"{place}: what" in text) for text in texts],
        "advantages": batch["advantages"].tolist(),
        "tokens": int(batch["completion_mask"].sum()),
        "tokens_of_all": int(batch["num_items_in_batch"]),
        "rounds": trainer._metrics["train"]["sampling/rounds"],
        "teaching": trainer._metrics["train"]["sampling/teaching_groups"],
        "scores": draws.scores,
    }
    (Path(folder) / f"{trainer.accelerator.process_index}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
