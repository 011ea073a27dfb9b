"""A SpaceVista model, or any other that `evaluate_metrics` runs with transformers, as a model of lmms-eval."""

from collections import defaultdict

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from tqdm import tqdm

from evaluate_metrics.backends.base import BackendOptions
from evaluate_metrics.backends.transformers import TransformersBackend

MAX_NEW_TOKENS = 1024


class SpaceVista(lmms):
    """A chat model: it takes the messages of a task and answers greedily, in batches."""

    is_simple = False

    def __init__(self, pretrained: str, batch_size: int | str = 1, frames_as_video: bool = True, **_):
        """Load the model.

        Args:
            pretrained: Folder or Hub id; its code is run.
            batch_size: Questions per batch.
            frames_as_video: Whether the images of a message are the frames of one video; not so in tasks that
                compare images.
        """
        super().__init__()
        self._backend = TransformersBackend(BackendOptions("transformers", pretrained, MAX_NEW_TOKENS, None))
        self._batch_size, self._frames_as_video = int(batch_size), frames_as_video

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """Answer requests, in order; those with the same limit of tokens together."""
        groups = defaultdict(list)
        for place, request in enumerate(requests):
            groups[request.args[2].get("max_new_tokens", MAX_NEW_TOKENS)].append(place)
        results: list[GenerationResult | None] = [None] * len(requests)
        with tqdm(total=len(requests), desc="Model Responding") as progress:
            for limit, places in groups.items():
                self._backend.limit(limit)
                for start in range(0, len(places), self._batch_size):
                    batch = places[start : start + self._batch_size]
                    for place, result in zip(batch, self._answer([requests[i] for i in batch]), strict=True):
                        results[place] = result
                    progress.update(len(batch))
        return results

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Refuse: tasks of likelihoods are not supported."""
        raise NotImplementedError("spacevista answers generate_until tasks only")

    def generate_until_multi_round(self, requests: list[Instance]) -> list[str]:
        """Refuse: tasks of several rounds are not supported."""
        raise NotImplementedError("spacevista answers generate_until tasks only")

    def _answer(self, requests: list[Instance]) -> list[GenerationResult]:
        conversations = [self._conversation(*request.args) for request in requests]
        completions = self._backend.complete(self._backend.prepare(conversations))
        return [
            GenerationResult(one.text, TokenCounts(input_tokens=one.tokens_in, output_tokens=one.tokens_out))
            for one in completions
        ]

    def _conversation(self, _context, doc_to_messages, _kwargs, doc_id, task, split) -> list[dict]:
        """Write the messages of a task as ours."""
        messages = doc_to_messages(self.task_dict[task][split][doc_id])
        return [message | {"content": self._content(message["content"])} for message in messages]

    def _content(self, parts: list[dict]) -> list[dict]:
        images = [part["url"] for part in parts if part["type"] == "image"]
        texts = [part for part in parts if part["type"] == "text"]
        if images and self._frames_as_video:
            return [{"type": "video", "video": images}, *texts]
        return [{"type": "image", "image": image} for image in images] + texts
