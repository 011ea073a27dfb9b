import pytest
import torch

from trl_recipes.module_groups import DENSE, GROUPS, group_of, set_learning_rates


def test_groups_share_out_all_parameters(tiny):
    model, _ = tiny
    parts = {
        "visual": model.model.visual,
        "merger": model.model.visual.merger,
        "fusion": model.model.fusion,
        "dense": model.model.dense_branch,
    }
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
    sizes["visual"] -= sizes["merger"]
    layers = model.model.language_model.layers
    sizes["router"] = sum(p.numel() for layer in layers for p in layer.router.parameters())
    # A (16, in) and B (out, 16), four experts of rank 4, of seven linears: hidden 64, MLP 128, keys and values 32.
    shapes = [(64, 64), (64, 32), (64, 32), (64, 64), (64, 128), (64, 128), (128, 64)]
    sizes["experts"] = len(layers) * 16 * sum(map(sum, shapes))
    sizes["language"] = sum(p.numel() for p in model.parameters()) - sum(sizes.values())
    counted = dict.fromkeys([*GROUPS, DENSE], 0)
    for name, parameter in model.named_parameters():
        counted[group_of(name)] += parameter.numel()
    assert counted == sizes


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "_fsdp_wrapped_module."])
def test_wrappers_change_nothing(prefix):
    assert group_of(f"{prefix}model.visual.merger.mlp.0.weight") == "merger"
    assert group_of(f"{prefix}model.language_model.layers.0.router.up.weight") == "router"


def test_rates_move_parameters_as_far_as_they_say():
    torch.manual_seed(0)
    names = ["model.visual.a", "model.visual.merger.b", "lm_head.c"]
    parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in names]
    optimizer = torch.optim.SGD([{"params": parameters[:2], "weight_decay": 0.5}, {"params": parameters[2:]}], lr=1.0)
    set_learning_rates(optimizer, zip(names, parameters, strict=True), {"visual": 0.1, "merger": 0.01})
    for parameter in parameters:
        parameter.grad = torch.ones(2)
    optimizer.step()
    assert [parameter[0].item() for parameter in parameters] == pytest.approx([-0.1, -0.01, -1.0])
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.5, 0]
