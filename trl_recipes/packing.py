"""Several samples in one row: nothing is padded, and no sample sees another.

A row carries `position_ids` (4, 1, T), as Qwen2.5-VL takes them: first the place of a token in its sample, which
begins at 0 with every sample and so tells them apart, then its three rotary positions, those that the model itself
would give the sample alone. Flash attention reads the first and attends by sample; `PACKED_ATTENTION` does so where
there is none.

Legend: T tokens of a row, H heads, K heads of keys and values, D width of a head.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface, PretrainedConfig, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel

from trl_recipes.data import rows_of
from trl_recipes.encoding import Sample, SampleEncoder, join_features
from trl_recipes.visual import require_features, token_types

PACKED_ATTENTION = "packed_sdpa"


def pack(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Put samples into as few rows as best-fit decreasing finds; ties go to the sample and the row that came first.

    Args:
        lengths: Tokens of every sample, none above `capacity`.
        capacity: Most tokens of a row.

    Returns:
        The samples of every row, by their places in `lengths`.

    >>> pack([60, 50, 30, 40, 10], 100)
    [[0, 3], [1, 2, 4]]
    """
    rows: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (tokens left, row), sorted
    for place in sorted(range(len(lengths)), key=lambda place: (-lengths[place], place)):
        best = bisect_left(free, (lengths[place], -1))
        if best < len(free):
            left, row = free.pop(best)
        else:
            left, row = capacity, len(rows)
            rows.append([])
        rows[row].append(place)
        insort(free, (left - lengths[place], row))
    return rows


class PackCollator:
    """Makes one row of all samples of a batch, without padding."""

    def __init__(self, encoder: SampleEncoder):
        """Take what makes samples out of rows."""
        self.encoder, self._positions = encoder, RopePositions(encoder.config)

    def __call__(self, items: Sequence[dict]) -> dict[str, torch.Tensor]:
        """Encode and join.

        Returns:
            `input_ids`, `mm_token_type_ids` and `labels` (1, T), `position_ids` (4, 1, T), the features of images and
            videos, if any, as Qwen2.5-VL takes them, and `scale_labels` (1, T), if they are asked for.

        Raises:
            RowError: if a row cannot be read and is not to be skipped.
            ValueError: if a visual placeholder lacks its features.
        """
        samples = self.encoder([row for item in items for row in rows_of(item)])
        return pack_samples(samples, self.encoder.config, self._positions)


def pack_samples(
    samples: Sequence[Sample], config: PretrainedConfig, positions: "RopePositions"
) -> dict[str, torch.Tensor]:
    """Make one row of samples; see `PackCollator`."""
    input_ids = torch.cat([sample.input_ids for sample in samples])[None]
    types, features = token_types(input_ids, config), join_features(samples)
    require_features(types, config, features)
    batch = {
        "input_ids": input_ids,
        "mm_token_type_ids": types,
        "position_ids": torch.cat([positions(sample) for sample in samples], dim=-1)[:, None],
        # The first token of a sample is always read, never written: no token has to predict that of another sample.
        "labels": torch.cat([sample.labels for sample in samples])[None],
        **features,
    }
    if samples[0].scale_label is not None:
        labels = [torch.full_like(sample.input_ids, sample.scale_label) for sample in samples]
        batch["scale_labels"] = torch.cat(labels)[None]
    return batch


class RopePositions(Qwen2_5_VLModel):
    """The positions of `Qwen2_5_VLModel` without its weights: they follow from the configuration alone.

    No model, so that a worker of a data loader can hold it.
    """

    def __init__(self, config: PretrainedConfig):
        """Take the configuration of a Qwen2.5-VL or a SpaceVista."""
        nn.Module.__init__(self)
        self.config = config

    def forward(self, sample: Sample) -> torch.Tensor:
        """Return (4, L): the place in the sample, and its temporal, vertical and horizontal position."""
        ids = sample.input_ids[None]
        grids = {name: values for name, values in sample.features.items() if not name.startswith("pixel")}
        rotary, _ = self.get_rope_index(ids, mm_token_type_ids=token_types(ids, self.config), **grids)
        return torch.cat([torch.arange(ids.shape[1])[None], rotary[:, 0]])


def pack_attention(model: PreTrainedModel) -> None:
    """Let the language model attend by sample, where its attention would compute a mask for the whole row."""
    text = model.model.language_model
    if "flash" not in text.config._attn_implementation and "flex" not in text.config._attn_implementation:
        text.set_attn_implementation(PACKED_ATTENTION)


def packed_sdpa(module, query, key, value, attention_mask, position_ids=None, **kwargs):
    """Attend by sample with PyTorch's own attention; rows that are not packed go the library's way.

    Args:
        module: The attention.
        query: (B, H, T, D).
        key: (B, K, T, D).
        value: (B, K, T, D).
        attention_mask: None where nothing is padded.
        position_ids: (B, T), the place of each token in its sample.
        **kwargs: As in `sdpa_attention_forward`.

    Returns:
        (B, T, H, D), and None.
    """
    sizes = None
    if attention_mask is None and position_ids is not None and query.shape[0] == 1 and query.shape[2] == key.shape[2]:
        sizes = _sizes(position_ids)
    if sizes is None or len(sizes) == 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, position_ids=position_ids, **kwargs)
    parts = [
        sdpa_attention_forward(module, *part, None, **kwargs)[0]
        for part in zip(*(states.split(sizes, dim=2) for states in (query, key, value)), strict=True)
    ]
    return torch.cat(parts, dim=1), None


def _sizes(position_ids: torch.Tensor) -> list[int]:
    starts = torch.nonzero(position_ids[0] == 0).flatten().tolist()
    return [end - start for start, end in zip(starts, [*starts[1:], position_ids.shape[-1]], strict=True)]


def _mask(attention_mask=None, **kwargs):
    """Make the mask of padded rows; without padding, `packed_sdpa` needs none."""
    return None if attention_mask is None else sdpa_mask(attention_mask=attention_mask, **kwargs)


AttentionInterface.register(PACKED_ATTENTION, packed_sdpa)
AttentionMaskInterface.register(PACKED_ATTENTION, _mask)
