"""Dense branch and fusion (paper, section 4, Eq. 1): Qwen's visual tokens look at dense features of the same frames.

Legend: N frame pairs, t frames in each, h × w patches, m merge size, L = h/m · w/m tokens, D width of the fusion.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import AutoModel
from transformers import initialization as init

from .frames import to_dense_pixels

# Frame pairs that go through the encoder at once: its activations then take the same memory for any video.
PAIRS_AT_ONCE = 8


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
        self.encoder = AutoModel.from_config(config.dense_config)
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
            (N, L, m·m·C') dense features, row by row, C' the encoder's width.
        """
        return torch.cat([self._encode(pairs) for pairs in frames.split(PAIRS_AT_ONCE)])

    def _encode(self, frames):
        height, width = (side // self.vision_patch for side in frames.shape[-2:])
        pixels = to_dense_pixels(frames.flatten(0, 1), self.vision_patch, self.dense_patch)
        tokens = self.encoder(pixels.to(self.encoder.dtype)).last_hidden_state[:, self.num_prefix_tokens :]
        pooled = tokens.unflatten(0, frames.shape[:2]).mean(1)
        m = self.merge_size
        blocks = pooled.reshape(len(frames), height // m, m, width // m, m, -1)
        return blocks.transpose(2, 3).flatten(3).flatten(1, 2)


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


class CrossAttentionMixer(nn.Module):
    """Visual tokens ask, dense tokens of the same frame pair answer; memory grows linearly with the frames."""

    def __init__(self, dim, visual, config):
        """Take D, the width of the visual tokens, and the numbers of layers and heads."""
        super().__init__()
        self.query = nn.Linear(visual, dim)
        self.layers = nn.ModuleList(
            CrossAttentionLayer(dim, config.fusion_num_heads) for _ in range(config.fusion_num_layers)
        )

    def forward(self, visual, context, grid):
        """Mix (N, L, V) and (N, L, D) on a token grid `grid` = (h/m, w/m) to (N, L, D)."""
        positions = sincos_positions(*grid, context.shape[-1], context)
        tokens = self.query(visual)
        for layer in self.layers:
            tokens = layer(tokens, context, positions)
        return tokens


class AddMixer(nn.Module):
    """Ablation: the dense token at the same place, and nothing else."""

    def forward(self, visual, context, grid):
        """Return `context` (N, L, D)."""
        return context


class ConcatMixer(nn.Module):
    """Ablation: an MLP over the visual token and the dense token at the same place."""

    def __init__(self, dim, visual):
        """Take D and the width of the visual tokens."""
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(visual + dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, visual, context, grid):
        """Mix (N, L, V) and (N, L, D) to (N, L, D)."""
        return self.mlp(torch.cat([visual, context], dim=-1))


class DenseFusion(nn.Module):
    """Add to Qwen's visual tokens what a mixer makes of them and the dense ones, through a gate that starts shut."""

    def __init__(self, config):
        """Take kinds and widths from the configuration."""
        super().__init__()
        dim, visual = config.fusion_hidden_size, config.vision_config.out_hidden_size
        if config.uses_dense:
            merged = config.dense_config.hidden_size * config.vision_config.spatial_merge_size**2
            self.project = _projection(merged, dim)
        if config.uses_geometry:
            self.project_geometry = _projection(config.geometry_hidden_size, dim)
        if config.fusion == "cross_attention":
            self.mixer = CrossAttentionMixer(dim, visual, config)
        else:
            self.mixer = AddMixer() if config.fusion == "add" else ConcatMixer(dim, visual)
        self.output = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, visual))
        self.gate = nn.Parameter(torch.empty(visual))
        self.reset_gate()

    def reset_gate(self):
        """Close the gate: the model then answers as its backbone."""
        init.zeros_(self.gate)

    def forward(self, visual, grid, dense=None, geometry=None):
        """Fuse.

        Args:
            visual: (N, L, V) tokens of Qwen's vision tower, row by row.
            grid: (h/m, w/m), rows and columns of the token grid.
            dense: (N, L, m·m·C') dense features, where the configuration has them.
            geometry: (N, L, G) precomputed tokens, where the configuration has them.

        Returns:
            (N, L, V); equal to `visual` while the gate is zero.
        """
        contexts = []
        if dense is not None:
            contexts.append(self.project(dense.to(visual.dtype)))
        if geometry is not None:
            contexts.append(self.project_geometry(geometry.to(visual.dtype)))
        return visual + self.gate * self.output(self.mixer(visual, sum(contexts), grid))


def _projection(width, dim):
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dim), nn.GELU(), nn.Linear(dim, dim))
