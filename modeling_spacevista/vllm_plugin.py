"""Serving by vLLM: what its plugin mechanism calls, and the experts beside vLLM's own linears.

`pip install vllm` next to this package is all: vLLM finds `register` by its entry point (`vllm.general_plugins` in
setup.py), and `vllm serve FOLDER` then works, without `--trust-remote-code`. Written against vLLM 0.33.
"""

import re

import torch.nn.functional as F
from torch import nn
from transformers import AutoModel

from .configuration_spacevista import SpaceVistaConfig
from .experts import WHOLE_HALF, ExpertLinear
from .modeling_spacevista import SpaceVistaForConditionalGeneration, SpaceVistaModel

SERVED_CLASS = "modeling_spacevista.vllm_model:SpaceVistaForVLLM"
# Checkpoints say `q_proj.weight` where the served model has `q_proj.base.weight`.
BASE_WEIGHTS = re.compile(r"(language_model\.layers\.\d+\.(?:self_attn|mlp)\.\w+_proj)\.(?!expert_[ab]$)")


def register():
    """Tell vLLM which class serves the architecture; vLLM calls this in every process, so twice must be as good.

    The class is named, not imported: vLLM forks, and CUDA must not have been touched by then.
    """
    from vllm import ModelRegistry  # only vLLM calls this; without it the package works as well

    # The backend builds what is below the head by AutoModel.
    AutoModel.register(SpaceVistaConfig, SpaceVistaModel, exist_ok=True)
    ModelRegistry.register_model(SpaceVistaForConditionalGeneration.__name__, SERVED_CLASS)


def check_servable(config, num_processes):
    """Refuse what vLLM cannot run as the model means it.

    Args:
        config: a `SpaceVistaConfig`.
        num_processes: size of the tensor-parallel group.

    Raises:
        ValueError: names the value and the way out.
    """
    if config.num_experts and config.gate_mode == "forced":
        raise ValueError(
            'gate_mode="forced" needs scale_labels, which vLLM does not pass on: serve with '
            """--hf-overrides '{"gate_mode": "router"}', or fold one expert into the weights by merge_expert(scale)"""
        )
    if config.uses_geometry:
        raise ValueError(f"dense_encoder={config.dense_encoder!r} needs geometry tokens, which vLLM does not pass on")
    num_heads = config.text_config.num_key_value_heads
    if config.num_experts and num_heads % num_processes:
        raise ValueError(f"tensor_parallel_size must divide the {num_heads} key-value heads, got {num_processes}")


class ServedExperts(nn.Module):
    """Experts beside a linear of another library: y = W x + B (g ⊙ A x), as in `ExpertLinear`.

    vLLM puts its parallel linears in the place of every `nn.Linear`, subclasses included; as the child `base` of a
    module it does not know, the weight gets one, and the experts stay.
    """

    def __init__(self, linear: ExpertLinear, style: str, num_processes: int, make_parameter, all_reduce):
        """Take over a linear.

        Args:
            linear: whose shape, experts' shape and gates are taken; its values are not.
            style: "colwise" or "rowwise", how tensor parallelism splits it.
            num_processes: size of the tensor-parallel group.
            make_parameter: (shape, dimension that is split or None) → the parameter that a checkpoint fills.
            all_reduce: sums a tensor over the group.
        """
        super().__init__()
        self.base = nn.Linear(linear.in_features, linear.out_features, linear.bias is not None, device="meta")
        self.slot, self.splits_inputs, self.all_reduce = linear.slot, style == "rowwise", all_reduce
        for name, split in (("expert_a", 1), ("expert_b", 0)):
            shape = list(getattr(linear, name).shape)
            if name == WHOLE_HALF[style]:
                split = None
            else:
                shape[split] //= num_processes
            setattr(self, name, make_parameter(shape, split))

    def forward(self, inputs):
        """Map (1, T, in_features) to (1, T, out_features), or the part of either that this process holds."""
        outputs = self.base(inputs)
        if self.slot.gates is None:
            return outputs
        low = F.linear(inputs, self.expert_a)
        if self.splits_inputs:
            low = self.all_reduce(low)
        return outputs + F.linear(low * self.slot.gates, self.expert_b)


def serve_experts(model, make_parameter, all_reduce, num_processes=1):
    """Put `ServedExperts` in the place of every `ExpertLinear` below `model`; arguments as there."""
    for layer in model.modules():
        for name, linear in list(layer.named_children()):
            if isinstance(linear, ExpertLinear):
                style = "rowwise" if name in ("o_proj", "down_proj") else "colwise"
                setattr(layer, name, ServedExperts(linear, style, num_processes, make_parameter, all_reduce))
