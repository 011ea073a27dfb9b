"""What a router does with the scales: entropy of its gates, and which expert it puts first for which scale.

Legend: N layers (1 where one router serves the model), B batch, T tokens, E experts, S scales.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F


class GateStatistics:
    """Sums up gates over batches; entropy in nats, between 0 (one expert) and log E (all alike)."""

    def __init__(self, scales: Sequence[str], experts: Sequence[str]):
        """Take the names of the rows and of the columns of the confusion matrix."""
        self.scales, self.experts = list(scales), list(experts)
        self.reset()

    def reset(self) -> None:
        """Forget what was summed up."""
        self.top = torch.zeros(len(self.scales), len(self.experts), dtype=torch.long)
        self.entropy_sum, self.num_tokens = torch.zeros(0, dtype=torch.float64), 0

    def add(self, top: torch.Tensor, entropy_sum: torch.Tensor, num_tokens: int) -> None:
        """Add what `count` returned, summed over processes."""
        self.top += top.cpu().long()
        if not len(self.entropy_sum):
            self.entropy_sum = torch.zeros(len(entropy_sum), dtype=torch.float64)
        self.entropy_sum += entropy_sum.cpu().double()
        self.num_tokens += num_tokens

    def to_dict(self) -> dict:
        """Return what a JSON file can hold."""
        shares = self.top / self.top.sum(1, keepdim=True).clamp(min=1)
        entropy = (self.entropy_sum / max(self.num_tokens, 1)).tolist()
        return {
            "scales": self.scales,
            "experts": self.experts,
            "top_gate_counts": self.top.tolist(),
            "top_gate_shares": [[round(share, 6) for share in row] for row in shares.tolist()],
            "entropy_by_layer": [round(value, 6) for value in entropy],
            "entropy": round(sum(entropy) / max(len(entropy), 1), 6),
            "num_tokens": self.num_tokens,
        }

    def table(self) -> str:
        """Write the shares of every expert as top gate, one line per scale that occurred."""
        width = max(map(len, self.experts)) + 2
        lines = [f"{'top gate':<16}" + "".join(f"{name:>{width}}" for name in self.experts)]
        for scale, counts, shares in zip(self.scales, self.top, self.to_dict()["top_gate_shares"], strict=True):
            if counts.sum():
                lines.append(f"{scale:<16}" + "".join(f"{share:>{width}.3f}" for share in shares))
        ceiling = torch.log(torch.tensor(float(len(self.experts)))).item()
        return "\n".join([*lines, f"gate entropy {self.to_dict()['entropy']:.3f} of at most {ceiling:.3f}", ""])


def count(
    logits: torch.Tensor, scale_labels: torch.Tensor, attention_mask: torch.Tensor | None, num_scales: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Count top gates and sum up entropy over the tokens of a batch.

    Args:
        logits: (N, B, T, E) of the router.
        scale_labels: (B,) or (B, T), the scale of each sample or token.
        attention_mask: (B, T), 0 where tokens are padding and do not count.
        num_scales: S.

    Returns:
        (S, E) how often an expert had the largest gate, over layers and tokens; (N,) the entropy of the gates in nats,
        summed over tokens; () the number of tokens.
    """
    log_gates = F.log_softmax(logits.float(), dim=-1)
    labels = (scale_labels[:, None] if scale_labels.ndim == 1 else scale_labels).expand(logits.shape[1:3])
    kept = torch.ones_like(labels, dtype=torch.bool) if attention_mask is None else attention_mask.bool()
    index = labels[kept] * logits.shape[-1] + log_gates.argmax(-1)[:, kept]
    top = torch.bincount(index.flatten(), minlength=num_scales * logits.shape[-1])
    entropy = -(log_gates.exp() * log_gates).sum(-1)[:, kept].sum(-1)
    return top.view(num_scales, -1), entropy, kept.sum()
