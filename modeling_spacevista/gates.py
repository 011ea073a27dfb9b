"""What the gates of the experts are: forced or uniform ones, the router's losses, and a picture of them.

Legend: N layers (1 where one router serves the model), B batch, T tokens, E experts.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F


def check_scale_labels(labels, batch_size, num_tokens, num_experts):
    """Refuse labels that name no expert.

    Args:
        labels: (B,) or (B, T) place of the expert of each sample or token.
        batch_size: B.
        num_tokens: T.
        num_experts: E.

    Raises:
        ValueError: names the expected shape or range, and what was given.
    """
    if labels is None:
        raise ValueError('gate_mode="forced" needs scale_labels, the place of the expert of each sample, got None')
    if labels.is_floating_point() or labels.shape not in ((batch_size,), (batch_size, num_tokens)):
        raise ValueError(
            f"scale_labels must be integers of shape ({batch_size},) or ({batch_size}, {num_tokens}), "
            f"got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    # Reading the values waits for the device; a compiled graph cannot.
    if not torch.compiler.is_compiling() and bool(((labels < 0) | (labels >= num_experts)).any()):
        raise ValueError(f"scale_labels must lie in 0 … {num_experts - 1}, got {labels.unique().tolist()}")


def forced_gates(labels, num_experts, like):
    """Give all weight to the labelled expert: (B,) or (B, T) → (B, 1 or T, E) of the dtype and device of `like`.

    >>> forced_gates(torch.tensor([1, 0]), 3, torch.zeros(1)).tolist()
    [[[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]]
    """
    labels = labels.to(like.device)
    return F.one_hot(labels if labels.ndim == 2 else labels[:, None], num_experts).to(like.dtype)


def load_balance_loss(gates, attention_mask=None):
    """Return E·Σ_e f_e·p_e, f_e the share of tokens whose top expert is e, p_e its mean gate; 1 where balanced.

    From Fedus et al. 2021 (Switch Transformers, Eq. 4), averaged over layers.

    Args:
        gates: (N, B, T, E).
        attention_mask: (B, T), 0 where tokens are padding and do not count.

    >>> load_balance_loss(torch.eye(2).view(1, 1, 2, 2)).item()
    1.0
    """
    kept = _real_tokens(gates, attention_mask)
    share = F.one_hot(kept.argmax(-1), kept.shape[-1]).float().mean(1)
    return kept.shape[-1] * (share * kept.float().mean(1)).sum(-1).mean()


def router_z_loss(logits, attention_mask=None):
    """Return the mean squared log-sum-exp of the router's logits (Zoph et al. 2022, ST-MoE, Eq. 5).

    Args:
        logits: (N, B, T, E).
        attention_mask: (B, T), 0 where tokens are padding and do not count.
    """
    return _real_tokens(logits, attention_mask).float().logsumexp(-1).square().mean()


def mean_gates(gates, scale_labels=None, attention_mask=None):
    """Average gates over the tokens of each scale.

    Args:
        gates: (N, B, T, E).
        scale_labels: (B,); left out, all samples are of scale 0.
        attention_mask: (B, T), 0 where tokens are padding and do not count.

    Returns:
        {scale: (N, E)} for the scales that occur, in order.
    """
    if scale_labels is None:
        scale_labels = torch.zeros(gates.shape[1], dtype=torch.long)
    means = {}
    for scale in scale_labels.unique().tolist():
        chosen = (scale_labels == scale).to(gates.device)
        mask = None if attention_mask is None else attention_mask[chosen]
        means[scale] = _real_tokens(gates[:, chosen], mask).float().mean(1)
    return means


def plot_gates(gates, expert_scales: Sequence[str], scale_labels=None, attention_mask=None):
    """Draw the mean gate of every expert in every layer, one panel per scale; needs matplotlib.

    Args:
        gates: (N, B, T, E), as `output_gates=True` returns them.
        expert_scales: names of the experts, as in the configuration.
        scale_labels: (B,); left out, one panel for all samples.
        attention_mask: (B, T), 0 where tokens are padding and do not count.

    Returns:
        A matplotlib figure; the caller saves it.
    """
    from matplotlib.figure import Figure  # here, because a model needs no pictures to run

    means = mean_gates(gates.detach().cpu(), scale_labels, attention_mask)
    figure = Figure(figsize=(1.6 + 2.2 * len(means), 1.2 + 0.18 * max(4, gates.shape[0])), layout="constrained")
    panels = figure.subplots(1, len(means), squeeze=False, sharey=True)[0]
    for panel, (scale, values) in zip(panels, means.items(), strict=True):
        image = panel.imshow(values, vmin=0, vmax=1, aspect="auto", cmap="viridis", interpolation="nearest")
        panel.set_xticks(range(len(expert_scales)), expert_scales, rotation=45, ha="right", fontsize=8)
        panel.set_title("all samples" if scale_labels is None else expert_scales[scale], fontsize=9)
    panels[0].set_ylabel("layer")
    figure.colorbar(image, ax=panels, label="mean gate")
    return figure


def _real_tokens(values, attention_mask):
    """Flatten (N, B, T, E) to (N, tokens, E), without padding."""
    flat = values.flatten(1, 2)
    if attention_mask is None:
        return flat
    return flat[:, attention_mask.flatten().bool().to(values.device)]
