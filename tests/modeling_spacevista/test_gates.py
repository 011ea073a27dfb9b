import copy

import pytest
import torch

from modeling_spacevista import SpaceVistaForConditionalGeneration, plot_gates
from modeling_spacevista.gates import forced_gates, load_balance_loss, mean_gates, router_z_loss


@pytest.fixture
def rebuild(trained):
    """rebuild(**options) → the trained model with other options, and as many of its weights as fit."""

    def make(**options):
        config = copy.deepcopy(trained.config)
        for name, value in options.items():
            setattr(config, name, value)
        model = SpaceVistaForConditionalGeneration(config).eval()
        model.load_state_dict(trained.state_dict(), strict=False)
        model.generation_config = trained.generation_config
        return model

    return make


def only(model, expert):
    """A copy whose other experts are zero."""
    model = copy.deepcopy(model)
    rank = model.config.expert_rank
    for name, parameter in model.named_parameters():
        if name.endswith("expert_b"):
            kept = parameter[:, expert * rank : (expert + 1) * rank].clone()
            parameter.data.zero_()
            parameter.data[:, expert * rank : (expert + 1) * rank] = kept
    return model


def test_forced_gates_leave_one_expert_per_sample(trained, encode, frames):
    batch = encode([frames(4), None, frames(2, seed=2)])
    trained.config.gate_mode = "forced"
    found = trained(**batch, scale_labels=torch.tensor([2, 0, 3])).logits
    for row, expert in enumerate([2, 0, 3]):
        single = only(trained, expert)
        expected = single(**batch, scale_labels=torch.full((3,), expert)).logits[row]
        torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-4)
    assert (found[0] - trained(**batch, scale_labels=torch.tensor([1, 0, 3])).logits[0]).abs().max() > 1e-3


def test_labels_per_token_force_what_labels_per_sample_do(trained, encode):
    batch = encode([None, None])
    trained.config.gate_mode = "forced"
    labels = torch.tensor([1, 2])
    per_token = labels[:, None].expand(batch["input_ids"].shape)
    torch.testing.assert_close(
        trained(**batch, scale_labels=per_token).logits, trained(**batch, scale_labels=labels).logits
    )


def test_uniform_gates_equal_the_mean_of_all_experts(trained, encode):
    batch = encode([None])
    trained.config.gate_mode = "uniform"
    linear = trained.model.language_model.layers[0].mlp.down_proj
    inputs = torch.randn(1, 3, linear.in_features)
    linear.slot.gates = torch.full((1, 1, 16), 0.25)
    found = linear(inputs)
    linear.slot.gates = None
    parts = [inputs @ a.T @ b.T for a, b in map(linear.expert, range(4))]
    torch.testing.assert_close(found, linear(inputs) + sum(parts) / 4, atol=1e-5, rtol=1e-4)
    assert (trained(**batch, output_gates=True).gates == 0.25).all()


def test_forced_generation_keeps_the_labels_through_beams(trained, encode, frames):
    batch = encode([frames(4), None])
    trained.config.gate_mode = "forced"
    labels = torch.tensor([3, 1])
    together = trained.generate(**batch, scale_labels=labels, max_new_tokens=5, num_beams=3, do_sample=False)
    for row, video in enumerate([frames(4), None]):
        alone = encode([video])
        one = trained.generate(
            **alone, scale_labels=labels[row : row + 1], max_new_tokens=5, num_beams=3, do_sample=False
        )
        expected = one[0, alone["input_ids"].shape[1] :].tolist()
        assert together[row, batch["input_ids"].shape[1] :].tolist()[: len(expected)] == expected


def test_output_gates_are_those_the_layers_used(trained, encode, frames):
    batch = encode([frames(4), None])
    seen = []
    routers = [layer.router for layer in trained.model.language_model.layers]
    hooks = [router.register_forward_hook(lambda _, __, out: seen.append(out)) for router in routers]
    outputs = trained(**batch, output_gates=True)
    for hook in hooks:
        hook.remove()
    assert outputs.gates.shape == (2, *batch["input_ids"].shape, 4)
    torch.testing.assert_close(outputs.gates, torch.stack(seen))
    assert outputs.hidden_states is None
    assert torch.equal(outputs.logits, trained(**batch).logits)


def test_one_router_for_the_model(rebuild, encode, frames):
    model, batch = rebuild(router_level="model"), encode([frames(4), None])
    assert [name for name, _ in model.named_modules() if name.endswith("router")] == ["model.language_model.router"]
    gates = model(**batch, output_gates=True).gates
    assert gates.shape == (1, *batch["input_ids"].shape, 4)
    torch.testing.assert_close(gates.sum(-1), torch.ones(gates.shape[:-1]))
    written = model.generate(**batch, max_new_tokens=4, min_new_tokens=4, do_sample=False)
    mask = torch.cat([batch["attention_mask"], torch.ones(2, 4, dtype=torch.long)], 1)
    types = torch.cat([batch["mm_token_type_ids"], torch.zeros(2, 4, dtype=torch.long)], 1)
    full = model(**{**batch, "input_ids": written, "attention_mask": mask, "mm_token_type_ids": types}).logits
    full[..., model.generation_config.suppress_tokens + model.generation_config.eos_token_id] = -torch.inf
    assert torch.equal(full[:, -5:-1].argmax(-1), written[:, -4:])


