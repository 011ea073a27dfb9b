"""SpaceVista: Qwen2.5-VL with a dense branch fused into its visual tokens and scale experts in its language model."""

import torch
from torch import nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
    Qwen2_5_VLAttention,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLModel,
    Qwen2_5_VLTextModel,
)
from transformers.utils import can_return_tuple

from .configuration_spacevista import SpaceVistaConfig
from .experts import ExpertLinear, SpaceVistaDecoderLayer
from .frames import check_grid, group_by_size, patches_to_frames
from .fusion import DenseBranch, DenseFusion

UNSPLIT_MODULES = ["SpaceVistaDecoderLayer", "Qwen2_5_VLVisionBlock", "DINOv3ViTLayer", "DenseFusion"]


class SpaceVistaTextModel(Qwen2_5_VLTextModel):
    """The only change w.r.t. `Qwen2_5_VLTextModel` is the class of its layers, whose experts it initialises."""

    _no_split_modules = UNSPLIT_MODULES
    _can_record_outputs = {"hidden_states": SpaceVistaDecoderLayer, "attentions": Qwen2_5_VLAttention}

    def __init__(self, config, experts: SpaceVistaConfig):
        """Take the text configuration and the SpaceVista one, which describes the experts."""
        super().__init__(config)
        for index in range(config.num_hidden_layers):
            self.layers[index] = SpaceVistaDecoderLayer(config, index, experts)
        self.post_init()

    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, ExpertLinear):
            module.reset_experts()


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
        self.dense_branch = DenseBranch(config)
        self.fusion = DenseFusion(config)
        self.rope_deltas = None
        self.post_init()

    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, DenseFusion):
            module.reset_gate()

    @can_return_tuple
    def get_image_features(self, pixel_values, image_grid_thw=None, **kwargs):
        """Encode images; arguments and result as in `Qwen2_5_VLModel.get_image_features`."""
        check_grid(pixel_values, image_grid_thw, self.config.vision_config)
        outputs = super().get_image_features(pixel_values, image_grid_thw, return_dict=True, **kwargs)
        outputs.pooler_output = self._fuse(outputs.pooler_output, pixel_values, image_grid_thw)
        return outputs

    @can_return_tuple
    def get_video_features(self, pixel_values_videos, video_grid_thw=None, **kwargs):
        """Encode videos; arguments and result as in `Qwen2_5_VLModel.get_video_features`."""
        check_grid(pixel_values_videos, video_grid_thw, self.config.vision_config)
        outputs = super().get_video_features(pixel_values_videos, video_grid_thw, return_dict=True, **kwargs)
        outputs.pooler_output = self._fuse(outputs.pooler_output, pixel_values_videos, video_grid_thw)
        return outputs

    def _fuse(self, visual, pixels, grid_thw):
        """Fuse each video's tokens with the dense features of its frames, all of one frame size in one batch.

        Args:
            visual: one (T·L, V) tensor per image or video.
            pixels: (sum of T·h·w, C·t·p·p) patches of all of them.
            grid_thw: (number of them, 3).

        Returns:
            One (T·L, V) tensor per image or video.
        """
        patches = pixels.split(grid_thw.prod(-1).tolist())
        fused = list(visual)
        for size, members in group_by_size(grid_thw).items():
            frames = patches_to_frames(torch.cat([patches[i] for i in members]), size, self.config.vision_config)
            tokens = torch.cat([visual[i] for i in members]).unflatten(0, (len(frames), -1))
            mixed = self.fusion(tokens, self.dense_branch(frames)).flatten(0, 1)
            for i, part in zip(members, mixed.split([len(visual[i]) for i in members]), strict=True):
                fused[i] = part
        return tuple(fused)


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


SpaceVistaForConditionalGeneration.register_for_auto_class("AutoModelForImageTextToText")
