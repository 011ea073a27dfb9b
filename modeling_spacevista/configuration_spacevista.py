"""Configuration of SpaceVista: Qwen2.5-VL's, and beside it the dense encoder, the fusion and the scale experts."""

from transformers import Dinov2WithRegistersConfig, DINOv3ViTConfig, Qwen2_5_VLConfig
from transformers import configuration_utils as library
from transformers.configuration_utils import PreTrainedConfig

DENSE_CONFIGS = {config.model_type: config for config in (DINOv3ViTConfig, Dinov2WithRegistersConfig)}
DENSE_ENCODERS = ("none", "dinov3", "geometry", "both")
FUSIONS = ("cross_attention", "add", "concat")
GATE_MODES = ("router", "forced", "uniform", "off")
ROUTER_LEVELS = ("layer", "model")
# What a Qwen2.5-VL is made of; all else that `SpaceVistaConfig` holds is its own or the library's.
BACKBONE_FIELDS = ("text_config", "vision_config", "tie_word_embeddings", "image_token_id", "video_token_id")
BACKBONE_FIELDS += ("vision_start_token_id", "vision_end_token_id")
SCALES = ("tiny_tabletop", "tabletop", "indoor", "outdoor", "drone")


class SpaceVistaConfig(Qwen2_5_VLConfig):
    """What a SpaceVista model is made of (paper, section 4, C.1 and C.3).

    Args:
        text_config, vision_config: as in `Qwen2_5_VLConfig`.
        dense_config: a `DINOv3ViTConfig`, a `Dinov2WithRegistersConfig`, or the dictionary of one; the frozen encoder.
        dense_encoder: what visual tokens are fused with: "dinov3" features of `dense_config`, precomputed "geometry"
            tokens, "both", or "none".
        geometry_hidden_size: width of the precomputed tokens, for "geometry" and "both".
        fusion: "cross_attention" within a frame pair; "add" a projection of the dense token at the same place; or
            "concat" it with the visual token before an MLP.
        fusion_hidden_size: width of the fusion, a multiple of 4 and of `fusion_num_heads`.
        fusion_num_layers: number of cross-attention layers.
        fusion_num_heads: attention heads of each of them.
        num_experts: scale experts on every linear of the language model's layers; 0 leaves those of Qwen2.5-VL.
        expert_rank: rank of each expert.
        expert_scales: the scale of each expert, by name; left out, the first `num_experts` of the five.
        router_hidden_size: width of the router's hidden layer.
        router_level: "layer" routes in every layer by what enters it, "model" once by the input embeddings.
        router_aux_loss_coef: weight of the load-balance loss of the router, added to the loss where labels are given.
        router_z_loss_coef: weight of the router's z-loss, likewise.
        gate_mode: "router" weighs the experts per token, "forced" takes the one of the sample's `scale_labels`,
            "uniform" the mean of all, "off" none. It may be changed on a built model.

    Raises:
        ValueError: if a value cannot be used; the message quotes it.

    >>> SpaceVistaConfig(num_experts=-1)
    Traceback (most recent call last):
    ...
    ValueError: num_experts must be at least 0, got -1
    """

    model_type = "spacevista"
    # The library reads the first name in 5.17 and the second later, some releases only if its values are specs; the
    # other kind of encoder is made in `__post_init__`, before it would ask for the class.
    sub_configs = {**Qwen2_5_VLConfig.sub_configs, "dense_config": DINOv3ViTConfig}
    sub_configs_defaults = {
        name: library.SubConfigSpec(kind) if hasattr(library, "SubConfigSpec") else kind
        for name, kind in sub_configs.items()
    }

    dense_config: dict | PreTrainedConfig | None = None
    dense_encoder: str = "dinov3"
    geometry_hidden_size: int | None = None
    fusion: str = "cross_attention"
    fusion_hidden_size: int = 1024
    fusion_num_layers: int = 2
    fusion_num_heads: int = 16
    num_experts: int = 4
    expert_rank: int = 8
    expert_scales: list[str] | tuple[str, ...] | None = None
    router_hidden_size: int = 256
    router_level: str = "layer"
    router_aux_loss_coef: float = 0.0
    router_z_loss_coef: float = 0.0
    gate_mode: str = "router"

    def __post_init__(self, **kwargs):
        """Complete the nested configurations and check what was given."""
        self.dense_config = _dense_config(self.dense_config)
        super().__post_init__(**kwargs)
        self._check_choices()
        self._check_sizes()
        self._check_experts()
        if self.dense_encoder != "none":
            self._check_fusion()
        if self.uses_dense:
            self._check_patches()

    @property
    def uses_dense(self) -> bool:
        """Whether frames go through the dense encoder."""
        return self.dense_encoder in ("dinov3", "both")

    @property
    def uses_geometry(self) -> bool:
        """Whether precomputed geometry tokens are expected."""
        return self.dense_encoder in ("geometry", "both")

    def backbone_config(self) -> Qwen2_5_VLConfig:
        """Return the configuration of the Qwen2.5-VL inside.

        >>> SpaceVistaConfig().backbone_config().model_type
        'qwen2_5_vl'
        """
        values = self.to_dict()
        return Qwen2_5_VLConfig(**{name: values[name] for name in BACKBONE_FIELDS})

    def expert_index(self, scale: str | int) -> int:
        """Return the place of an expert.

        Raises:
            ValueError: if there is no such expert; the message lists those that are there.

        >>> SpaceVistaConfig().expert_index("indoor")
        2
        """
        if scale in self.expert_scales:
            return self.expert_scales.index(scale)
        if isinstance(scale, int) and 0 <= scale < self.num_experts:
            return scale
        names = ", ".join(f"{place} ({name})" for place, name in enumerate(self.expert_scales))
        raise ValueError(f"there is no expert {scale!r}; the experts are {names or 'none'}")

    def _check_choices(self):
        choices = {
            "dense_encoder": DENSE_ENCODERS,
            "fusion": FUSIONS,
            "router_level": ROUTER_LEVELS,
            "gate_mode": GATE_MODES,
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")

    def _check_sizes(self):
        least = {"num_experts": 0, "expert_rank": 1, "router_hidden_size": 1}
        least |= {"fusion_num_layers": 1, "fusion_num_heads": 1}
        least |= {"router_aux_loss_coef": 0, "router_z_loss_coef": 0}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(f"{name} must be at least {bound}, got {getattr(self, name)}")

    def _check_experts(self):
        if self.expert_scales is None:
            spare = [f"expert_{place}" for place in range(len(SCALES), self.num_experts)]
            self.expert_scales = [*SCALES, *spare][: self.num_experts]
        self.expert_scales = list(self.expert_scales)
        if len(set(self.expert_scales)) != self.num_experts or len(self.expert_scales) != self.num_experts:
            raise ValueError(
                f"expert_scales must name each of the num_experts={self.num_experts} experts once, "
                f"got {self.expert_scales}"
            )

    def _check_fusion(self):
        for divisor, what in ((4, "4"), (self.fusion_num_heads, f"fusion_num_heads={self.fusion_num_heads}")):
            if self.fusion_hidden_size < 1 or self.fusion_hidden_size % divisor:
                raise ValueError(
                    f"fusion_hidden_size must be a positive multiple of {what}, got {self.fusion_hidden_size}"
                )
        if self.uses_geometry and (self.geometry_hidden_size or 0) < 1:
            raise ValueError(
                f"dense_encoder={self.dense_encoder!r} needs geometry_hidden_size, the width of the geometry tokens, "
                f"got {self.geometry_hidden_size}"
            )

    def _check_patches(self):
        """Frames of 14·(h, w) pixels are resized to p·(h, w); another p than 14 or 16 would lose or invent detail."""
        pair = (self.vision_config.patch_size, self.dense_config.patch_size)
        if pair not in ((14, 16), (14, 14)):
            raise ValueError(
                "vision_config.patch_size and dense_config.patch_size must be 14 and 16 (or 14) for their grids to "
                f"align, got {pair[0]} and {pair[1]}"
            )


def _dense_config(given: dict | PreTrainedConfig | None) -> PreTrainedConfig:
    if isinstance(given, tuple(DENSE_CONFIGS.values())):
        return given
    values = given.to_dict() if isinstance(given, PreTrainedConfig) else dict(given or {})
    kind = values.pop("model_type", None) or DINOv3ViTConfig.model_type
    if kind not in DENSE_CONFIGS:
        raise ValueError(f"dense_config.model_type must be one of {', '.join(DENSE_CONFIGS)}, got {kind!r}")
    return DENSE_CONFIGS[kind](**values)


SpaceVistaConfig.register_for_auto_class()
