"""Runs a model of the transformers library: conversations in, completions out, greedily and in batches."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

from dataset_builders.errors import InputError
from evaluate_metrics.questions import first_line, model_files

_SAVED = "give a folder that save_pretrained of a model and its processor wrote"


class TransformersBackend:
    """Any `AutoModelForImageTextToText` with its processor, on the GPU in bfloat16 if there is one, else float32."""

    def __init__(self, folder: Path, max_new_tokens: int):
        """Load the model; code that its folder carries is run.

        Args:
            folder: What `save_pretrained` wrote.
            max_new_tokens: Where a completion without end is cut.

        Raises:
            InputError: if the folder holds no model, or one whose weights are incomplete.
        """
        if not (folder / "config.json").is_file():
            raise InputError(folder, "--model", "holds no config.json", _SAVED)
        self._folder = folder
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model, self._processor = _load(folder, torch.bfloat16 if self.device == "cuda" else torch.float32)
        self._model.to(self.device).eval()
        self._processor.tokenizer.padding_side = "left"
        # Set on the model, because what `generate` is given leaves room for the sampling defaults of the folder.
        self._model.generation_config = _greedy(
            self._model.generation_config, self._processor.tokenizer, max_new_tokens
        )

    def files(self) -> list[Path]:
        """List the files of the folder that decide what the model writes."""
        return model_files(self._folder)

    def describe(self) -> dict[str, str]:
        """Tell what of the backend moves a score."""
        return {
            "device": self.device,
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "attention": self._model.config._attn_implementation,
            "decoding": "greedy",
        }

    def encode(self, conversations: Sequence[list[dict]]) -> dict[str, torch.Tensor]:
        """Turn conversations into model inputs, padded on the left to one length."""
        texts = self._processor.apply_chat_template(conversations, tokenize=False, add_generation_prompt=True)
        parts = [part for messages in conversations for message in messages for part in message["content"]]
        videos = [part["video"] for part in parts if part["type"] == "video"]
        return self._processor(text=texts, videos=videos or None, padding=True, return_tensors="pt")

    @torch.inference_mode()
    def complete(self, conversations: Sequence[list[dict]]) -> list[str]:
        """Answer conversations, each up to its end-of-sequence token."""
        inputs = self.encode(conversations).to(self.device)
        written = self._model.generate(**inputs)
        fresh = written[:, inputs["input_ids"].shape[1] :]
        return self._processor.tokenizer.batch_decode(fresh, skip_special_tokens=True)


def _load(folder: Path, dtype: torch.dtype):
    try:
        model, report = AutoModelForImageTextToText.from_pretrained(
            folder, trust_remote_code=True, dtype=dtype, output_loading_info=True
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
