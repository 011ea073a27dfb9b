import pytest
import torch

from dataset_builders.conversation import completion_text, to_messages
from dataset_builders.errors import InputError
from trl_recipes.data import REWARD_COLUMNS, ReplyCollator, grpo_prompts, load_questions
from trl_recipes.encoding import IGNORED, SampleEncoder


@pytest.fixture(scope="module")
def collator(tiny, store):
    model, processor = tiny
    return ReplyCollator(SampleEncoder(processor, model.config, store))


def test_only_the_reply_carries_a_loss(collator, questions, tiny):
    rows = [questions[row] for row in range(6)]
    batch = collator(rows)
    for row, labels in zip(rows, batch["labels"], strict=True):
        text = tiny[1].tokenizer.decode(labels[labels != IGNORED])
        assert text == completion_text(row) + "<|im_end|>"


def test_replies_without_their_rationale_keep_anchors_and_answer(questions, store, tiny):
    model, processor = tiny
    rows = [questions[row] for row in range(6)]
    batch = ReplyCollator(SampleEncoder(processor, model.config, store, with_rationale=False))(rows)
    for row, labels in zip(rows, batch["labels"], strict=True):
        _, rest = completion_text(row).split("</think>")
        assert row["rationale"]
        assert processor.tokenizer.decode(labels[labels != IGNORED]) == f"<think></think>{rest}<|im_end|>"


def test_tokens_are_those_of_the_chat_template(collator, questions, frames, tiny):
    """The template's own assistant mask is the independent reference."""
    for row in (questions[0], questions[1]):
        batch = collator([row])
        whole = tiny[1].apply_chat_template(
            to_messages(row, frames(row), with_completion=True),
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        assert whole["input_ids"][0][:-1] == batch["input_ids"][0].tolist()  # the template ends a turn with "\n"
        assert whole["assistant_masks"][0][:-1] == (batch["labels"][0] != IGNORED).int().tolist()
        assert whole["mm_token_type_ids"][0][:-1] == batch["mm_token_type_ids"][0].tolist()


def test_batching_does_not_change_the_loss(collator, questions, tiny):
    rows = [questions[row] for row in range(4)]
    with torch.no_grad():
        together = tiny[0](**collator(rows))
        alone = [tiny[0](**collator([row])) for row in rows]
    counts = [int((collator([row])["labels"][:, 1:] != IGNORED).sum()) for row in rows]
    expected = sum(out.loss * count for out, count in zip(alone, counts, strict=True)) / sum(counts)
    assert together.loss == pytest.approx(float(expected), abs=1e-4)


def test_rows_without_video_mix_with_others(collator, questions):
    blind = {**questions[0], "video": None}
    batch = collator([blind, questions[1]])
    assert (batch["mm_token_type_ids"][0] == 2).sum() == 0 < (batch["mm_token_type_ids"][1] == 2).sum()
    assert len(batch["video_grid_thw"]) == 1
    assert "pixel_values_videos" not in collator([blind])


def test_a_placeholder_without_features_is_refused(tiny, questions, store):
    model, processor = tiny

    class Dropping:
        tokenizer = processor.tokenizer

        def apply_chat_template(self, *args, tokenize, **kwargs):
            out = processor.apply_chat_template(*args, tokenize=tokenize, **kwargs)
            return {name: values for name, values in out.items() if name != "pixel_values_videos"} if tokenize else out

    with pytest.raises(ValueError, match=r"\d+ video placeholders need \d+ patches, got 0 in pixel_values_videos"):
        ReplyCollator(SampleEncoder(Dropping(), model.config, store))([questions[0]])


def test_grpo_prompts_hold_references_and_reward_columns(questions):
    rows = grpo_prompts(questions, list)[:2]
    assert set(rows) == {"prompt", *REWARD_COLUMNS}
    for place, prompt in enumerate(rows["prompt"]):
        assert prompt[0]["content"][0] == {"type": "video", "video": [questions[place]["id"]]}
        assert [message["role"] for message in prompt] == ["user"]


def test_a_question_that_needs_more_frames_is_refused_before_training(data_dir, questions):
    needed = max(len(row) for row in questions["key_frames"])
    with pytest.raises(InputError, match=f"key_frames: one question needs {needed} frames"):
        load_questions(str(data_dir), num_frames=needed - 1)
