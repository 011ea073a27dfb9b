import pytest
import torch
from transformers import AutoModelForImageTextToText

from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration


@pytest.fixture
def batches(encode, frames):
    """Every kind of prompt: image, two frame sizes, video (one with an odd count of frames), text, mixed."""
    return {
        "image": encode([frames(1)[0], frames(1, (140, 280), seed=1)[0]], kind="image"),
        "video": encode([frames(8), frames(3, (168, 224), seed=2), frames(4, seed=3)]),
        "text": encode([None, None]),
        "mixed": encode([frames(4), None]),
    }


@pytest.mark.parametrize("kind", ["image", "video", "text", "mixed"])
def test_untrained_logits_equal_the_backbone_exactly(built, to_backbone, batches, kind):
    model, backbone = built[0], to_backbone(built[0])
    with torch.no_grad():
        assert (model(**batches[kind]).logits - backbone(**batches[kind]).logits).abs().max().item() == 0.0


@pytest.mark.parametrize("kind", ["image", "video", "text", "mixed"])
def test_untrained_generation_equals_the_backbone(built, to_backbone, batches, kind):
    backbone = to_backbone(built[0])
    backbone.generation_config = built[0].generation_config
    arguments = {**batches[kind], "max_new_tokens": 6, "do_sample": False}
    assert torch.equal(built[0].generate(**arguments), backbone.generate(**arguments))


def test_state_dict_holds_the_names_of_qwen(built, to_backbone):
    assert set(to_backbone(built[0]).state_dict()) < set(built[0].state_dict())


@pytest.mark.parametrize("kind", ["image", "video"])
def test_an_open_gate_changes_forward_and_generate_alike(model, batches, kind):
    batch = batches[kind]
    closed = model.generate(
        **batch, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True
    )
    torch.nn.init.constant_(model.model.fusion.gate, 5.0)
    opened = model.generate(
        **batch, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True
    )
    assert (opened.logits[0] - closed.logits[0]).abs().max() > 1e-3
    torch.testing.assert_close(opened.logits[0], model(**batch).logits[:, -1], atol=1e-5, rtol=1e-5)


def test_gate_leaves_text_prompts_alone(model, batches):
    before = model(**batches["text"]).logits
    torch.nn.init.constant_(model.model.fusion.gate, 5.0)
    assert torch.equal(model(**batches["text"]).logits, before)


def test_videos_are_fused_independently_of_their_company(trained, encode, frames):
    """Videos of two frame sizes in one batch, in an order that grouping by size has to undo."""
    videos = [frames(4), frames(3, (168, 224), seed=2), frames(2, seed=3)]
    together = encode(videos)
    parts = [encode([video]) for video in videos]
    features = trained.get_video_features
    found = features(together["pixel_values_videos"], together["video_grid_thw"]).pooler_output
    for part, fused in zip(parts, found, strict=True):
        (alone,) = features(part["pixel_values_videos"], part["video_grid_thw"]).pooler_output
        torch.testing.assert_close(fused, alone, atol=1e-5, rtol=1e-4)


def test_frame_pairs_are_fused_independently(trained, encode, frames):
    """Memory grows linearly with frames because no pair attends to another: changing one leaves the rest."""
    pixels = encode([frames(6)])["pixel_values_videos"]
    tokens = torch.randn(3, 12, 64, generator=torch.Generator().manual_seed(0))
    changed = pixels.clone()
    changed[48:96] = 0
    grid = torch.tensor([[3, 6, 8]])
    before, after = (trained.model._fuse((tokens.flatten(0, 1),), p, grid, None)[0] for p in (pixels, changed))
    same = (before - after).unflatten(0, (3, 12)).abs().amax((1, 2)) < 1e-5
    assert same.tolist() == [True, False, True]


def test_gradients_reach_gate_fusion_experts_and_router(model, encode, frames):
    batch = encode([frames(4)], answer="12.5 cm")
    model.train()(**batch, labels=batch["input_ids"]).loss.backward()
    touched = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert "model.fusion.gate" in touched
    assert "model.language_model.layers.0.mlp.down_proj.expert_b" in touched
    assert not any("dense_branch" in name for name in touched)
    torch.nn.init.constant_(model.model.fusion.gate, 0.1)
    for layer in model.model.language_model.layers:
        torch.nn.init.normal_(layer.mlp.down_proj.expert_b)
    model(**batch, labels=batch["input_ids"]).loss.backward()
    touched = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    for name in ("model.fusion.mixer.layers.0.q_proj.weight", "model.fusion.project.1.weight"):
        assert name in touched
    assert "model.language_model.layers.1.router.up.weight" in touched


