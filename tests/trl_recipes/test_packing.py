"""A packed row does what its samples do alone: independent references are the unpacked model and a written mask."""

import copy

import pytest
import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from trl_recipes.data import ReplyCollator
from trl_recipes.encoding import IGNORED, SampleEncoder
from trl_recipes.packing import PACKED_ATTENTION, PackCollator, pack, pack_attention

SPACEVISTA_ONLY = ("fusion", "num_experts", "expert", "dense", "gate_mode", "router", "geometry", "architectures")


@pytest.fixture(scope="module")
def rows(questions):
    """Six questions of different scenes and lengths, the third without its video."""
    rows = [questions[row] for row in range(0, 36, 6)]
    return [*rows[:2], {**rows[2], "video": None}, *rows[3:]]


@pytest.fixture(scope="module")
def opened(tiny):
    """A SpaceVista whose fusion and experts, zero when built, take part."""
    model = copy.deepcopy(tiny[0])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("expert_b", "fusion.gate")):
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(len(name)))
    return model


@pytest.fixture(scope="module")
def plain(tiny):
    """A Qwen2.5-VL of the same sizes."""
    values = {k: v for k, v in tiny[0].config.to_dict().items() if not k.startswith(SPACEVISTA_ONLY)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(**{**values, "model_type": "qwen2_5_vl"})).eval()


def _models(opened, plain, kind):
    model = copy.deepcopy(plain if kind == "qwen" else opened)
    if kind != "qwen":
        model.config.gate_mode = kind
    return model


def _encoder(tiny, store, model, kind):
    label = (lambda row: row["scale"] % model.config.num_experts) if kind == "forced" else None
    return SampleEncoder(tiny[1], model.config, store, scale_label=label)


