import math

import pytest
import torch
from torch.nn.functional import layer_norm

from modeling_spacevista import SpaceVistaConfig
from modeling_spacevista.fusion import CrossAttentionLayer, DenseBranch, sincos_positions


def test_positions_are_sines_and_cosines_of_row_and_column():
    codes = sincos_positions(3, 5, 8, torch.zeros(1))
    row, column = 2, 4
    expected = [f(place / w) for place in (row, column) for f in (math.sin, math.cos) for w in (1, 100)]
    torch.testing.assert_close(codes[row * 5 + column], torch.tensor(expected))


def test_cross_attention_against_plain_loops():
    torch.manual_seed(0)
    layer, tokens, context, positions = CrossAttentionLayer(8, 2), *torch.randn(2, 1, 3, 8), torch.randn(3, 8)
    query = layer.q_proj(layer_norm(tokens, (8,)) + positions)
    memory = layer_norm(context, (8,)) + positions
    key, value = layer.k_proj(memory), layer.v_proj(memory)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        weights = (query[0, :, part] @ key[0, :, part].T / 2).softmax(-1)
        heads.append(weights @ value[0, :, part])
    expected = tokens + layer.o_proj(torch.cat(heads, -1))
    expected = expected + layer.mlp(layer_norm(expected, (8,)))
    torch.testing.assert_close(layer(tokens, context, positions), expected)


def test_dense_tokens_lie_on_the_grid_of_the_visual_tokens(model):
    """A white square in one 28-pixel cell changes the encoder's input there alone, so its token changes most."""
    frames = torch.zeros(1, 2, 3, 84, 112)
    marked = frames.clone()
    marked[..., 28:56, 84:112] = 3.0
    change = (model.model.dense_branch(marked) - model.model.dense_branch(frames)).norm(dim=-1)[0]
    assert change.shape == (12,)
    assert change.argmax() == 1 * 4 + 3


def test_dense_branch_pools_the_frames_of_a_pair(model):
    frames = torch.randn(3, 2, 3, 56, 84, generator=torch.Generator().manual_seed(0))
    branch = model.model.dense_branch
    first, second = (branch(frames[:, i : i + 1].expand(-1, 2, -1, -1, -1)) for i in (0, 1))
    torch.testing.assert_close(branch(frames), (first + second) / 2, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("registers", [0, 4])
def test_prefix_tokens_are_dropped(registers, built):
    config = SpaceVistaConfig(**built[0].config.to_dict())
    config.dense_config.num_register_tokens = registers
    branch = DenseBranch(config)
    pixels = torch.randn(1, 2, 3, 28, 56)
    assert branch(pixels).shape == (1, 2, 4 * 48)


def test_dense_branch_is_never_trained(model):
    branch = model.train().model.dense_branch
    assert not any(module.training for module in branch.modules())
    assert not any(parameter.requires_grad for parameter in branch.parameters())
    assert not branch(torch.randn(1, 2, 3, 28, 28)).requires_grad
