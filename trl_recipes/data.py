"""Rows of a dataset folder → what the trainers read."""

from collections.abc import Callable, Sequence

import torch
from datasets import Dataset, load_dataset
from PIL import Image
from torch.nn.utils.rnn import pad_sequence
from transformers import PretrainedConfig, ProcessorMixin

from dataset_builders.conversation import to_messages
from dataset_builders.errors import InputError
from dataset_builders.record import QUESTION_FEATURES
from trl_recipes.arguments import one_line
from trl_recipes.visual import require_features, token_types

VIDEO_FEATURES = ("pixel_values_videos", "video_grid_thw", "second_per_grid_ts")
REWARD_COLUMNS = ("answer", "options", "unit", "anchors")
IGNORED = -100
SPLIT = "train"
VALIDATION = "validation"

FrameLoader = Callable[[dict], list[Image.Image] | None]


def load_questions(dataset: str, num_frames: int, split: str = SPLIT) -> Dataset:
    """Load the questions of a split: those to train on, or `VALIDATION`.

    Raises:
        InputError: if there is no such dataset, the split is missing or empty, columns are missing, or a question
            cannot do with `num_frames` frames.
    """
    fix = "give a folder that `python -m dataset_builders build` wrote, or a Hub id of the same form"
    try:
        questions = load_dataset(dataset, "all", split=split)
    except (OSError, ValueError) as error:
        raise InputError(dataset, f"dataset, split {split}", one_line(error), fix) from error
    missing = sorted(QUESTION_FEATURES.keys() - set(questions.column_names))
    if missing:
        raise InputError(dataset, "columns", f"lacks {', '.join(missing)}", fix)
    if not len(questions):
        raise InputError(dataset, f"split {split}", "has no questions", "build it from more scenes")
    needed = max(len(frames) for frames in questions["key_frames"])
    if needed > num_frames:
        raise InputError(dataset, "key_frames", f"one question needs {needed} frames", f"give --num_frames {needed}")
    return questions


def grpo_prompts(questions: Dataset) -> Dataset:
    """Present questions as GRPO reads them: a prompt whose video part holds the question's id, and the reward columns.

    Frames are not put in here: TRL copies, gathers and logs prompts, and repeats each for every reply of a group.
    """

    def as_prompts(rows: dict[str, list]) -> dict[str, list]:
        records = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
        prompts = [to_messages(record, record["video"] and [record["id"]]) for record in records]
        return {"prompt": prompts, **{name: rows[name] for name in REWARD_COLUMNS}}

    return questions.with_transform(as_prompts)


class ReplyCollator:
    """Makes a training batch of questions with their replies; only the replies' tokens carry a loss.

    A prompt is tokenised by the very call that generation uses, and the reply's tokens follow it, so that training
    sees the tokens that a rollout would.
    """

    def __init__(
        self, processor: ProcessorMixin, config: PretrainedConfig, frames: FrameLoader, with_rationale: bool = True
    ):
        """Take what makes a batch.

        Args:
            processor: The model's.
            config: The model's.
            frames: Returns a row's frames (`FrameStore.frames`).
            with_rationale: Keep the reasoning in the replies; without it they go straight to anchors and answer.
        """
        self.processor, self.config, self.frames, self.with_rationale = processor, config, frames, with_rationale

    def __call__(self, rows: Sequence[dict]) -> dict[str, torch.Tensor]:
        """Encode rows, padded on the right.

        Returns:
            `input_ids`, `attention_mask`, `mm_token_type_ids` and `labels` (B, L), and the features of the videos, if
            any, as Qwen2.5-VL takes them.

        Raises:
            ValueError: if a visual placeholder lacks its features.
        """
        if not self.with_rationale:
            rows = [{**row, "rationale": None} for row in rows]
        conversations = [to_messages(row, self.frames(row), with_completion=True) for row in rows]
        prompts = self.processor.apply_chat_template(
            [conversation[:-1] for conversation in conversations],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
        )
        replies = [self._reply_ids(conversation[-1]) for conversation in conversations]
        ids = [torch.tensor([*prompt, *reply]) for prompt, reply in zip(prompts["input_ids"], replies, strict=True)]
        labels = [
            torch.tensor([IGNORED] * len(prompt) + reply)
            for prompt, reply in zip(prompts["input_ids"], replies, strict=True)
        ]
        input_ids = pad_sequence(ids, batch_first=True, padding_value=self.processor.tokenizer.pad_token_id)
        types = token_types(input_ids, self.config)
        features = {name: as_tensor(prompts[name]) for name in VIDEO_FEATURES if name in prompts}
        require_features(types, self.config, features)
        return {
            "input_ids": input_ids,
            "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
            "mm_token_type_ids": types,
            "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORED),
            **features,
        }

    def _reply_ids(self, message: dict) -> list[int]:
        """Tokenise a reply and the token that ends it, which the model has to learn to write."""
        tokenizer = self.processor.tokenizer
        text = message["content"][0]["text"] + tokenizer.eos_token
        return tokenizer(text, add_special_tokens=False)["input_ids"]


def as_tensor(values) -> torch.Tensor:
    """Return a tensor; numbers in lists (seconds per grid step) become float32 as a processor would return them."""
    return values if isinstance(values, torch.Tensor) else torch.tensor(values, dtype=torch.float32)
