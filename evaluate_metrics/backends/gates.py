"""What the gates of a model's scale experts were while it read a prompt."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def watched_gates(model: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """Collect the gates of the first pass in this context, which `generate` does not hand out.

    Routers are watched rather than asked again: a further pass would cost as much as reading the prompt.

    Args:
        model: With a list of `expert_scales` in its configuration and modules named `router`; others have no gates.

    Yields:
        A list to which every router in turn adds its gates (B, T, E); empty where none takes part.
    """
    found: list[torch.Tensor] = []
    has_experts = getattr(model.config, "expert_scales", None)
    routers = [module for name, module in model.named_modules() if has_experts and name.endswith(".router")]

    def keep(_module: torch.nn.Module, _inputs: tuple, gates: torch.Tensor) -> None:
        if len(found) < len(routers):
            found.append(gates)

    handles = [router.register_forward_hook(keep) for router in routers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def mean_over_prompt(gates: list[torch.Tensor], attention_mask: torch.Tensor) -> list[list[list[float]] | None]:
    """Average gates over the tokens of each prompt.

    Args:
        gates: N layers of (B, T, E), or none.
        attention_mask: (B, T), 0 for padding.

    Returns:
        B lists of N lists of E weights, rounded to four decimals; None for each where there are no gates.

    >>> mean_over_prompt([torch.tensor([[[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]])], torch.tensor([[0, 1, 1]]))
    [[[0.75, 0.25]]]
    """
    if not gates:
        return [None] * len(attention_mask)
    weights = (attention_mask / attention_mask.sum(dim=1, keepdim=True)).float().cpu()
    means = torch.stack([torch.einsum("bte,bt->be", layer.float().cpu(), weights) for layer in gates], dim=1)
    return [[[round(weight, 4) for weight in layer] for layer in sample] for sample in means.tolist()]
