"""SpaceVista: Qwen2.5-VL with a dense branch fused into its visual tokens and scale experts in its language model.

Legend: B batch, T tokens, E experts, V width of a visual token.
"""

import copy
import inspect

import torch
from torch import nn
from transformers import AutoConfig, AutoModel, Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
    Qwen2_5_VLAttention,
    Qwen2_5_VLDecoderLayer,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLModel,
    Qwen2_5_VLTextModel,
)
from transformers.utils import can_return_tuple

from .configuration_spacevista import DENSE_CONFIGS, SpaceVistaConfig
from .experts import ExpertLinear, ScaleRouter, SpaceVistaDecoderLayer, experts_tp_plan
from .frames import check_grid, group_by_size, patches_to_frames
from .fusion import DenseBranch, DenseFusion
from .gates import check_scale_labels, forced_gates, load_balance_loss, router_z_loss

UNSPLIT_MODULES = ["Qwen2_5_VLDecoderLayer", "SpaceVistaDecoderLayer", "Qwen2_5_VLVisionBlock"]
UNSPLIT_MODULES += ["DINOv3ViTLayer", "Dinov2WithRegistersLayer", "DenseFusion"]
# Checkpoints on the Hub say `visual.*` and `model.*` where the modules are `model.visual.*` and
# `model.language_model.*`; the library renames them by model type, and ours is another.
QWEN_KEYS = {r"^visual": "model.visual", r"^model(?!\.(language_model|visual))": "model.language_model"}
# What a Qwen2.5-VL checkpoint cannot hold.
OWN_PARTS = ("expert_a", "expert_b", "router.", "model.fusion.", "model.dense_branch.")


def _with_parameters_of(parent, *names):
    """Let a method that passes arguments on show its parent's parameters, and its own by name.

    `generate`, `Trainer`, TRL and vLLM read them to tell what a model takes; a copy would be that of one release.
    """

    def decorate(method):
        shown = inspect.signature(parent)
        others = [p for p in shown.parameters.values() if p.kind is not p.VAR_KEYWORD]
        own = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in names]
        rest = [p for p in shown.parameters.values() if p.kind is p.VAR_KEYWORD]
        method.__signature__ = shown.replace(parameters=[*others, *own, *rest])
        return method

    return decorate


class SpaceVistaTextModel(Qwen2_5_VLTextModel):
    """The only change w.r.t. `Qwen2_5_VLTextModel` is the class of its layers, whose experts it gates."""

    _no_split_modules = UNSPLIT_MODULES

    def __init__(self, config, experts: SpaceVistaConfig):
        """Take the text configuration and the SpaceVista one, which describes the experts."""
        super().__init__(config)
        self.experts = experts
        layer_class = Qwen2_5_VLDecoderLayer
        if experts.num_experts:
            layer_class = SpaceVistaDecoderLayer
            for index in range(config.num_hidden_layers):
                self.layers[index] = SpaceVistaDecoderLayer(config, index, experts)
            if experts.router_level == "model":
                self.router = ScaleRouter(config.hidden_size, experts.router_hidden_size, experts.num_experts)
        self._can_record_outputs = {"hidden_states": layer_class, "attentions": Qwen2_5_VLAttention}
        self.post_init()
        if experts.num_experts:
            self._tp_plan |= experts_tp_plan(config.base_model_tp_plan)

    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, ExpertLinear):
            module.reset_experts()

    @_with_parameters_of(Qwen2_5_VLTextModel.forward, "scale_labels")
    def forward(self, input_ids=None, *args, inputs_embeds=None, scale_labels=None, **kwargs):
        """Run the layers; arguments and result as in `Qwen2_5_VLTextModel`, and `scale_labels` (B,) or (B, T)."""
        for name in (
            "image_geometry",
            "video_geometry",
        ):  # the outer model hands all that it does not know to all parts
            kwargs.pop(name, None)
        if self.experts.num_experts and self.experts.gate_mode != "off":
            if inputs_embeds is None:
                input_ids, inputs_embeds = None, self.embed_tokens(input_ids)
            gates = self._common_gates(inputs_embeds, scale_labels)
            if gates is not None:
                kwargs["gates"] = gates
        return super().forward(input_ids, *args, inputs_embeds=inputs_embeds, **kwargs)

    def _common_gates(self, inputs_embeds, scale_labels):
        """Return the gates (B, 1 or T, E) that hold for every layer, or None where each layer routes for itself."""
        mode, num_experts = self.experts.gate_mode, self.experts.num_experts
        if mode == "forced":
            check_scale_labels(scale_labels, *inputs_embeds.shape[:2], num_experts)
            return forced_gates(scale_labels, num_experts, inputs_embeds)
        if mode == "uniform":
            return inputs_embeds.new_full((len(inputs_embeds), 1, num_experts), 1 / num_experts)
        return self.router(inputs_embeds) if self.experts.router_level == "model" else None

    def router_logits(self, hidden_states):
        """Rate the experts again, from the states that entered the layers.

        Not recorded on the way, so that gradients reach the router under any kind of gradient checkpointing.

        Args:
            hidden_states: what `output_hidden_states=True` returned: (B, T, hidden_size) for each layer, and the last.

        Returns:
            (N, B, T, E), N layers, or 1 where one router serves the model.
        """
        if self.experts.router_level == "model":
            return self.router.logits(hidden_states[0])[None]
        pairs = zip(self.layers, hidden_states[:-1], strict=True)
        return torch.stack([layer.router.logits(states) for layer, states in pairs])

    def gates(self, hidden_states, scale_labels=None):
        """Return the gates (N, B, T, E) that a forward pass used; arguments as in `router_logits` and `forward`."""
        states = hidden_states[0]
        if self.experts.gate_mode == "router":
            return self.router_logits(hidden_states).softmax(-1, dtype=torch.float32).to(states.dtype)
        if self.experts.gate_mode == "off":
            return states.new_zeros((1, *states.shape[:2], self.experts.num_experts))
        return self._common_gates(states, scale_labels).expand(-1, states.shape[1], -1)[None]