def test_losses_against_their_formulas():
    gates = torch.rand(3, 2, 5, 4, generator=torch.Generator().manual_seed(0)).softmax(-1)
    mask = torch.tensor([[0, 1, 1, 1, 1], [1, 1, 1, 1, 1]])
    losses = []
    for layer in gates:
        tokens = [layer[b, t] for b in range(2) for t in range(5) if mask[b, t]]
        top = [int(token.argmax()) for token in tokens]
        mean = sum(tokens) / len(tokens)
        losses.append(4 * sum(top.count(e) / len(tokens) * float(mean[e]) for e in range(4)))
    assert load_balance_loss(gates, mask).item() == pytest.approx(sum(losses) / 3, rel=1e-6)
    assert load_balance_loss(torch.full((1, 1, 8, 4), 0.25)).item() == pytest.approx(1.0)
    logits = torch.tensor([[[[1.0, 2.0]], [[0.0, -1.0]]]])
    squares = [float(row.exp().sum().log() ** 2) for row in logits.flatten(0, 2)]
    assert router_z_loss(logits).item() == pytest.approx(sum(squares) / 2, rel=1e-6)


@pytest.mark.parametrize("reentrant", [None, False, True])
def test_router_losses_are_added_and_train_the_router(rebuild, encode, frames, reentrant):
    batch = encode([frames(4), None], answer="12.5 cm")
    plain = rebuild()
    weighed = rebuild(router_aux_loss_coef=0.5, router_z_loss_coef=0.25)
    outputs = plain(**batch, output_hidden_states=True, labels=batch["input_ids"])
    logits = plain.model.language_model.router_logits(outputs.hidden_states)
    mask = batch["attention_mask"]
    extra = 0.5 * load_balance_loss(logits.softmax(-1), mask) + 0.25 * router_z_loss(logits, mask)
    weighed.train()
    if reentrant is not None:
        weighed.gradient_checkpointing_enable({"use_reentrant": reentrant})
        weighed.enable_input_require_grads()
    loss = weighed(**batch, labels=batch["input_ids"]).loss
    torch.testing.assert_close(loss, outputs.loss + extra, atol=1e-5, rtol=1e-5)
    loss.backward()
    plain.train()(**batch, labels=batch["input_ids"]).loss.backward()
    for with_losses, without in zip(
        weighed.model.language_model.layers, plain.model.language_model.layers, strict=True
    ):
        assert not torch.allclose(with_losses.router.down.weight.grad, without.router.down.weight.grad)


def test_mean_gates_per_scale():
    gates = torch.stack([forced_gates(torch.tensor([0, 1, 1]), 2, torch.zeros(1)).expand(3, 2, 2)] * 2)
    means = mean_gates(gates, torch.tensor([0, 1, 1]))
    assert {scale: mean.tolist() for scale, mean in means.items()} == {0: [[1.0, 0.0]] * 2, 1: [[0.0, 1.0]] * 2}


def test_picture_of_the_gates(trained, encode, frames, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra demo")
    batch = encode([frames(4), None, None])
    gates = trained(**batch, output_gates=True).gates
    figure = plot_gates(gates, trained.config.expert_scales, torch.tensor([2, 0, 0]), batch["attention_mask"])
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["tiny_tabletop", "indoor"]
    shown = torch.as_tensor(panels[1].images[0].get_array())
    expected = gates[:, 0][:, batch["attention_mask"][0].bool()].mean(1)
    torch.testing.assert_close(shown, expected.detach(), check_dtype=False)
    figure.savefig(tmp_path / "gates.png")
    assert (tmp_path / "gates.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "needs scale_labels, the place of the expert of each sample, got None"),
        (torch.tensor([0]), r"integers of shape \(2,\) or \(2, \d+\), got torch.int64 of shape \(1,\)"),
        (torch.tensor([0.0, 1.0]), "got torch.float32"),
        (torch.tensor([0, 4]), r"must lie in 0 … 3, got \[0, 4\]"),
        (torch.tensor([-1, 0]), r"must lie in 0 … 3, got \[-1, 0\]"),
    ],
)
def test_labels_that_name_no_expert(trained, encode, labels, message):
    trained.config.gate_mode = "forced"
    with pytest.raises(ValueError, match=message):
        trained(**encode([None, None]), scale_labels=labels)


def test_without_experts_the_layers_are_those_of_qwen(rebuild, encode, frames):
    model = rebuild(num_experts=0, expert_scales=[])
    layer = model.model.language_model.layers[0]
    assert type(layer).__name__ == "Qwen2_5_VLDecoderLayer" and type(layer.mlp.up_proj) is torch.nn.Linear
    assert not any("expert" in name or "router" in name for name in model.state_dict())
    assert model(**encode([frames(2)]), output_gates=True).logits.isfinite().all()
