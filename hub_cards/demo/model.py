"""The model behind the page: it writes a reply token by token, and shows how its experts were gated."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import BatchFeature, StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

from dataset_builders.errors import InputError
from evaluate_metrics.backends.base import BackendOptions
from evaluate_metrics.backends.transformers import TransformersBackend
from hub_cards.demo.limits import Limits


@dataclass(frozen=True)
class Reply:
    """What the model has written so far.

    Attributes:
        text: Without special tokens.
        cut: Why it ends before its end, in a few words; empty while it is written, and where it came to its end.
        gates: (N, 1, T, E) of prompt and reply, once it is written; None where no router gates experts.
    """

    text: str
    cut: str = ""
    gates: torch.Tensor | None = None


class StreamingModel(TransformersBackend):
    """The only change w.r.t. `TransformersBackend` is that one conversation is answered word by word."""

    def __init__(self, name: str, limits: Limits):
        """Load a model as evaluation does.

        Args:
            name: Folder or Hub id.
            limits: Of tokens and seconds per answer.

        Raises:
            InputError: if it cannot be loaded, or its gates need a scale label with every question.
        """
        # Replies of a server are kept in a folder; there is no server.
        super().__init__(BackendOptions("transformers", name, limits.max_new_tokens, replies=Path()))
        self._limits = limits
        if getattr(self._model.config, "gate_mode", None) == "forced":
            fix = 'train its router, or set gate_mode to "uniform" in its config.json'
            raise InputError(name, "--model", "has gates that are forced by scale labels, which videos lack", fix)

    @property
    def expert_scales(self) -> list[str]:
        """Names of the experts; empty where no router gates any."""
        config = self._model.config
        routed = getattr(config, "num_experts", 0) and config.gate_mode == "router"
        return list(config.expert_scales) if routed else []

    def stream(self, messages: list[dict]) -> Iterator[Reply]:
        """Answer a conversation; a caller that stops early stops the model.

        Args:
            messages: As `to_messages` writes them.

        Yields:
            The reply as it grows, and at last with its gates.

        Raises:
            RuntimeError: or what else the model raises.
        """
        inputs = self.prepare([messages]).to(self._model.device)
        streamer = TextIteratorStreamer(self._processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
        stop, text = threading.Event(), ""
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(self._write, inputs, streamer, stop)
            try:
                for piece in streamer:
                    if piece:
                        text += piece
                        yield Reply(text)
            finally:
                stop.set()
        written = future.result()
        yield Reply(text, self._cut(written, inputs["input_ids"].shape[1]), self._gates(inputs, written))

    @torch.inference_mode()
    def _write(self, inputs: BatchFeature, streamer: TextIteratorStreamer, stop: threading.Event) -> torch.Tensor:
        try:
            return self._model.generate(
                **inputs,
                streamer=streamer,
                max_time=self._limits.answer_seconds,
                stopping_criteria=StoppingCriteriaList([_Stopped(stop)]),
            )
        finally:
            # An error in between would leave the reader waiting.
            streamer.end()

    def _cut(self, written: torch.Tensor, prompt: int) -> str:
        """Tell why a reply (1, T) that starts after `prompt` tokens has no end; empty if it has one."""
        ends = self._model.generation_config.eos_token_id
        if int(written[0, -1]) in (ends if isinstance(ends, list) else [ends]):
            return ""
        if written.shape[1] - prompt >= self._limits.max_new_tokens:
            return f"{self._limits.max_new_tokens} tokens"
        return f"{self._limits.answer_seconds:g} s"

    @torch.inference_mode()
    def _gates(self, inputs: BatchFeature, written: torch.Tensor) -> torch.Tensor | None:
        """Run the model once more over prompt and reply (1, T), and return the gates (N, 1, T, E)."""
        if not self.expert_scales:
            return None
        whole = {**inputs, "input_ids": written, "attention_mask": torch.ones_like(written)}
        if "mm_token_type_ids" in whole:
            kinds = whole["mm_token_type_ids"]
            whole["mm_token_type_ids"] = torch.cat(
                [kinds, kinds.new_zeros(1, written.shape[1] - kinds.shape[1])], dim=1
            )
        return self._model(**whole, output_gates=True, use_cache=False, logits_to_keep=1).gates.float().cpu()


class _Stopped(StoppingCriteria):
    """Ends generation once nobody reads it any more."""

    def __init__(self, stop: threading.Event):
        self._stop = stop

    def __call__(self, input_ids, scores, **kwargs):
        return torch.full((len(input_ids),), self._stop.is_set(), device=input_ids.device, dtype=torch.bool)
