"""Scale experts (paper, section 4, Eq. 2): low-rank experts on every linear of a decoder layer, weighed per token.

Legend: B batch, T tokens, E experts, r rank of each.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import initialization as init
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLDecoderLayer


class GateSlot:
    """Where a decoder layer leaves the gates for its linears; empty (None) outside the layer's forward pass.

    One object shared by the layer and its linears, so that copying the layer or wrapping a linear keeps them joined.
    """

    def __init__(self):
        """Start empty."""
        self.gates: torch.Tensor | None = None


class ExpertLinear(nn.Linear):
    """A linear map with E low-rank experts beside its weight: y = W x + B (g ⊙ A x).

    All A lie in one tensor and all B in another, so that the experts cost two thin products, not 2·E; `weight` and
    `bias` keep the names they have in Qwen2.5-VL.
    """

    def __init__(self, in_features, out_features, bias, num_experts, expert_rank, slot):
        """Take the shape of the linear and of its experts, and the slot in which the gates will be found."""
        super().__init__(in_features, out_features, bias=bias)
        self.expert_a = nn.Parameter(torch.empty(num_experts * expert_rank, in_features))
        self.expert_b = nn.Parameter(torch.empty(out_features, num_experts * expert_rank))
        self.slot = slot
        self.reset_experts()

    def reset_experts(self):
        """Draw A as `nn.Linear` draws its weight, and set B to zero: the experts then change nothing."""
        init.kaiming_uniform_(self.expert_a, a=5**0.5)
        init.zeros_(self.expert_b)

    def forward(self, inputs):
        """Map (B, T, in_features) to (B, T, out_features) with the gates (B, T, E·r) in the slot, if any."""
        outputs = super().forward(inputs)
        if self.slot.gates is None:
            return outputs
        return outputs + F.linear(F.linear(inputs, self.expert_a) * self.slot.gates, self.expert_b)


class ScaleRouter(nn.Module):
    """An MLP and a softmax over what enters the layer, scaled to unit size first (it grows with depth)."""

    def __init__(self, hidden_size, router_hidden_size, num_experts):
        """Take the width of the layer, of the router, and the number of experts."""
        super().__init__()
        self.up = nn.Linear(hidden_size, router_hidden_size)
        self.down = nn.Linear(router_hidden_size, num_experts)

    def forward(self, hidden_states):
        """Weigh the experts: (B, T, hidden_size) → (B, T, E), non-negative, summing to 1."""
        normed = F.rms_norm(hidden_states, hidden_states.shape[-1:])
        return self.down(F.silu(self.up(normed))).softmax(-1, dtype=torch.float32).to(hidden_states.dtype)


class SpaceVistaDecoderLayer(Qwen2_5_VLDecoderLayer):
    """The only change w.r.t. `Qwen2_5_VLDecoderLayer` is that its seven linears carry experts gated by its router."""

    def __init__(self, config, layer_idx, experts):
        """Build the layer.

        Args:
            config: the text configuration.
            layer_idx: place of the layer.
            experts: the `SpaceVistaConfig`, for the experts and the router.
        """
        super().__init__(config, layer_idx)
        self.gate_mode, self.expert_rank = experts.gate_mode, experts.expert_rank
        self.slot = GateSlot()
        self.router = ScaleRouter(config.hidden_size, experts.router_hidden_size, experts.num_experts)
        for block in (self.self_attn, self.mlp):
            for name, linear in list(block.named_children()):
                if isinstance(linear, nn.Linear):
                    shape = (linear.in_features, linear.out_features, linear.bias is not None)
                    setattr(block, name, ExpertLinear(*shape, experts.num_experts, experts.expert_rank, self.slot))

    def forward(self, hidden_states, *args, **kwargs):
        """Run the layer with the gates of its input; B, T as in `Qwen2_5_VLDecoderLayer`."""
        if self.gate_mode == "off":
            return super().forward(hidden_states, *args, **kwargs)
        # `finally`: recomputation under gradient checkpointing leaves by an exception, and no gates may outlive it.
        try:
            self.slot.gates = self.router(hidden_states).repeat_interleave(self.expert_rank, dim=-1)
            return super().forward(hidden_states, *args, **kwargs)
        finally:
            self.slot.gates = None
