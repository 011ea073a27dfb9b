"""Runs a model in this process with vLLM, through its documented `LLM.chat`."""

from collections.abc import Sequence
from typing import Any

from evaluate_metrics.backends.base import BackendOptions, Completion
from evaluate_metrics.backends.encoding import to_openai
from evaluate_metrics.hub import local_folder
from evaluate_metrics.questions import fingerprint, model_files

SEED, DTYPE = 0, "bfloat16"


class VllmBackend:
    """Any model that vLLM serves, on all GPUs of the machine by tensor parallelism."""

    def __init__(self, options: BackendOptions):
        """Load the model; code that its folder carries is run.

        Raises:
            InputError: if there is no such model.
        """
        # Here, because neither is there without the package.
        import torch
        import vllm

        folder, self._revision = local_folder(options.model, "model", "--model")
        self._sha256 = fingerprint(folder, model_files(folder))
        self._media = options.media
        self._num_devices = max(1, torch.cuda.device_count())
        self._model = vllm.LLM(
            str(folder), trust_remote_code=True, dtype=DTYPE, seed=SEED, tensor_parallel_size=self._num_devices
        )
        self._sampling = vllm.SamplingParams(temperature=0, max_tokens=options.max_new_tokens, seed=SEED)

    def describe(self) -> dict[str, Any]:
        """Tell what of the backend moves a score."""
        return {
            "model_sha256": self._sha256,
            "model_revision": self._revision,
            "media": self._media,
            "device": "cuda",
            "num_devices": self._num_devices,
            "dtype": DTYPE,
            "attention": "chosen by vLLM",
            "decoding": "temperature 0",
            "seed": SEED,
        }

    def prepare(self, conversations: Sequence[list[dict]]) -> list[list[dict]]:
        """Write conversations in the form of the OpenAI chat API."""
        return [to_openai(messages, self._media) for messages in conversations]

    def complete(self, prepared: Sequence[list[dict]]) -> list[Completion]:
        """Answer conversations."""
        outputs = self._model.chat(list(prepared), self._sampling, use_tqdm=False)
        return [
            Completion(
                output.outputs[0].text, None, len(output.prompt_token_ids or ()), len(output.outputs[0].token_ids)
            )
            for output in outputs
        ]

    def close(self) -> None:
        """Keep the model: it goes with this object."""