def test_round_trip_after_training_is_bit_equal(trained, encode, frames, tmp_path):
    batch = encode([frames(4), None])
    expected = trained(**batch).logits
    trained.save_pretrained(tmp_path)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert isinstance(loaded, SpaceVistaForConditionalGeneration)
    assert (loaded(**batch).logits - expected).abs().max().item() == 0.0
    assert not any(p.requires_grad for p in loaded.model.dense_branch.parameters())
    assert loaded.generation_config.eos_token_id == trained.generation_config.eos_token_id


def test_missing_experts_and_gate_are_initialised_on_loading(model, encode, frames, tmp_path):
    """`from_pretrained` builds on the meta device: what a checkpoint lacks must not stay uninitialised memory."""
    weights = model.state_dict()
    ours = {name for name in weights if any(part in name for part in ("expert_", "router", "fusion"))}
    model.save_pretrained(tmp_path, state_dict={name: weights[name] for name in weights if name not in ours})
    loaded, info = SpaceVistaForConditionalGeneration.from_pretrained(
        tmp_path, output_loading_info=True, allow_incomplete=True
    )
    assert set(info["missing_keys"]) == ours
    for name, parameter in loaded.named_parameters():
        assert parameter.isfinite().all() and (parameter.abs() < 10).all(), name
        if name.endswith(("expert_b", "fusion.gate")):
            assert not parameter.any(), name
        if name.endswith("expert_a"):
            assert parameter.std() > 0.01, name
    batch = encode([frames(2)])
    assert torch.equal(loaded(**batch).logits, model(**batch).logits)


def test_bad_grid_is_refused_before_anything_is_computed(built, encode, frames):
    batch = encode([frames(4)])
    batch["pixel_values_videos"] = batch["pixel_values_videos"][:48]
    with pytest.raises(ValueError, match=r"needs patches of shape \(96, 1176\), got \(48, 1176\)"):
        built[0](**batch)


def test_bfloat16(trained, encode, frames):
    batch = encode([frames(2), None])
    exact = trained(**batch).logits.softmax(-1)
    rounded = trained.to(torch.bfloat16)(**batch).logits.float().softmax(-1)
    assert (exact - rounded).abs().max() < 0.05


def test_hidden_states_and_attentions_are_recorded(model, encode):
    model.set_attn_implementation("eager")
    outputs = model(**encode([None]), output_hidden_states=True, output_attentions=True)
    assert (len(outputs.hidden_states), len(outputs.attentions)) == (3, 2)


@pytest.mark.parametrize(
    "how", [{"num_beams": 2, "num_return_sequences": 2}, {"do_sample": True, "num_return_sequences": 2}]
)
def test_several_sequences_per_prompt(trained, encode, frames, how):
    batch = encode([frames(4), None])
    found = trained.generate(**batch, max_new_tokens=3, min_new_tokens=3, **how)
    assert found.shape == (4, batch["input_ids"].shape[1] + 3)


SIZES = {
    "3B": ({"hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36, "num_attention_heads": 16}, 2),
    "7B": ({"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28}, 4),
    "32B": ({"hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 64, "num_attention_heads": 40}, 8),
    "72B": ({"hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80, "num_attention_heads": 64}, 8),
}


@pytest.mark.parametrize(
    ("size", "least", "most", "share"),
    [("3B", 3.5e9, 4e9, 0.0040), ("7B", 8e9, 8.5e9, 0.0024), ("32B", 32e9, 34e9, 0.0020), ("72B", 72e9, 74e9, 0.0014)],
)
def test_published_sizes_by_configuration(size, least, most, share):
    """On the meta device: shapes fit, and an expert is at most 0.5 % of the backbone (paper, section 4)."""
    text, key_value_heads = SIZES[size]
    config = SpaceVistaConfig(
        text_config={**text, "num_key_value_heads": key_value_heads, "vocab_size": 151936 if size == "3B" else 152064},
        vision_config={"hidden_size": 1280, "out_hidden_size": text["hidden_size"]},
        tie_word_embeddings=size == "3B",
    )
    with torch.device("meta"):
        model = SpaceVistaForConditionalGeneration(config)
        model.tie_weights()
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    ours = ("expert_", "router", "fusion", "dense_branch")
    backbone = sum(size for name, size in sizes.items() if not any(part in name for part in ours))
    expert = sum(size for name, size in sizes.items() if "expert_" in name) / config.num_experts
    assert least < backbone < most
    assert expert / backbone == pytest.approx(share, abs=6e-5) and expert <= 0.005 * backbone
