"""Configuration of SpaceVista: Qwen2.5-VL's, and beside it the dense encoder, the fusion and the scale experts."""

from transformers import DINOv3ViTConfig, Qwen2_5_VLConfig
from transformers.configuration_utils import PreTrainedConfig

GATE_MODES = ("router", "off")


class SpaceVistaConfig(Qwen2_5_VLConfig):
    """What a SpaceVista model is made of (paper, section 4 and C.1).

    Args:
        text_config, vision_config: as in `Qwen2_5_VLConfig`.
        dense_config: a `DINOv3ViTConfig` or its dictionary; the frozen dense encoder.
        fusion_hidden_size: width of the cross-attention, a multiple of 4 and of `fusion_num_heads`.
        fusion_num_layers: number of cross-attention layers.
        fusion_num_heads: attention heads of each of them.
        num_experts: scale experts on every linear of the language model's layers.
        expert_rank: rank of each expert.
        router_hidden_size: width of the router's hidden layer.
        gate_mode: "router" weighs the experts per token, "off" leaves them out.

    Raises:
        ValueError: if a value cannot be used; the message quotes it.

    >>> SpaceVistaConfig(num_experts=0)
    Traceback (most recent call last):
    ...
    ValueError: num_experts must be at least 1, got 0
    """

    model_type = "spacevista"
    # The library reads the second name since 5.2x and the first before.
    sub_configs = {**Qwen2_5_VLConfig.sub_configs, "dense_config": DINOv3ViTConfig}
    sub_configs_defaults = dict(sub_configs)

    dense_config: dict | PreTrainedConfig | None = None
    fusion_hidden_size: int = 1024
    fusion_num_layers: int = 2
    fusion_num_heads: int = 16
    num_experts: int = 4
    expert_rank: int = 8
    router_hidden_size: int = 256
    gate_mode: str = "router"

    def __post_init__(self, **kwargs):
        """Complete the nested configurations and check what was given."""
        if not isinstance(self.dense_config, PreTrainedConfig):
            self.dense_config = DINOv3ViTConfig(**(self.dense_config or {}))
        super().__post_init__(**kwargs)
        self._check_positive()
        self._check_fusion()
        self._check_patches()
        if self.gate_mode not in GATE_MODES:
            raise ValueError(f"gate_mode must be one of {', '.join(GATE_MODES)}, got {self.gate_mode!r}")

    def _check_positive(self):
        for name in ("num_experts", "expert_rank", "router_hidden_size", "fusion_num_layers", "fusion_num_heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def _check_fusion(self):
        for divisor, what in ((4, "4"), (self.fusion_num_heads, f"fusion_num_heads={self.fusion_num_heads}")):
            if self.fusion_hidden_size < 1 or self.fusion_hidden_size % divisor:
                raise ValueError(
                    f"fusion_hidden_size must be a positive multiple of {what}, got {self.fusion_hidden_size}"
                )

    def _check_patches(self):
        """Patch grids align one to one when a frame of 14·(h, w) pixels is resized to 16·(h, w)."""
        pair = (self.vision_config.patch_size, self.dense_config.patch_size)
        if pair != (14, 16):
            raise ValueError(
                "vision_config.patch_size and dense_config.patch_size must be 14 and 16 for their grids to align, "
                f"got {pair[0]} and {pair[1]}"
            )


SpaceVistaConfig.register_for_auto_class()
