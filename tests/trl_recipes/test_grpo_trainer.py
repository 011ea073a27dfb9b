"""Every pass of GRPO sees the same tokens and the same pixels; TRL alone drops a video after the rollout."""

import copy

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import GRPOConfig

from dataset_builders.conversation import FrameStore
from trl_recipes.data import grpo_prompts
from trl_recipes.grpo import QuestionVideos
from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer
from trl_recipes.rewards import format_reward

TEMPERATURE = 0.9


def length_reward(completion_ids, **_):
    return [float(len(ids)) for ids in completion_ids]


@pytest.fixture(scope="module")
def rows(questions):
    """Four questions about different videos, the last without its video."""
    first = {video: row for row, video in reversed(list(enumerate(questions["video"]))) if video}
    chosen = questions.select(sorted(first.values())[:4])
    return chosen.map(
        lambda row, place: {"video": None if place == 3 else row["video"], "question": f"{place}: {row['question']}"},
        with_indices=True,
    )


@pytest.fixture(scope="module")
def trainer(model_dir, data_dir, rows, tmp_path_factory):
    """Two steps per generation and beta > 0, so that old-policy and reference passes run too."""
    model = AutoModelForImageTextToText.from_pretrained(model_dir, trust_remote_code=True)
    args = GRPOConfig(
        output_dir=str(tmp_path_factory.mktemp("grpo")),
        use_cpu=True,
        bf16=False,
        trust_remote_code=True,
        per_device_train_batch_size=4,
        steps_per_generation=2,
        num_generations=2,
        max_completion_length=8,
        max_steps=1,
        beta=0.1,
        temperature=TEMPERATURE,
        gradient_checkpointing=False,
        disable_tqdm=True,
        report_to="none",
        save_strategy="no",
        log_completions=True,
        num_completions_to_print=0,
    )
    return SpaceVistaGRPOTrainer(
        model,
        args=args,
        load_video=QuestionVideos(rows, FrameStore(str(data_dir), "train", 4)),
        reward_funcs=[length_reward, format_reward],
        train_dataset=grpo_prompts(rows),
        processing_class=AutoProcessor.from_pretrained(model_dir, trust_remote_code=True),
    )


@pytest.fixture(scope="module")
def seen(trainer):
    """Train one step; return what the rollout read and wrote, and what the training pass read and computed."""
    record = {}
    generate, compute = trainer.model.generate, trainer._compute_loss
    logps = trainer._get_per_token_logps_and_entropies

    def spy_generate(*, generation_config, **inputs):
        detailed = copy.deepcopy(generation_config)
        detailed.update(return_dict_in_generate=True, output_logits=True)
        out = generate(**inputs, generation_config=detailed)
        record["rollout"] = {"inputs": inputs, "sequences": out.sequences, "logits": torch.stack(out.logits, dim=1)}
        return out.sequences

    def spy_compute(model, inputs):
        record["inputs"] = inputs
        return compute(model, inputs)

    def spy_logps(*args, **kwargs):
        out = logps(*args, **kwargs)
        record["trained"] = out[0].detach()
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.model, "generate", spy_generate)
        patch.setattr(trainer, "_compute_loss", spy_compute)
        patch.setattr(trainer, "_get_per_token_logps_and_entropies", spy_logps)
        trainer.train()
    return record


def _rows_of_rollout(rollout):
    """List (prompt tokens, sampled tokens, their log-probabilities as generation computed them)."""
    prompts, masks = rollout["inputs"]["input_ids"], rollout["inputs"]["attention_mask"].bool()
    tokens = rollout["sequences"][:, prompts.shape[1] :]
    logps = (rollout["logits"] / TEMPERATURE).log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    return [
        (prompt[mask].tolist(), reply.tolist(), values)
        for prompt, mask, reply, values in zip(prompts, masks, tokens, logps, strict=True)
    ]


def test_all_passes_agree_on_tokens_and_log_probabilities(seen):
    inputs, trained = seen["inputs"], seen["trained"]
    mask = inputs["completion_mask"].bool()
    torch.testing.assert_close(inputs["old_per_token_logps"][mask], trained[mask], atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs["ref_per_token_logps"][mask], trained[mask], atol=1e-4, rtol=0)
    rollout = _rows_of_rollout(seen["rollout"])
    for row, kept in enumerate(mask):
        prompt = inputs["prompt_ids"][row][inputs["prompt_mask"][row].bool()].tolist()
        reply = inputs["completion_ids"][row][kept].tolist()
        values = next(logps for ids, tokens, logps in rollout if ids == prompt and tokens[: len(reply)] == reply)
        torch.testing.assert_close(values[: len(reply)], trained[row][kept], atol=1e-4, rtol=0)


def test_the_rollout_reads_each_questions_own_video_once_per_reply(trainer, seen, rows, frames):
    inputs = seen["rollout"]["inputs"]
    asked = [trainer.processing_class.tokenizer.decode(ids) for ids, _, _ in _rows_of_rollout(seen["rollout"])]
    order = [next(row for row in rows if row["question"] in text) for text in asked]
    videos = [frames(row) for row in order if row["video"]]
    expected = trainer.processing_class.video_processor(videos=videos, return_tensors="pt")
    torch.testing.assert_close(inputs["pixel_values_videos"], expected["pixel_values_videos"])
    assert len(videos) == 6  # three of the four questions, two replies each


def test_other_pixels_change_the_training_log_probabilities(trainer, seen):
    inputs = seen["inputs"]
    before = _train_logps(trainer, inputs)
    changed = [
        {name: -part if name == "pixel_values_videos" else part for name, part in video.items()}
        for video in inputs["videos"]
    ]
    after = _train_logps(trainer, {**inputs, "videos": changed})
    differs = ((after - before).abs() * inputs["completion_mask"]).amax(1) > 1e-4
    assert differs.tolist() == [bool(video) for video in inputs["videos"]]


def test_a_pass_without_features_raises(trainer, seen):
    blind = [{} for _ in seen["inputs"]["videos"]]
    with pytest.raises(ValueError, match=r"video placeholders need \d+ patches, got 0"):
        _train_logps(trainer, {**seen["inputs"], "videos": blind})


def test_a_pass_without_rollout_features_raises(trainer, rows, monkeypatch):
    """A rollout that bypasses `_tokenize_prompts` leaves nothing behind from an earlier batch."""
    batch = [trainer.train_dataset[0]] * 2
    trainer._generate_and_score_completions(batch)
    ids = trainer._tokenize_prompts([row["prompt"] for row in batch])[0]
    monkeypatch.setattr(trainer, "_tokenize_prompts", lambda prompts: (ids, None, {}))
    monkeypatch.setattr(trainer, "_generate_single_turn", lambda *args, **kwargs: ([[50, 51], [52, 53]], None))
    with pytest.raises(ValueError, match=r"video placeholders need \d+ patches, got 0"):
        trainer._generate_and_score_completions(batch)


def test_visual_tokens_are_never_sampled(trainer):
    config = trainer.model.config
    suppressed = set(trainer.generation_config.suppress_tokens)
    assert {config.video_token_id, config.image_token_id, config.vision_start_token_id} <= suppressed


def _train_logps(trainer, inputs):
    """Run the training pass on a batch and return its (B, L) log-probabilities."""
    logps, found = trainer._get_per_token_logps_and_entropies, []

    def spy(*args, **kwargs):
        found.append(logps(*args, **kwargs))
        return found[-1]

    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_get_per_token_logps_and_entropies", spy)
        trainer._compute_loss(trainer.model, inputs)
    return found[0][0]
