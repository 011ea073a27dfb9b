"""Every pass of GRPO sees the same tokens and the same pixels; TRL alone drops a video after the rollout."""

import copy
from functools import partial

import pytest
import torch
from peft import LoraConfig
from transformers import AutoModelForImageTextToText
from video_prompts import TEMPERATURE, VIDEOS, curves, load_videos, make_prompts, make_trainer, training_logps

from trl_recipes.grpo_trainer import SpaceVistaGRPOTrainer


def length_reward(completion_ids, **_):
    return [float(len(ids)) for ids in completion_ids]


def parity_reward(completion_ids, **_):
    return [float(sum(ids) % 2) for ids in completion_ids]


@pytest.fixture(scope="module")
def videos(questions, frames):
    return load_videos(questions, frames)


@pytest.fixture(scope="module")
def make(model_dir, videos, tmp_path_factory):
    """Return a function that makes a trainer on the prompts."""
    rewards = [length_reward, parity_reward]
    folder = tmp_path_factory.mktemp("grpo")
    return partial(make_trainer, SpaceVistaGRPOTrainer, model_dir, videos, folder, reward_funcs=rewards)


@pytest.fixture(scope="module", params=["router", "forced"])
def gate_mode(request):
    return request.param


@pytest.fixture(scope="module")
def trainer(make, model_dir, tmp_path_factory, gate_mode):
    """Two steps per generation and beta > 0, so that old-policy and reference passes run too; experts that do work."""
    model = AutoModelForImageTextToText.from_pretrained(model_dir, trust_remote_code=True)
    model.config.gate_mode = model.config.text_config.gate_mode = gate_mode
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("expert_b") or ".router." in name:
                parameter.normal_(0, 0.5, generator=generator)
    folder = tmp_path_factory.mktemp(gate_mode)
    model.save_pretrained(folder)
    # Loaded again, as the reference will be.
    model = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=True)
    settings = {"steps_per_generation": 2, "beta": 0.1, "log_completions": True, "num_completions_to_print": 0}
    label = (lambda row: row["scale"]) if gate_mode == "forced" else None
    return make(model, settings, scale_label=label)


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


def test_the_rollout_reads_each_prompts_own_videos_once_per_reply(trainer, seen, videos):
    inputs = seen["rollout"]["inputs"]
    asked = [trainer.processing_class.tokenizer.decode(ids) for ids, _, _ in _rows_of_rollout(seen["rollout"])]
    order = [next(place for place in range(len(VIDEOS)) if f"{place}: what" in text) for text in asked]
    names = [name for place in order for name in VIDEOS[place]]
    assert len(names) == 8  # four videos in all, two replies each
    grids, patches = [], []
    for name in names:
        one = trainer.processing_class.video_processor(videos=[videos[name]], return_tensors="pt")
        grids.append(one["video_grid_thw"])
        patches.append(one["pixel_values_videos"])
    torch.testing.assert_close(inputs["video_grid_thw"], torch.cat(grids))
    torch.testing.assert_close(inputs["pixel_values_videos"], torch.cat(patches))
    assert len({tuple(grid.tolist()) for grid in inputs["video_grid_thw"]}) >= 3


def test_other_pixels_change_the_training_log_probabilities(trainer, seen):
    inputs = seen["inputs"]
    before = training_logps(trainer, inputs)
    changed = [
        {name: -part if name == "pixel_values_videos" else part for name, part in video.items()}
        for video in inputs["features"]
    ]
    after = training_logps(trainer, {**inputs, "features": changed})
    differs = ((after - before).abs() * inputs["completion_mask"]).amax(1) > 1e-4
    assert differs.tolist() == ["pixel_values_videos" in row for row in inputs["features"]]


def test_other_labels_change_the_training_log_probabilities(trainer, seen, gate_mode):
    if gate_mode != "forced":
        pytest.skip("gates are not forced")
    inputs = seen["inputs"]
    before = training_logps(trainer, inputs)
    changed = [{**row, "scale_labels": (row["scale_labels"] + 1) % 4} for row in inputs["features"]]
    after = training_logps(trainer, {**inputs, "features": changed})
    assert ((((after - before).abs() * inputs["completion_mask"]).amax(1)) > 1e-4).all()


def test_experts_take_part(trainer, seen):
    """With all experts at rest the log-probabilities would be others: the passes above do not agree on nothing."""
    inputs, experts = seen["inputs"], [p for n, p in trainer.model.named_parameters() if n.endswith("expert_b")]
    before = training_logps(trainer, inputs)
    saved = [part.detach().clone() for part in experts]
    try:
        for part in experts:
            part.data.zero_()
        after = training_logps(trainer, inputs)
    finally:
        for part, values in zip(experts, saved, strict=True):
            part.data.copy_(values)
    assert ((((after - before).abs() * inputs["completion_mask"]).amax(1)) > 1e-3).all()


