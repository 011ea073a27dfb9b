"""Rows of a dataset folder → what the trainers read."""

from collections.abc import Callable, Sequence

import torch
from datasets import Dataset, Features, IterableDataset, load_dataset
from torch.nn.utils.rnn import pad_sequence
from transformers import PretrainedConfig

from dataset_builders.conversation import to_messages
from dataset_builders.errors import InputError
from dataset_builders.record import QUESTION_FEATURES
from dataset_builders.turns import turns_of
from trl_recipes.arguments import one_line
from trl_recipes.encoding import IGNORED, Sample, SampleEncoder, join_features
from trl_recipes.visual import require_features, token_types

REWARD_COLUMNS = ("answer", "answer_type", "options", "unit", "anchors", "regions", "scale")
SPLIT = "train"
VALIDATION = "validation"
ROWS = "rows"


def load_questions(
    dataset: str, num_frames: int, split: str = SPLIT, streaming: bool = False
) -> Dataset | IterableDataset:
    """Load the questions of a split: those to train on, or `VALIDATION`; as a stream, their rows are not checked.

    Raises:
        InputError: if there is no such dataset, the split is missing or empty, columns are missing, or a question
            cannot do with `num_frames` frames.
    """
    fix = "give a folder that `python -m dataset_builders build` wrote, or a Hub id of the same form"
    try:
        questions = load_dataset(dataset, "all", split=split, streaming=streaming)
    except (OSError, ValueError) as error:
        raise InputError(dataset, f"dataset, split {split}", one_line(error), fix) from error
    missing = sorted(QUESTION_FEATURES.keys() - set(questions.column_names))
    if missing:
        raise InputError(dataset, "columns", f"lacks {', '.join(missing)}", fix)
    if streaming:
        return questions
    if not len(questions):
        raise InputError(dataset, f"split {split}", "has no questions", "build it from more scenes")
    needed = max(len(frames) for frames in questions["key_frames"])
    if needed > num_frames:
        raise InputError(dataset, "key_frames", f"one question needs {needed} frames", f"give --num_frames {needed}")
    return questions


def each_turn(questions: Dataset) -> Dataset:
    """Make a row of every turn of the conversations among questions, see `turns_of`; without any, return them."""
    if not any(questions["turns"]):
        return questions
    features = Features({**questions.features, "earlier": questions.features["turns"]})

    def spread(rows: dict[str, list]) -> dict[str, list]:
        records = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)]
        turns = [turn for record in records for turn in turns_of(record)]
        return {name: [turn.get(name, []) for turn in turns] for name in features}

    return questions.map(spread, batched=True, features=features, desc="turns")


def grpo_prompts(questions: Dataset, readable: Callable[[list[dict]], list[dict]]) -> Dataset:
    """Present questions as GRPO reads them: a prompt whose video part holds the question's id, and the reward columns.

    A turn of a conversation comes behind the right replies to those before it, as supervised training shows it.
    Frames are not put in here: TRL copies, gathers and logs prompts, and repeats each for every reply of a group.

    Args:
        questions: Of a split.
        readable: Returns the questions to ask in the place of some, see `ReadableQuestions`.
    """

    def as_prompts(rows: dict[str, list]) -> dict[str, list]:
        records = readable([dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)])
        prompts = [to_messages(record, record["video"] and [record["id"]]) for record in records]
        return {"prompt": prompts, **{name: [record[name] for record in records] for name in REWARD_COLUMNS}}

    return questions.with_transform(as_prompts)


class ReplyCollator:
    """Makes a training batch of rows with their replies; only the replies' tokens carry a loss."""

    def __init__(self, encoder: SampleEncoder):
        """Take what makes samples out of rows."""
        self.encoder = encoder

    def __call__(self, items: Sequence[dict]) -> dict[str, torch.Tensor]:
        """Encode rows, or items that hold rows (`ROWS`), padded on the right.

        Returns:
            `input_ids`, `attention_mask`, `mm_token_type_ids` and `labels` (B, L), the features of images and videos,
            if any, as Qwen2.5-VL takes them, and `scale_labels` (B,), if they are asked for.

        Raises:
            RowError: if a row cannot be read and is not to be skipped.
            ValueError: if a visual placeholder lacks its features.
        """
        samples = self.encoder([row for item in items for row in rows_of(item)])
        return pad_samples(samples, self.encoder.config, self.encoder.processor.tokenizer.pad_token_id)


def pad_samples(samples: Sequence[Sample], config: PretrainedConfig, padding: int) -> dict[str, torch.Tensor]:
    """Make a batch of samples, padded on the right; see `ReplyCollator`."""
    input_ids = pad_sequence([sample.input_ids for sample in samples], batch_first=True, padding_value=padding)
    types, features = token_types(input_ids, config), join_features(samples)
    require_features(types, config, features)
    mask = pad_sequence([torch.ones_like(sample.input_ids) for sample in samples], batch_first=True)
    batch = {
        "input_ids": input_ids,
        "attention_mask": mask,
        "mm_token_type_ids": types,
        "labels": pad_sequence([sample.labels for sample in samples], batch_first=True, padding_value=IGNORED),
        **features,
    }
    if samples[0].scale_label is not None:
        batch["scale_labels"] = torch.tensor([sample.scale_label for sample in samples])
    return batch


def rows_of(item: dict) -> list[dict]:
    """Return the rows of an item of a training set: those that it holds under `ROWS`, or itself."""
    return item[ROWS] if ROWS in item else [item]
