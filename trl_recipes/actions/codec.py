"""Actions ↔ tokens: each dimension in 256 bins, each bin a reserved token of the vocabulary (VST, section 3.2).

As in OpenVLA (arXiv:2406.09246, section 3.2), bins of one width span the data from its 1st to its 99th percentile, so
that outliers do not widen them. OpenVLA overwrites the tokens that Llama uses least; the embeddings of Qwen have rows
behind the tokenizer's last token, which no text ever reaches, and these become the bins.

Legend: N actions, D dimensions of an action.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from dataset_builders.errors import InputError

NUM_BINS = 256
QUANTILES = (0.01, 0.99)
FILE_NAME = "actions.json"


def reserved_tokens(tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig, count: int = NUM_BINS) -> int:
    """Return the first of `count` ids behind the tokenizer's last token; neither tokenizer nor embeddings grow.

    Raises:
        InputError: if the embeddings have fewer rows there.
    """
    first, rows = max(tokenizer.get_vocab().values()) + 1, config.get_text_config().vocab_size
    if rows - first < count:
        problem = f"holds {rows - first} ids that no token uses, and actions need {count}"
        fix = "give a Qwen2.5-VL or a SpaceVista made from one, whose embeddings have at least 271"
        raise InputError(config._name_or_path or "model", "vocab_size", problem, fix)
    return first


@dataclass(frozen=True)
class ActionCodec:
    """Turns actions into tokens and back.

    Attributes:
        low: (D,), where the first bin of each dimension begins, in the units of the actions.
        high: (D,), where its last bin ends; as `low` for a dimension that never changes.
        first_token: The id of bin 0; those of the other bins follow.
        num_bins: Of each dimension.

    >>> codec = ActionCodec(low=(-1.0, 0.5), high=(1.0, 0.5), first_token=1000)
    >>> codec.encode([0.0, 0.5]), codec.decode([1128, 1000]).tolist()
    ([1128, 1000], [0.00390625, 0.5])
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    first_token: int
    num_bins: int = NUM_BINS

    def __post_init__(self):
        """Refuse ranges that hold no bins.

        Raises:
            ValueError: quotes them.
        """
        low, high = np.asarray(self.low, float), np.asarray(self.high, float)
        if low.ndim != 1 or low.shape != high.shape or not len(low):
            raise ValueError(f"low and high must have one number for each dimension, got {self.low} and {self.high}")
        if not (np.isfinite(low).all() and np.isfinite(high).all() and (low <= high).all()):
            raise ValueError(f"low must be finite and at most high, got {self.low} and {self.high}")
        if self.first_token < 0 or self.num_bins < 1:
            raise ValueError(f"got first_token {self.first_token} and num_bins {self.num_bins}; give 0 or more, and 1")

    @classmethod
    def fit(cls, actions: np.ndarray, first_token: int) -> "ActionCodec":
        """Choose the bins of each dimension from its 1st and 99th percentile.

        Where these are one number though the data are not (a rare command), its minimum and maximum serve.

        Args:
            actions: (N, D).
            first_token: From `reserved_tokens`.

        Raises:
            ValueError: if there are no actions, or one is not finite.
        """
        actions = np.asarray(actions, dtype=float)
        if actions.ndim != 2 or not actions.size:
            raise ValueError(f"actions must be of shape (N, D) and some, got {actions.shape}")
        _require_finite(actions)
        low, high = np.quantile(actions, QUANTILES, axis=0)
        same = low == high
        low, high = np.where(same, actions.min(axis=0), low), np.where(same, actions.max(axis=0), high)
        return cls(tuple(low.tolist()), tuple(high.tolist()), first_token)

    @property
    def size(self) -> int:
        """Dimensions of an action, D, and tokens of one."""
        return len(self.low)

    @property
    def tokens(self) -> range:
        """The ids of all bins."""
        return range(self.first_token, self.first_token + self.num_bins)

    @property
    def widths(self) -> np.ndarray:
        """Return the width of a bin of each dimension, (D,), 0 where it never changes."""
        return (np.asarray(self.high) - self.low) / self.num_bins

    def encode(self, action: Sequence[float]) -> list[int]:
        """Return the D tokens of an action; what lies outside of the bins goes into the nearest.

        Raises:
            ValueError: if it has another size, or a number is not finite.
        """
        action = np.asarray(action, dtype=float)
        if action.shape != (self.size,):
            raise ValueError(f"an action must have {self.size} numbers, got shape {action.shape}")
        _require_finite(action)
        widths = self.widths
        moved = np.clip(action, self.low, self.high) - self.low
        bins = np.floor(np.divide(moved, widths, out=np.zeros(self.size), where=widths > 0))
        return (self.first_token + np.clip(bins, 0, self.num_bins - 1).astype(int)).tolist()

    def decode(self, tokens: Sequence[int]) -> np.ndarray:
        """Return the action (D,) of its tokens: the centres of their bins.

        Raises:
            ValueError: if they are not D tokens of actions.
        """
        bins = np.asarray(tokens) - self.first_token
        if bins.shape != (self.size,) or (bins < 0).any() or (bins >= self.num_bins).any():
            known = f"{self.size} tokens of {self.tokens.start} … {self.tokens.stop - 1}"
            raise ValueError(f"an action must be {known}, got {list(tokens)}")
        return self.low + (bins + 0.5) * self.widths

    def save(self, folder: str | Path) -> None:
        """Write `actions.json` beside a model."""
        dimensions = [{"low": low, "high": high} for low, high in zip(self.low, self.high, strict=True)]
        content = {"num_bins": self.num_bins, "first_token": self.first_token, "dimensions": dimensions}
        (Path(folder) / FILE_NAME).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> "ActionCodec":
        """Read `actions.json` beside a model.

        Raises:
            InputError: if it is missing or cannot be used.
        """
        path = Path(folder) / FILE_NAME
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            low, high = ([float(bins[end]) for bins in content["dimensions"]] for end in ("low", "high"))
            return cls(tuple(low), tuple(high), int(content["first_token"]), int(content["num_bins"]))
        except (OSError, ValueError, TypeError, LookupError) as error:
            fix = "give the folder of a model that action_sft.py wrote"
            raise InputError(path, "bins", f"cannot be read ({' '.join(str(error).split())[:200]})", fix) from error


def _require_finite(actions: np.ndarray) -> None:
    if not np.isfinite(actions).all():
        place = tuple(np.argwhere(~np.isfinite(actions))[0].tolist())
        raise ValueError(f"actions must be finite, got {actions[place]} at {list(place)}; leave such steps out")
