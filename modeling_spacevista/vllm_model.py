"""SpaceVista on vLLM's Transformers modeling backend; imported by vLLM alone, see `vllm_plugin`."""

import torch
from torch import nn
from vllm.distributed import tensor_model_parallel_all_reduce
from vllm.model_executor.model_loader.weight_utils import sharded_weight_loader
from vllm.model_executor.models.transformers import TransformersMultiModalForCausalLM
from vllm.model_executor.models.utils import WeightsMapper
from vllm.model_executor.utils import set_weight_attrs

from .vllm_plugin import BASE_WEIGHTS, check_servable, serve_experts


class SpaceVistaForVLLM(TransformersMultiModalForCausalLM):
    """The only change w.r.t. vLLM's class is that the experts outlive the replacement of the linears.

    Visual features come from `get_image_features` and `get_video_features` there, too, hence fused.
    """

    def __init__(self, *, vllm_config, prefix=""):
        """Build the model on this process; as in the parent."""
        check_servable(vllm_config.model_config.hf_config, vllm_config.parallel_config.tensor_parallel_size)
        super().__init__(vllm_config=vllm_config, prefix=prefix)

    def recursive_replace(self):
        """Replace modules by vLLM's; as in the parent."""
        if self.config.num_experts:
            serve_experts(self.model, self._make_parameter, tensor_model_parallel_all_reduce, self.tp_group.world_size)
            self.hf_to_vllm_mapper |= WeightsMapper(orig_to_new_regex={BASE_WEIGHTS: r"\1.base."})
        super().recursive_replace()

    def _make_parameter(self, shape, split):
        # On the device at once: the backend takes one on the meta device with a loader for another's.
        data = torch.empty(shape, dtype=self.model_config.dtype, device=self.device_config.device)
        parameter = nn.Parameter(data, requires_grad=False)
        if split is not None:
            set_weight_attrs(parameter, {"weight_loader": sharded_weight_loader(split)})
        return parameter
