"""Runs a model of the transformers library, in batches."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForImageTextToText, AutoProcessor, BatchFeature, GenerationConfig

from dataset_builders.errors import InputError
from evaluate_metrics.backends.base import BackendOptions, Completion
from evaluate_metrics.backends.gates import mean_over_prompt, watched_gates
from evaluate_metrics.hub import local_folder
from evaluate_metrics.questions import fingerprint, first_line, model_files

_SAVED = "give a folder that save_pretrained of a model and its processor wrote, or a Hub id"


class TransformersBackend:
    """Any `AutoModelForImageTextToText` with its processor, on GPUs in bfloat16 if there are any, else float32.

    Several GPUs share one model, laid out by accelerate.
    """

    def __init__(self, options: BackendOptions):
        """Load the model; code that its folder carries is run.

        Raises:
            InputError: if the folder holds no model, or one whose weights are incomplete.
        """
        folder, self._revision = local_folder(options.model, "model", "--model")
        if not (folder / "config.json").is_file():
            raise InputError(folder, "--model", "holds no config.json", _SAVED)
        self._sha256 = fingerprint(folder, model_files(folder))
        has_gpu = torch.cuda.is_available()
        spread = "auto" if torch.cuda.device_count() > 1 else ("cuda" if has_gpu else None)
        self._model, self._processor = _load(folder, torch.bfloat16 if has_gpu else torch.float32, spread)
        self._model.eval()
        self._processor.tokenizer.padding_side = "left"
        # Set on the model, because what `generate` is given leaves room for the sampling defaults of the folder.
        self._model.generation_config = _greedy(
            self._model.generation_config, self._processor.tokenizer, options.max_new_tokens
        )

    def limit(self, max_new_tokens: int) -> None:
        """Cut completions without end here from now on."""
        self._model.generation_config.max_new_tokens = max_new_tokens

    def describe(self) -> dict[str, Any]:
        """Tell what of the backend moves a score."""
        return {
            "model_sha256": self._sha256,
            "model_revision": self._revision,
            "device": self._model.device.type,
            "num_devices": max(1, torch.cuda.device_count()),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "attention": self._model.config._attn_implementation,
            "decoding": "greedy",
        }

    def prepare(self, conversations: Sequence[list[dict]]) -> BatchFeature:
        """Turn conversations into model inputs, padded on the left to one length."""
        texts = self._processor.apply_chat_template(conversations, tokenize=False, add_generation_prompt=True)
        parts = [part for messages in conversations for message in messages for part in message["content"]]
        media = {f"{kind}s": [part[kind] for part in parts if part["type"] == kind] for kind in ("image", "video")}
        given = {name: values for name, values in media.items() if values}
        return self._processor(text=texts, **given, padding=True, return_tensors="pt")

    @torch.inference_mode()
    def complete(self, prepared: BatchFeature) -> list[Completion]:
        """Answer conversations, each up to its end-of-sequence token."""
        inputs = prepared.to(self._model.device)
        with watched_gates(self._model) as gates:
            written = self._model.generate(**inputs)
        fresh = written[:, inputs["input_ids"].shape[1] :]
        texts = self._processor.tokenizer.batch_decode(fresh, skip_special_tokens=True)
        means_of_all = mean_over_prompt(gates, inputs["attention_mask"])
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        ends = self._model.generation_config.eos_token_id
        ends = torch.tensor(ends if isinstance(ends, list) else [ends], device=fresh.device)
        return [
            Completion(text, None, tokens_in, _count(ids, ends), means)
            for text, tokens_in, ids, means in zip(texts, lengths, fresh, means_of_all, strict=True)
        ]

    def close(self) -> None:
        """Keep the model: it goes with this object."""


def _load(folder: Path, dtype: torch.dtype, device_map: str | None):
    try:
        model, report = AutoModelForImageTextToText.from_pretrained(
            folder, trust_remote_code=True, dtype=dtype, device_map=device_map, output_loading_info=True
        )
        processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
    except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
        raise InputError(folder, "--model", f"cannot be loaded ({first_line(error)})", _SAVED) from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise InputError(folder, missing[0], f"is one of {len(missing)} weights that are missing", _SAVED)
    return model, processor


def _greedy(own: GenerationConfig, tokenizer, max_new_tokens: int) -> GenerationConfig:
    """Keep the model's own ends and suppressed tokens, and take the likeliest token at every step."""
    ends = tokenizer.eos_token_id if own.eos_token_id is None else own.eos_token_id
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=ends,
        pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        suppress_tokens=own.suppress_tokens,
    )


def _count(ids: torch.Tensor, ends: torch.Tensor) -> int:
    """Count the tokens (T,) up to and with the first end; what follows is padding."""
    places = torch.isin(ids, ends).nonzero()
    return int(places[0]) + 1 if len(places) else len(ids)
