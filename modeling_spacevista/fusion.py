"""Dense branch and fusion (paper, section 4, Eq. 1): Qwen's visual tokens look at DINOv3's dense features.

Legend: N frame pairs, t frames in each, h × w patches, m merge size, L = h/m · w/m tokens, D width of the fusion.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import DINOv3ViTModel
from transformers import initialization as init

from .frames import to_dense_pixels


def sincos_positions(height, width, dim, like):
    """Write where each token of a grid lies as sines and cosines.

    Args:
        height: rows of the token grid.
        width: columns of the token grid.
        dim: length of an embedding, a multiple of 4; the first half says the row, the second the column.
        like: tensor whose dtype and device the result takes.

    Returns:
        (height·width, dim).

    >>> sincos_positions(2, 3, 8, torch.zeros(1)).shape
    torch.Size([6, 8])
    """
    frequencies = 10000.0 ** -(torch.arange(dim // 4, device=like.device) / (dim // 4))
    angles = torch.arange(max(height, width), device=like.device)[:, None] * frequencies
    codes = torch.cat([angles.sin(), angles.cos()], dim=-1)
    rows = codes[:height, None].expand(height, width, dim // 2)
    columns = codes[None, :width].expand(height, width, dim // 2)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1).to(like.dtype)


class DenseBranch(nn.Module):
    """Frames → dense tokens on Qwen's token grid; the encoder is frozen and never in training mode."""

    def __init__(self, config):
        """Build the encoder of `config.dense_config`."""
        super().__init__()
        self.encoder = DINOv3ViTModel._from_config(config.dense_config)
        self.num_prefix_tokens = 1 + config.dense_config.num_register_tokens
        self.vision_patch, self.dense_patch = config.vision_config.patch_size, config.dense_config.patch_size
        self.merge_size = config.vision_config.spatial_merge_size
        self.train(False)

    def train(self, mode: bool = True):
        """Stay frozen and in evaluation mode whatever `mode` says.

        In training mode DINOv3 moves its rotary coordinates at random. `from_pretrained` puts parameters that want
        gradients in place of frozen ones and then sets the mode, which is when they are frozen again.
        """
        return super().train(False).requires_grad_(False)

    @torch.no_grad()
    def forward(self, frames):
        """Encode, average the frames of a pair, gather m × m neighbours.

        Args:
            frames: (N, t, C, H, W), normalised for Qwen2.5-VL.

        Returns:
            (N, h/m, w/m, m·m·C') dense features, C' the encoder's width.
        """
        height, width = (side // self.vision_patch for side in frames.shape[-2:])
        pixels = to_dense_pixels(frames.flatten(0, 1), self.vision_patch, self.dense_patch)
        tokens = self.encoder(pixels).last_hidden_state[:, self.num_prefix_tokens :]
        pooled = tokens.unflatten(0, frames.shape[:2]).mean(1)
        m = self.merge_size
        blocks = pooled.reshape(len(frames), height // m, m, width // m, m, -1)
        return blocks.transpose(2, 3).flatten(3)


class CrossAttentionLayer(nn.Module):
    """One layer of MultiCrossAttn: pre-norm cross-attention and a feed-forward block, both residual."""

    def __init__(self, dim, num_heads):
        """Take the width and the number of heads."""
        super().__init__()
        self.num_heads = num_heads
        self.query_norm, self.context_norm, self.mlp_norm = (nn.LayerNorm(dim) for _ in range(3))
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (nn.Linear(dim, dim) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, tokens, context, positions):
        """Update `tokens` (N, L, D) from `context` (N, L, D); `positions` (L, D) is added to all but the residual."""
        query = self.query_norm(tokens) + positions
        context = self.context_norm(context) + positions
        heads = (
            proj(x).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for proj, x in ((self.q_proj, query), (self.k_proj, context), (self.v_proj, context))
        )
        attended = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        tokens = tokens + self.o_proj(attended)
        return tokens + self.mlp(self.mlp_norm(tokens))


class DenseFusion(nn.Module):
    """Add to Qwen's visual tokens what they find in the dense ones, through a gate that starts at zero.

    Attention stays within a frame pair, so memory grows linearly with the number of frames.
    """

    def __init__(self, config):
        """Take the widths from the configuration."""
        super().__init__()
        dim, visual = config.fusion_hidden_size, config.vision_config.out_hidden_size
        dense = config.dense_config.hidden_size * config.vision_config.spatial_merge_size**2
        self.project = nn.Sequential(nn.LayerNorm(dense), nn.Linear(dense, dim), nn.GELU(), nn.Linear(dim, dim))
        self.query = nn.Linear(visual, dim)
        self.layers = nn.ModuleList(
            CrossAttentionLayer(dim, config.fusion_num_heads) for _ in range(config.fusion_num_layers)
        )
        self.output = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, visual))
        self.gate = nn.Parameter(torch.empty(visual))
        self.reset_gate()

    def reset_gate(self):
        """Close the gate: the model then answers as its backbone."""
        init.zeros_(self.gate)

    def forward(self, visual, dense):
        """Fuse.

        Args:
            visual: (N, L, V) tokens of Qwen's vision tower, row by row.
            dense: (N, h/m, w/m, m·m·C') dense features.

        Returns:
            (N, L, V); equal to `visual` while the gate is zero.
        """
        height, width = dense.shape[1:3]
        context = self.project(dense.flatten(1, 2).to(visual.dtype))
        positions = sincos_positions(height, width, context.shape[-1], context)
        tokens = self.query(visual)
        for layer in self.layers:
            tokens = layer(tokens, context, positions)
        return visual + self.gate * self.output(tokens)
