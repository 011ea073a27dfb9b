"""What the library does with any model: decoding strategies, padding, attention kernels, loading, compiling, PEFT.

Everything runs on a model whose gate is open and whose experts differ, once routed and once forced to one expert per
sample where labels have to follow the samples.
"""

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import AutoModelForImageTextToText

from modeling_spacevista import SpaceVistaConfig, SpaceVistaForConditionalGeneration
from modeling_spacevista.experts import ExpertLinear

NEW = {"max_new_tokens": 5, "min_new_tokens": 5}
GREEDY = {**NEW, "do_sample": False}


@pytest.fixture(params=["router", "forced"])
def gated(request, trained, encode, frames):
    """A model, and a batch of a video and a text prompt, padded on the left, with labels where gates are forced."""
    trained.config.gate_mode = request.param
    batch = dict(encode([frames(4), None]))
    if request.param == "forced":
        batch["scale_labels"] = torch.tensor([2, 0])
    return trained, batch


def tokens(model, batch, **how):
    torch.manual_seed(0)
    return model.generate(**batch, **{**GREEDY, **how})[:, batch["input_ids"].shape[1] :]


def row(batch, place):
    """One sample of the batch by itself, without padding and without what belongs to the other."""
    kept = batch["attention_mask"][place].bool()
    alone = {
        name: batch[name][place : place + 1, kept] for name in ("input_ids", "attention_mask", "mm_token_type_ids")
    }
    if "scale_labels" in batch:
        alone["scale_labels"] = batch["scale_labels"][place : place + 1]
    if place == 0:  # the video's
        alone |= {name: value for name, value in batch.items() if "video" in name or name == "second_per_grid_ts"}
    return alone


def logits(model, batch):
    with torch.no_grad():
        return model(**batch).logits


def test_padding_on_either_side_changes_nothing(gated):
    model, batch = gated
    alone = [logits(model, row(batch, place))[0] for place in (0, 1)]
    padded, mask = logits(model, batch), batch["attention_mask"].bool()
    for place in (0, 1):
        torch.testing.assert_close(padded[place][mask[place]], alone[place], atol=1e-4, rtol=1e-4)
    order = mask.int().argsort(dim=1, descending=True, stable=True)  # what is padding goes to the right
    turned = {
        name: value.gather(1, order) if name in ("input_ids", "attention_mask", "mm_token_type_ids") else value
        for name, value in batch.items()
    }
    assert not turned["attention_mask"][1, -1] and turned["attention_mask"][:, 0].all()
    padded, mask = logits(model, turned), turned["attention_mask"].bool()
    for place in (0, 1):
        torch.testing.assert_close(padded[place][mask[place]], alone[place], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}], ids=["greedy", "beam"])
def test_batched_decoding_equals_one_by_one(gated, how):
    model, batch = gated
    together = tokens(model, batch, **how)
    assert torch.equal(together, torch.cat([tokens(model, row(batch, place), **how) for place in (0, 1)]))


def test_forced_experts_decide_what_is_written(gated):
    """Else the tests of labels above could not fail."""
    model, batch = gated
    if model.config.gate_mode == "forced":
        other = {**batch, "scale_labels": torch.tensor([1, 3])}
        assert (logits(model, other) - logits(model, batch)).abs().amax((1, 2)).min() > 0.1


def test_sampling_returns_several_per_prompt_and_repeats_with_the_seed(gated):
    model, batch = gated
    how = {"do_sample": True, "num_return_sequences": 2, "temperature": 5.0}
    first = tokens(model, batch, **how)
    assert first.shape == (4, 5) and not torch.equal(first[0], first[1])
    assert torch.equal(first, tokens(model, batch, **how))


@pytest.mark.parametrize("how", [{"cache_implementation": "static", "disable_compile": True}, {"use_cache": False}])
def test_other_caches_write_the_same(gated, how):
    model, batch = gated
    assert torch.equal(tokens(model, batch, **how), tokens(model, batch))


@pytest.mark.parametrize("how", ["model", "prompt_lookup"])
def test_assisted_decoding_writes_the_same(gated, how, model):
    """The assistant is the untrained model: other logits, so that some of its guesses are refused."""
    speaker, batch = gated
    alone = row(batch, 0)
    assistant = {"prompt_lookup_num_tokens": 2} if how == "prompt_lookup" else {"assistant_model": model}
    assert torch.equal(tokens(speaker, alone, **assistant), tokens(speaker, alone))