def _loss_and_gradients(model, batches):
    """The mean loss of all labelled tokens of the batches, and its gradients."""
    model = model.train()
    model.zero_grad()
    batches = list(batches)
    count = sum(int((batch["labels"][:, 1:] != IGNORED).sum()) for batch in batches)
    total = sum(model(**batch, use_cache=False, num_items_in_batch=count).loss for batch in batches)
    total.backward()
    model.eval()
    return total.item(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("attention", ["sdpa", "eager", PACKED_ATTENTION])
@pytest.mark.parametrize("kind", ["qwen", "router", "forced"])
def test_loss_and_gradients_are_those_of_the_samples_alone(kind, attention, opened, plain, rows, tiny, store):
    model = _models(opened, plain, kind)
    encoder = _encoder(tiny, store, model, kind)
    expected, gradients = _loss_and_gradients(model, (ReplyCollator(encoder)([row]) for row in rows))
    padded, _ = _loss_and_gradients(model, [ReplyCollator(encoder)(rows)])
    model.model.language_model.set_attn_implementation(attention)
    loss, packed = _loss_and_gradients(model, [PackCollator(encoder)([{"rows": rows[:4]}, {"rows": rows[4:]}])])
    assert loss == pytest.approx(expected, abs=1e-5) and padded == pytest.approx(expected, abs=1e-5)
    assert packed.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert torch.allclose(packed[name], gradient, atol=1e-5), name
    if kind != "qwen":
        touched = {name for name, gradient in gradients.items() if gradient.abs().max() > 1e-6}
        assert any("fusion" in name for name in touched) and any("expert_a" in name for name in touched)


@pytest.mark.parametrize("attention", ["sdpa", PACKED_ATTENTION])
@pytest.mark.parametrize("kind", ["qwen", "router"])
def test_a_sample_does_not_see_the_others(kind, attention, opened, plain, rows, tiny, store):
    model = _models(opened, plain, kind)
    model.model.language_model.set_attn_implementation(attention)
    encoder = _encoder(tiny, store, model, kind)
    with torch.no_grad():
        batches = [PackCollator(encoder)(part) for part in (rows[:4], [rows[0], rows[4], *rows[2:4]])]
        logits = [model(**batch, use_cache=False).logits[0] for batch in batches]
    sizes = [len(sample.input_ids) for sample in encoder([rows[0], rows[1], rows[4]])]
    first, (second, other) = sizes[0], sizes[1:]
    assert torch.allclose(logits[0][:first], logits[1][:first], atol=1e-5)
    assert torch.allclose(logits[0][first + second :], logits[1][first + other :], atol=1e-5)
    assert not torch.allclose(logits[0][first + second - 1], logits[1][first + other - 1], atol=1e-3)


def test_forgetting_the_places_would_be_noticed(opened, rows, tiny, store):
    """Without its first row, `position_ids` no longer tell the samples apart, and they see each other."""
    encoder = _encoder(tiny, store, opened, "router")
    batch = PackCollator(encoder)(rows[:3])
    with torch.no_grad():
        right = opened(**batch, use_cache=False).logits
        wrong = opened(**{**batch, "position_ids": batch["position_ids"][1:]}, use_cache=False).logits
    assert not torch.allclose(right, wrong, atol=1e-2)


@pytest.mark.parametrize("kind", ["router", "forced"])
def test_gates_of_a_token_are_those_of_its_sample_alone(kind, opened, plain, rows, tiny, store):
    model = _models(opened, plain, kind)
    encoder = _encoder(tiny, store, model, kind)
    with torch.no_grad():
        packed = model(**PackCollator(encoder)(rows), use_cache=False, output_gates=True).gates
        alone = [model(**ReplyCollator(encoder)([row]), output_gates=True).gates for row in rows]
    assert torch.allclose(packed, torch.cat(alone, dim=2), atol=1e-5)


def test_frames_are_fused_with_their_own(opened, rows, tiny, store):
    """Visual features of a row, dense ones included, are those of each sample alone."""
    encoder = _encoder(tiny, store, opened, "router")
    names = ("pixel_values_videos", "video_grid_thw")
    with torch.no_grad():
        features = [
            opened.get_video_features(*(batch[name] for name in names)).pooler_output
            for batch in (PackCollator(encoder)(rows[:2]), *(ReplyCollator(encoder)([row]) for row in rows[:2]))
        ]
    assert len(features[0]) == 2
    for together, (alone,) in zip(features[0], features[1:], strict=True):
        assert torch.allclose(together, alone, atol=1e-5)


def test_positions_are_those_that_the_model_gives_a_sample(opened, rows, tiny, store):
    encoder = _encoder(tiny, store, opened, "router")
    packed = PackCollator(encoder)(rows)["position_ids"]
    alone = []
    for row in rows:
        batch = ReplyCollator(encoder)([row])
        grids = {name: batch[name] for name in ("video_grid_thw", "second_per_grid_ts") if name in batch}
        positions, _ = opened.model.get_rope_index(batch["input_ids"], batch["mm_token_type_ids"], **grids)
        alone.append(torch.cat([torch.arange(positions.shape[-1])[None, None], positions]))
    assert torch.equal(packed, torch.cat(alone, dim=-1))


def test_packed_attention_pads_and_generates_as_sdpa_does(opened, rows, questions, store, tiny):
    other = copy.deepcopy(opened)
    pack_attention(other)
    assert other.model.language_model.config._attn_implementation == PACKED_ATTENTION
    assert other.model.visual.config._attn_implementation == "sdpa"
    encoder = _encoder(tiny, store, opened, "router")
    batch = ReplyCollator(encoder)(rows)
    prompt = {name: value for name, value in ReplyCollator(encoder)([rows[0]]).items() if name != "labels"}
    with torch.no_grad():
        kept = batch["attention_mask"].bool()
        assert torch.allclose(opened(**batch).logits[kept], other(**batch).logits[kept], atol=1e-5)
        written = [model.generate(**prompt, max_new_tokens=6, do_sample=False) for model in (opened, other)]
    assert torch.equal(*written)


def test_packing_is_tight_complete_and_the_same_every_time():
    lengths = torch.randint(20, 900, (500,), generator=torch.Generator().manual_seed(1)).tolist()
    rows = pack(lengths, 1000)
    assert rows == pack(lengths, 1000)
    assert sorted(place for row in rows for place in row) == list(range(500))
    assert all(sum(lengths[place] for place in row) <= 1000 for row in rows)
    # No packing takes fewer rows than the tokens fill.
    assert len(rows) <= 1.02 * -(-sum(lengths) // 1000)
