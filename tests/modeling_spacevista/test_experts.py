import copy

import pytest
import torch

from modeling_spacevista.experts import ExpertLinear, GateSlot, ScaleRouter

LINEARS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_fused_experts_equal_the_sum_over_experts():
    torch.manual_seed(0)
    slot, experts, rank = GateSlot(), 3, 2
    linear = ExpertLinear(5, 7, True, experts, rank, slot)
    torch.nn.init.normal_(linear.expert_b)
    inputs, gates = torch.randn(2, 4, 5), torch.rand(2, 4, experts)
    slot.gates = gates.repeat_interleave(rank, -1)
    expected = inputs @ linear.weight.T + linear.bias
    for e in range(experts):
        a, b = linear.expert_a[e * rank : (e + 1) * rank], linear.expert_b[:, e * rank : (e + 1) * rank]
        expected = expected + gates[..., e : e + 1] * (inputs @ a.T @ b.T)
    torch.testing.assert_close(linear(inputs), expected)


def test_the_gradients_of_weight_and_experts_add_up_in_place():
    linear = ExpertLinear(5, 7, True, 3, 2, GateSlot())
    linear.slot.gates = torch.rand(2, 4, 6)
    outputs = linear(torch.randn(2, 4, 5, requires_grad=True) * 2).sum()
    with torch.profiler.profile() as profile:
        outputs.backward()
    called = {event.key for event in profile.key_averages()}
    assert "aten::add_" in called  # of this one sum alone
    assert "aten::add" not in called


def test_router_gates_are_a_distribution_that_ignores_the_input_scale():
    torch.manual_seed(0)
    router, states = ScaleRouter(8, 4, 3), torch.randn(2, 5, 8)
    gates = router(states)
    torch.testing.assert_close(gates.sum(-1), torch.ones(2, 5))
    torch.testing.assert_close(gates, router(1000 * states), atol=1e-5, rtol=1e-4)


def test_every_linear_of_every_layer_carries_experts(model):
    for layer in model.model.language_model.layers:
        found = {name.split(".")[-1] for name, m in layer.named_modules() if isinstance(m, ExpertLinear)}
        assert found == LINEARS


def test_initial_values(model):
    for name, parameter in model.named_parameters():
        assert parameter.isfinite().all(), name
        if name.endswith(("expert_b", "fusion.gate")):
            assert not parameter.any(), name
        if name.endswith("expert_a"):
            bound = parameter.shape[1] ** -0.5
            assert 0.9 * bound < parameter.abs().max() <= bound, name


def test_gate_mode_off_leaves_the_experts_out(trained, encode, to_backbone):
    batch = encode([None])
    with_experts = trained(**batch).logits
    trained.config.gate_mode = "off"
    without = trained(**batch).logits
    assert torch.equal(without, to_backbone(trained)(**batch).logits)
    assert (with_experts - without).abs().max() > 1e-3


def test_answers_are_the_same_bits_with_and_without_gradients(trained, encode):
    batch = encode([None])
    assert torch.is_grad_enabled()
    with torch.no_grad():
        without = trained(**batch).logits
    assert torch.equal(trained(**batch).logits, without)


def test_the_wide_product_takes_no_further_matrix_without_gradients(trained):
    layer, results = trained.model.language_model.layers[0], []
    layer.mlp.act_fn.register_forward_hook(lambda module, inputs, output: results.append(output))
    layer.mlp.down_proj.register_forward_hook(lambda module, inputs, output: results.append(inputs[0]))
    with torch.no_grad():
        layer.mlp(torch.randn(1, 3, trained.config.text_config.hidden_size))
    activated, product = results
    assert activated.data_ptr() == product.data_ptr()


def test_gates_do_not_outlive_the_layer(trained, encode):
    trained(**encode([None]))
    assert all(layer.slot.gates is None for layer in trained.model.language_model.layers)


def test_copies_keep_their_own_gates(trained, encode, frames):
    batch = encode([frames(2)])
    expected = trained(**batch).logits
    assert torch.equal(copy.deepcopy(trained)(**batch).logits, expected)


def test_cached_decoding_equals_one_pass(trained, encode, frames):
    batch = encode([frames(4), None])
    full = trained(**batch, use_cache=True)
    ids = batch["input_ids"]
    sequences = trained.generate(**batch, max_new_tokens=4, do_sample=False)
    mask = torch.cat([batch["attention_mask"], torch.ones_like(sequences[:, ids.shape[1] :])], 1)
    types = torch.cat([batch["mm_token_type_ids"], torch.zeros_like(sequences[:, ids.shape[1] :])], 1)
    again = {**batch, "input_ids": sequences, "attention_mask": mask, "mm_token_type_ids": types}
    logits = trained(**again).logits[:, ids.shape[1] - 1 : -1]
    logits[..., trained.generation_config.suppress_tokens] = -torch.inf
    assert torch.equal(logits.argmax(-1), sequences[:, ids.shape[1] :])
    torch.testing.assert_close(full.logits, trained(**again).logits[:, : ids.shape[1]], atol=1e-4, rtol=1e-4)


def test_left_padding_changes_nothing(trained, encode, frames):
    together = trained(**encode([frames(8), frames(2, seed=3), None])).logits[:, -1]
    alone = [trained(**encode([video])).logits[0, -1] for video in (frames(8), frames(2, seed=3), None)]
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("reentrant", [False, True])
def test_gradient_checkpointing_gives_the_same_gradients(trained, encode, frames, reentrant):
    batch = encode([frames(4), None], answer="12.5 cm")
    trained.train()

    def gradients():
        trained.zero_grad()
        trained(**batch, labels=batch["input_ids"]).loss.backward()
        return {name: p.grad.clone() for name, p in trained.named_parameters() if p.grad is not None}

    expected = gradients()
    trained.gradient_checkpointing_enable({"use_reentrant": reentrant})
    trained.enable_input_require_grads()
    found = gradients()
    assert found.keys() == expected.keys()
    assert any("router" in name for name in found) and any("expert_a" in name for name in found)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4, msg=name)
