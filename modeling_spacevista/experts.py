"""Scale experts (paper, section 4, Eq. 2): low-rank experts on every linear of a decoder layer, weighed per token.

Legend: B batch, T tokens, E experts, r rank of each.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributed.tensor import DTensor
from transformers import initialization as init
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLDecoderLayer, Qwen2MLP

EXPERT_LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# Of a linear split over processes, the half of its experts that does not touch the split side stays whole.
WHOLE_HALF = {"colwise": "expert_a", "rowwise": "expert_b"}


def experts_tp_plan(tp_plan):
    """Say which halves of the experts tensor parallelism leaves whole; it splits the others with their linears.

    Args:
        tp_plan: style of each linear, as in `base_model_tp_plan`.

    >>> experts_tp_plan({"layers.*.mlp.up_proj": "colwise", "layers.*.mlp.down_proj": "rowwise"})
    {'layers.*.mlp.up_proj.expert_a': 'replicate', 'layers.*.mlp.down_proj.expert_b': 'replicate'}
    """
    return {f"{name}.{WHOLE_HALF[style]}": "replicate" for name, style in tp_plan.items() if style in WHOLE_HALF}


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
        self.expert_rank, self.slot = expert_rank, slot
        self.reset_experts()

    def reset_experts(self):
        """Draw A as `nn.Linear` draws its weight, and set B to zero: the experts then change nothing."""
        init.kaiming_uniform_(self.expert_a, a=5**0.5)
        init.zeros_(self.expert_b)

    def expert(self, index):
        """Return A (r, in_features) and B (out_features, r) of one expert, as views."""
        own = slice(index * self.expert_rank, (index + 1) * self.expert_rank)
        return self.expert_a[own], self.expert_b[:, own]

    def forward(self, inputs):
        """Map (B, T, in_features) to (B, T, out_features) with the gates (B, T or 1, E·r) in the slot, if any.

        Raises:
            ValueError: under tensor parallelism with gradients: those of the whole halves would be partial sums.
        """
        if self.slot.gates is None:
            return super().forward(inputs)
        if isinstance(inputs, DTensor):
            raise ValueError(
                "experts under tensor parallelism answer but do not train: call the model under torch.no_grad(), "
                'set gate_mode="off", or train with FSDP or DeepSpeed'
            )
        # One view for both products: autograd then adds the gradients that reach it in place.
        lead, rows = inputs.shape[:-1], inputs.flatten(0, -2)
        low = (F.linear(rows, self.expert_a).unflatten(0, lead) * self.slot.gates).flatten(0, -2)
        outputs = super().forward(rows)
        # In place, into the matrix that the base product just made: another tensor of its size would cost as much as
        # the experts do. It is no view, so that autograd need not copy its gradient. Autocast leaves such calls alone.
        outputs.addmm_(low.to(outputs.dtype), self.expert_b.t().to(outputs.dtype))
        return outputs.unflatten(0, lead)


class ScaleRouter(nn.Module):
    """An MLP and a softmax over what enters the layer, scaled to unit size first (it grows with depth)."""

    def __init__(self, hidden_size, router_hidden_size, num_experts):
        """Take the width of the layer, of the router, and the number of experts."""
        super().__init__()
        self.up = nn.Linear(hidden_size, router_hidden_size)
        self.down = nn.Linear(router_hidden_size, num_experts)

    def logits(self, hidden_states):
        """Rate the experts: (B, T, hidden_size) → (B, T, E)."""
        normed = F.rms_norm(hidden_states, hidden_states.shape[-1:])
        return self.down(F.silu(self.up(normed)))

    def forward(self, hidden_states):
        """Weigh the experts: (B, T, hidden_size) → (B, T, E), non-negative, summing to 1."""
        return self.logits(hidden_states).softmax(-1, dtype=torch.float32).to(hidden_states.dtype)


class SpaceVistaMLP(Qwen2MLP):
    """The only change w.r.t. `Qwen2MLP` is that without gradients the wide product is taken in place."""

    def forward(self, x):
        """Map (B, T, hidden_size) to (B, T, hidden_size): W_down (act(W_gate x) ⊙ W_up x)."""
        if torch.is_grad_enabled():
            return super().forward(x)
        # Two matrices of the widest size live at once instead of three, which pays for a part of the experts' time.
        return self.down_proj(self.act_fn(self.gate_proj(x)).mul_(self.up_proj(x)))


class SpaceVistaDecoderLayer(Qwen2_5_VLDecoderLayer):
    """The only change w.r.t. `Qwen2_5_VLDecoderLayer` is that its seven linears carry gated experts.

    Its MLP is a `SpaceVistaMLP`.
    """

    def __init__(self, config, layer_idx, experts):
        """Build the layer.

        Args:
            config: the text configuration.
            layer_idx: place of the layer.
            experts: the `SpaceVistaConfig`, for the experts and the router.
        """
        super().__init__(config, layer_idx)
        with torch.device("meta"):  # without memory or random numbers, for its linears are replaced below
            self.mlp = SpaceVistaMLP(config)
        self.experts, self.slot = experts, GateSlot()
        if experts.router_level == "layer":
            self.router = ScaleRouter(config.hidden_size, experts.router_hidden_size, experts.num_experts)
        for block in (self.self_attn, self.mlp):
            for name, linear in list(block.named_children()):
                if name in EXPERT_LINEARS:
                    shape = (linear.in_features, linear.out_features, linear.bias is not None)
                    setattr(block, name, ExpertLinear(*shape, experts.num_experts, experts.expert_rank, self.slot))

    def forward(self, hidden_states, *args, gates=None, **kwargs):
        """Run the layer with `gates` (B, T or 1, E), or else those of its own router; B, T as in the parent."""
        if self.experts.gate_mode == "off":
            return super().forward(hidden_states, *args, **kwargs)
        if gates is None:
            gates = self.router(hidden_states)
        # `finally`: recomputation under gradient checkpointing leaves by an exception, and no gates may outlive it.
        try:
            self.slot.gates = gates.repeat_interleave(self.experts.expert_rank, dim=-1)
            return super().forward(hidden_states, *args, **kwargs)
        finally:
            self.slot.gates = None