def test_a_pass_without_features_raises(trainer, seen):
    rows = seen["inputs"]["features"]
    blind = [{name: value for name, value in row.items() if name == "scale_labels"} for row in rows]
    with pytest.raises(ValueError, match=r"video placeholders need \d+ patches, got 0"):
        training_logps(trainer, {**seen["inputs"], "features": blind})


def test_a_pass_without_rollout_features_raises(trainer, monkeypatch):
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


def test_clip_higher_bounds_the_two_sides_apart(make):
    """Ratios of 1.25 pass and 1.35 are cut at 1.28, those of 0.7 at 0.8 where the advantage is negative (DAPO)."""
    trainer = make(settings={"epsilon": 0.2, "epsilon_high": 0.28, "loss_type": "bnpo", "steps_per_generation": 2})
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    inputs = trainer._generate_and_score_completions([trainer.train_dataset[0]] * 2 + [trainer.train_dataset[1]] * 2)
    with torch.no_grad():
        now = training_logps(trainer, inputs)
    ratios = torch.tensor([1.25, 1.35, 0.7, 1.35])
    advantages = torch.tensor([2.0, 1.0, -1.0, -1.0])
    changed = {**inputs, "advantages": advantages, "old_per_token_logps": now - ratios.log()[:, None]}
    loss = trainer._compute_loss(trainer.model, changed)
    # The lower of ratio times advantage, unclipped and clipped.
    expected = -torch.tensor([1.25 * 2, 1.28 * 1, 0.8 * -1, 1.35 * -1])
    tokens = inputs["completion_mask"].sum(1)
    assert loss.item() == pytest.approx(((expected * tokens).sum() / tokens.sum()).item(), abs=1e-4)
    assert trainer._metrics["train"]["clip_ratio/high_mean"][-1] == pytest.approx((tokens[1] / tokens.sum()).item())


@pytest.mark.parametrize("beta", [0.0, 0.1])
def test_the_divergence_is_measured_where_it_is_asked_for(make, beta):
    trainer = make(settings={"beta": beta, "max_steps": 3, "learning_rate": 1e-2})
    trainer.train()
    divergences = [entry.get("kl") for entry in trainer.state.log_history if "reward" in entry]
    if beta:
        assert divergences[0] == pytest.approx(0, abs=1e-6) and divergences[-1] > 1e-4
    else:
        assert divergences == [None] * 3 and trainer.ref_model is None


def test_an_adapter_trains_and_its_reference_is_the_model_below(make):
    lora = LoraConfig(r=2, target_modules=r".*language_model.*(q_proj|v_proj)", init_lora_weights=True)
    settings = {"beta": 0.1, "max_steps": 2, "learning_rate": 1e-2}
    trainer = make(settings=settings, peft_config=lora)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.train()
    changed = {name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all("lora_" in name for name in changed)
    divergences = [entry["kl"] for entry in trainer.state.log_history if "kl" in entry]
    assert divergences[0] == pytest.approx(0, abs=1e-6) and divergences[1] > 1e-6


@pytest.mark.parametrize(
    ("settings", "checkpoint"),
    [
        pytest.param({"max_steps": 4, "eval_strategy": "steps", "eval_steps": 2}, 2, id="evaluated"),
        # Two prompts a step, so the second epoch begins with the third step.
        pytest.param({"max_steps": 5}, 3, id="later epoch"),
        pytest.param(
            {"max_steps": 4, "num_iterations": 2, "gradient_accumulation_steps": 2}, 2, id="replies used twice"
        ),
    ],
)
def test_a_resumed_run_goes_on_as_it_would_have(make, tmp_path, settings, checkpoint):
    settings = {
        **settings,
        "output_dir": str(tmp_path),
        "save_strategy": "steps",
        "save_steps": checkpoint,
        "per_device_eval_batch_size": 2,
        "learning_rate": 1e-3,
        "beta": 0.1,
    }
    whole = make(settings=settings, eval_dataset=make_prompts())
    whole.train()
    resumed = make(settings=settings, eval_dataset=make_prompts())
    resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{checkpoint}"))
    expected = curves(whole, checkpoint)
    assert {step for step, _ in expected} == set(range(checkpoint + 1, settings["max_steps"] + 1))
    assert any("eval" in name for _, name in expected) == ("eval_steps" in settings)
    assert len({value for (_, name), value in expected.items() if name == "loss"}) > 1
    for key, value in curves(resumed, checkpoint).items():
        assert value == pytest.approx(expected[key], abs=1e-5), key