def test_attention_kernels_agree(gated):
    model, batch = gated
    real = batch["attention_mask"].bool()
    model.set_attn_implementation("eager")
    eager = logits(model, batch)[real]
    model.set_attn_implementation("sdpa")
    torch.testing.assert_close(logits(model, batch)[real], eager, atol=1e-4, rtol=1e-4)


def test_flash_attention_is_declared():
    """The kernel needs a GPU; that the classes take it is what the library asks first."""
    assert SpaceVistaForConditionalGeneration._supports_flash_attn
    assert SpaceVistaForConditionalGeneration._supports_sdpa


def test_compiled_forward_is_one_graph_and_equals_eager(gated):
    model, batch = gated
    decoder = model.model.language_model
    inputs = {"inputs_embeds": torch.randn(2, 9, 64), "attention_mask": torch.ones(2, 9, dtype=torch.long)}
    if "scale_labels" in batch:
        inputs["scale_labels"] = batch["scale_labels"]
    with torch.no_grad():
        compiled = torch.compile(decoder, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(
            compiled(**inputs).last_hidden_state, decoder(**inputs).last_hidden_state, atol=1e-5, rtol=1e-4
        )


def test_sharded_round_trip_is_bit_equal(gated, tmp_path):
    model, batch = gated
    model.save_pretrained(tmp_path, max_shard_size="200KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2 and not list(tmp_path.glob("*.bin"))
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path)
    assert torch.equal(logits(loaded, batch), logits(model, batch))


def test_device_map_spreads_whole_layers(gated, tmp_path):
    """With less memory than the model needs, "auto" leaves the rest on disk and fetches it layer by layer."""
    model, batch = gated
    model.save_pretrained(tmp_path)
    spread = AutoModelForImageTextToText.from_pretrained(
        tmp_path, device_map="auto", max_memory={"cpu": "900KB"}, offload_folder=tmp_path / "offload"
    )
    assert {"cpu", "disk"} == set(spread.hf_device_map.values())
    assert "model.language_model.layers.0.mlp" not in spread.hf_device_map
    assert torch.equal(logits(spread, batch), logits(model, batch))


def test_bfloat16(gated, tmp_path):
    model, batch = gated
    model.save_pretrained(tmp_path)
    half = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    real = batch["attention_mask"].bool()
    difference = logits(half, batch)[real].float().softmax(-1) - logits(model, batch)[real].softmax(-1)
    assert difference.abs().max() < 0.05
    assert tokens(half, batch).shape == (2, 5)


def test_embeddings_are_tied_in_memory_and_once_in_the_file(trained, tmp_path):
    assert trained.lm_head.weight is trained.model.language_model.embed_tokens.weight
    trained.save_pretrained(tmp_path)
    loaded = SpaceVistaForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.lm_head.weight is loaded.model.language_model.embed_tokens.weight


def test_lora_on_top_trains_and_comes_back(gated, tmp_path):
    model, batch = gated
    config = LoraConfig(r=2, target_modules=["q_proj", "down_proj"], init_lora_weights=False)
    adapted = get_peft_model(model, config)
    before = logits(adapted, batch)
    optimizer = torch.optim.SGD([p for p in adapted.parameters() if p.requires_grad], lr=0.1)
    losses = []
    for _ in range(3):
        loss = adapted(**batch, labels=batch["input_ids"]).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    after = logits(adapted, batch)
    assert (after - before).abs().max() > 1e-3
    adapted.save_pretrained(tmp_path)
    plain = adapted.unload()
    assert torch.equal(logits(PeftModel.from_pretrained(plain, tmp_path), batch), after)


def test_without_experts_the_layers_are_those_of_qwen(built):
    values = {**built[0].config.to_dict(), "num_experts": 0, "expert_scales": None}
    plain = SpaceVistaForConditionalGeneration(SpaceVistaConfig(**values))
    layer = plain.model.language_model.layers[0]
    assert {type(m) for m in layer.modules() if isinstance(m, nn.Linear)} == {nn.Linear}
    assert not [name for name, _ in plain.named_parameters() if "expert" in name or "router" in name]
    assert not any("expert" in rule for rule in plain.tp_plan)
    assert any(isinstance(m, ExpertLinear) for m in built[0].modules())