class SpaceVistaModel(Qwen2_5_VLModel):
    """The only change w.r.t. `Qwen2_5_VLModel` is that visual features come out fused with dense ones.

    `generate()` and `forward()` both take visual features from `get_image_features` and `get_video_features`, so
    these two are the place for the fusion.
    """

    config: SpaceVistaConfig
    _no_split_modules = UNSPLIT_MODULES

    def __init__(self, config: SpaceVistaConfig):
        """Build the parts; the parent's constructor is skipped, it would build a language model to throw away."""
        super(Qwen2_5_VLModel, self).__init__(config)
        self.visual = Qwen2_5_VisionTransformerPretrainedModel._from_config(config.vision_config)
        self.language_model = SpaceVistaTextModel._from_config(config.text_config, experts=config)
        if config.uses_dense:
            self.dense_branch = DenseBranch(config)
        if config.dense_encoder != "none":
            self.fusion = DenseFusion(config)
        self.rope_deltas = None
        self.post_init()

    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, DenseFusion):
            module.reset_gate()

    @can_return_tuple
    def get_image_features(self, pixel_values, image_grid_thw=None, image_geometry=None, **kwargs):
        """Encode images; as in `Qwen2_5_VLModel.get_image_features`, and `image_geometry` (tokens, G)."""
        check_grid(pixel_values, image_grid_thw, self.config.vision_config)
        kwargs = _for_the_tower(kwargs)
        outputs = super().get_image_features(pixel_values, image_grid_thw, return_dict=True, **kwargs)
        # A still picture fills both frames of its pair: one is enough for the dense encoder.
        outputs.pooler_output = self._fuse(outputs.pooler_output, pixel_values, image_grid_thw, image_geometry, 1)
        return outputs

    @can_return_tuple
    def get_video_features(self, pixel_values_videos, video_grid_thw=None, video_geometry=None, **kwargs):
        """Encode videos; as in `Qwen2_5_VLModel.get_video_features`, and `video_geometry` (tokens, G)."""
        check_grid(pixel_values_videos, video_grid_thw, self.config.vision_config)
        kwargs = _for_the_tower(kwargs)
        outputs = super().get_video_features(pixel_values_videos, video_grid_thw, return_dict=True, **kwargs)
        outputs.pooler_output = self._fuse(outputs.pooler_output, pixel_values_videos, video_grid_thw, video_geometry)
        return outputs

    def _fuse(self, visual, pixels, grid_thw, geometry, frames_per_pair=None):
        """Fuse each video's tokens with what belongs to its frames, all videos of one frame size in one batch.

        Args:
            visual: one (T·L, V) tensor per image or video.
            pixels: (sum of T·h·w, C·t·p·p) patches of all of them.
            grid_thw: (number of them, 3).
            geometry: (sum of T·L, G) precomputed tokens, where the configuration has them.
            frames_per_pair: how many frames of a pair the dense encoder sees; left out, all.

        Returns:
            One (T·L, V) tensor per image or video.
        """
        self._check_geometry(geometry, sum(map(len, visual)))
        if self.config.dense_encoder == "none":
            return visual
        patches, sizes = pixels.split(grid_thw.prod(-1).tolist()), [len(tokens) for tokens in visual]
        geometry = None if geometry is None else geometry.to(visual[0].device).split(sizes)
        merge, fused = self.config.vision_config.spatial_merge_size, list(visual)
        for size, members in group_by_size(grid_thw).items():
            grid = tuple(side // merge for side in size)
            contexts = {}
            if self.config.uses_dense:
                frames = patches_to_frames(torch.cat([patches[i] for i in members]), size, self.config.vision_config)
                contexts["dense"] = self.dense_branch(frames[:, :frames_per_pair])
            if geometry is not None:
                contexts["geometry"] = torch.cat([geometry[i] for i in members]).unflatten(0, (-1, grid[0] * grid[1]))
            tokens = torch.cat([visual[i] for i in members]).unflatten(0, (-1, grid[0] * grid[1]))
            mixed = self.fusion(tokens, grid, **contexts).flatten(0, 1)
            for i, part in zip(members, mixed.split([sizes[i] for i in members]), strict=True):
                fused[i] = part
        return tuple(fused)

    def _check_geometry(self, geometry, num_tokens):
        kind, given = self.config.dense_encoder, None if geometry is None else tuple(geometry.shape)
        if self.config.uses_geometry and given != (expected := (num_tokens, self.config.geometry_hidden_size)):
            raise ValueError(f"dense_encoder={kind!r} needs geometry tokens of shape {expected}, got {given}")
        if not self.config.uses_geometry and given is not None:
            raise ValueError(f"dense_encoder={kind!r} takes no geometry tokens, got some of shape {given}")


def _for_the_tower(kwargs):
    """Drop what is meant for other parts: the outer model hands all that it does not know to all of them."""
    return {name: kwargs[name] for name in kwargs if name not in ("image_geometry", "video_geometry", "scale_labels")}


class SpaceVistaForConditionalGeneration(Qwen2_5_VLForConditionalGeneration):
    """SpaceVista with a language modelling head; it takes exactly the inputs of Qwen2.5-VL.

    While the fusion gate and the experts' B are zero (as built), its logits are those of Qwen2.5-VL with the same
    weights, bit for bit.
    """

    config: SpaceVistaConfig
    _no_split_modules = UNSPLIT_MODULES

    def __init__(self, config: SpaceVistaConfig):
        """Build the parts; the parent's constructor is skipped, it would build a Qwen2.5-VL to throw away."""
        super(Qwen2_5_VLForConditionalGeneration, self).__init__(config)
        self.model = SpaceVistaModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    @classmethod
    def from_pretrained(cls, *args, allow_incomplete=False, output_loading_info=False, **kwargs):
        """Load a model; as in `PreTrainedModel.from_pretrained`.

        Args:
            *args: as there.
            allow_incomplete: load a checkpoint that lacks weights (they stay as initialised) or holds others.
            output_loading_info: as there.
            **kwargs: as there.

        Raises:
            ValueError: lists missing and unexpected weights, unless they are allowed.
        """
        model, info = super().from_pretrained(*args, output_loading_info=True, **kwargs)
        if not allow_incomplete:
            _refuse_incomplete(info["missing_keys"], info["unexpected_keys"])
        return (model, info) if output_loading_info else model

    @classmethod
    def from_backbones(cls, qwen_path, dense_path=None, *, dtype="auto", **options):
        """Assemble a model from a Qwen2.5-VL and a DINOv3 ViT or DINOv2 with registers; it answers as the former does.

        Args:
            qwen_path: folder or Hub id of a Qwen2.5-VL of any size.
            dense_path: folder or Hub id of the dense encoder; None for `dense_encoder` "none" or "geometry".
            dtype: of the weights, as in `from_pretrained`.
            **options: fusion and experts, as in `SpaceVistaConfig`.

        Raises:
            ValueError: if a backbone is of another kind, lacks weights, or an option cannot be used.
        """
        config = _assembled_config(qwen_path, dense_path, options)
        model, info = cls.from_pretrained(
            qwen_path,
            config=config,
            key_mapping=QWEN_KEYS,
            dtype=dtype,
            allow_incomplete=True,
            output_loading_info=True,
        )
        # What a model was loaded under it is saved under, and ours could then not be loaded again.
        model._weight_conversions = None
        missing = [key for key in info["missing_keys"] if not any(part in key for part in OWN_PARTS)]
        _refuse_incomplete(missing, info["unexpected_keys"])
        if config.uses_dense:
            encoder, info = AutoModel.from_pretrained(dense_path, dtype=model.dtype, output_loading_info=True)
            _refuse_incomplete(info["missing_keys"], info["unexpected_keys"])
            model.model.dense_branch.encoder = encoder.requires_grad_(False)
        return model.eval()

    @_with_parameters_of(
        Qwen2_5_VLForConditionalGeneration.forward, "scale_labels", "image_geometry", "video_geometry", "output_gates"
    )
    def forward(self, *args, output_gates=None, **kwargs):
        """Predict; as in `Qwen2_5_VLForConditionalGeneration.forward`, and:

        Args:
            *args: as there.
            output_gates: return `gates`, (N, B, T, E), N layers, or 1 where the same gates hold for all.
            **kwargs: as there, and
                scale_labels (B,) or (B, T): place of the expert of each sample, for `gate_mode="forced"`;
                image_geometry, video_geometry (tokens, G): for `dense_encoder` "geometry" and "both".
        """  # noqa: D415
        wants_losses = kwargs.get("labels") is not None and self._weighs_router()
        if not (output_gates or wants_losses) or not self.config.num_experts:
            return super().forward(*args, **kwargs)
        asked = {name: kwargs.pop(name, None) for name in ("output_hidden_states", "return_dict")}
        outputs = super().forward(*args, output_hidden_states=True, return_dict=True, **kwargs)
        if wants_losses:
            outputs.loss = outputs.loss + self.router_loss(outputs.hidden_states, kwargs.get("attention_mask"))
        gates = None
        if output_gates:
            gates = self.model.language_model.gates(outputs.hidden_states, kwargs.get("scale_labels"))
        if not asked["output_hidden_states"]:
            kept = {name: value for name, value in outputs.items() if name != "hidden_states"}
            outputs = type(outputs)(**kept)
        if gates is not None:
            outputs["gates"] = gates
        return outputs.to_tuple() if asked["return_dict"] is False else outputs

    def router_loss(self, hidden_states, attention_mask=None):
        """Return the load-balance and z-loss of the router with their weights; arguments as in `router_logits`."""
        logits = self.model.language_model.router_logits(hidden_states)
        balance = load_balance_loss(logits.softmax(-1), attention_mask)
        weights = self.config.router_aux_loss_coef, self.config.router_z_loss_coef
        return weights[0] * balance + weights[1] * router_z_loss(logits, attention_mask)

    def _weighs_router(self):
        weights = self.config.router_aux_loss_coef, self.config.router_z_loss_coef
        return self.config.gate_mode == "router" and any(weights)

    @torch.no_grad()
    def merge_expert(self, scale: str | int):
        """Fold one expert into the weights: a copy without experts that answers as if forced to that one.

        Args:
            scale: name of the expert's scale, or its place.

        Raises:
            ValueError: if there is no such expert.
        """
        index = self.config.expert_index(scale)
        config = copy.deepcopy(self.config)
        config.num_experts, config.expert_scales, config.gate_mode = 0, [], "off"
        weights = {name: value for name, value in self.state_dict().items() if not _is_experts(name)}
        for name, module in self.named_modules():
            if isinstance(module, ExpertLinear):
                a, b = (part.float() for part in module.expert(index))
                weights[f"{name}.weight"] = (module.weight.float() + b @ a).to(module.weight.dtype)
        with torch.device(self.device):
            merged = type(self)(config).to(self.dtype)
        merged.load_state_dict(weights)
        merged.generation_config = copy.deepcopy(self.generation_config)
        return merged.train(self.training)


def _is_experts(name):
    return name.endswith(("expert_a", "expert_b")) or ".router." in name


def _assembled_config(qwen_path, dense_path, options):
    qwen = AutoConfig.from_pretrained(qwen_path)
    if qwen.model_type != Qwen2_5_VLConfig.model_type:
        raise ValueError(f"{qwen_path} must be a {Qwen2_5_VLConfig.model_type} model, got {qwen.model_type}")
    values = qwen.to_dict()
    for name in ("model_type", "architectures", "transformers_version", "auto_map"):
        values.pop(name, None)
    if dense_path is not None:
        dense = AutoConfig.from_pretrained(dense_path)
        if dense.model_type not in DENSE_CONFIGS:
            raise ValueError(f"{dense_path} must be one of {', '.join(DENSE_CONFIGS)}, got {dense.model_type}")
        options = {"dense_config": dense.to_dict(), **options}
    config = SpaceVistaConfig(**{**values, **options})
    if config.uses_dense != (dense_path is not None):
        needed = "a dense encoder" if config.uses_dense else "none"
        raise ValueError(f"dense_encoder={config.dense_encoder!r} needs {needed}, got {dense_path}")
    return config


def _refuse_incomplete(missing, unexpected):
    found = [f"lacks {_list(missing)}"] if missing else []
    found += [f"holds {_list(unexpected)} besides"] if unexpected else []
    if found:
        raise ValueError(
            f"the checkpoint {' and '.join(found)}: give one of this architecture, or allow_incomplete=True"
        )


def _list(keys, most=20):
    names = sorted(keys)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


SpaceVistaForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")
