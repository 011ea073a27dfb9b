"""Groups of a model's parameters by what they are for: what trains, and how fast, is said by group."""

from collections.abc import Iterable, Mapping

import torch
from torch import nn

LANGUAGE, VISUAL, MERGER, DENSE = "language", "visual", "merger", "dense"
FUSION, EXPERTS, ROUTER = "fusion", "experts", "router"
GROUPS = (LANGUAGE, VISUAL, MERGER, FUSION, EXPERTS, ROUTER)
"""Language model with its head, vision tower, its projector into the language model, fusion of dense features, scale
experts, router of their gates. The dense encoder is a group of its own that never trains."""

# The first that fits; wrappers (DDP, FSDP, torch.compile) may put names of their own before it.
MARKS = {".router.": ROUTER, "dense_branch.": DENSE, "fusion.": FUSION, "visual.merger.": MERGER, "visual.": VISUAL}


def group_of(name: str) -> str:
    """Return the group of a parameter of a SpaceVista or a Qwen2.5-VL, by its name.

    >>> group_of("model.visual.merger.mlp.0.weight"), group_of("model.language_model.layers.0.mlp.up_proj.expert_a")
    ('merger', 'experts')
    """
    if name.endswith((".expert_a", ".expert_b")):
        return EXPERTS
    return next((group for mark, group in MARKS.items() if mark in name), LANGUAGE)


def set_learning_rates(
    optimizer: torch.optim.Optimizer, named_parameters: Iterable[tuple[str, nn.Parameter]], rates: Mapping[str, float]
) -> None:
    """Split the parameter groups of a fresh optimizer so that module groups named in `rates` have their own rate.

    Args:
        optimizer: Changed in place, before a scheduler reads its rates; weight decay and the rest stay as they are.
        named_parameters: Of the model.
        rates: Learning rate by module group; the others keep the optimizer's.
    """
    groups = {id(parameter): group_of(name) for name, parameter in named_parameters}
    split: list[dict] = []
    for group in optimizer.param_groups:
        by_rate: dict[float, list] = {}
        for parameter in group["params"]:
            by_rate.setdefault(rates.get(groups[id(parameter)], group["lr"]), []).append(parameter)
        split += [{**group, "lr": rate, "params": parameters} for rate, parameters in by_rate.items()]
    optimizer.param_groups[:] = split
