"""Rollouts by vLLM on video prompts.

TRL 1.16 hands vLLM token ids and images. Here the frames take the place of the images, as arrays, so that TRL's own
code gathers, sends and slices them, wakes the engine and syncs the weights; at its door to vLLM, the engine of the
colocated mode or the client of a server, they become what vLLM documents for videos.

vLLM puts as many tokens in the place of a placeholder as the video has features, while the prompts here hold them
already, because the other passes need them: each run is made one placeholder again for the colocated engine. That both
sides then read the same prompt is checked on what the engine returns.
"""

import base64
from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from itertools import groupby

import numpy as np
from PIL import Image
from trl.generation.vllm_generation import VLLMGeneration

# What the processor takes for frames without a rate, which ours are.
FRAMES_PER_SECOND = 24.0
INSTALL = "pip install 'trl[vllm]' on a machine with a GPU, or leave out --use_vllm: transformers writes the rollouts"


def vllm_is_installed() -> bool:
    """Tell whether rollouts can be written by vLLM here."""
    return find_spec("vllm") is not None


def pack_videos(prompt: Sequence[dict]) -> list[np.ndarray] | None:
    """Return the videos of a conversation whose parts hold frames, each (T, H, W, 3) uint8; None without any."""
    parts = [part for message in prompt for part in message["content"] if part["type"] == "video"]
    return [np.stack([np.asarray(frame.convert("RGB")) for frame in part["video"]]) for part in parts] or None


def attach_videos(generation: VLLMGeneration, video_token_id: int) -> None:
    """Put `VideoEngine` before TRL's engine, or `VideoClient` before its client, which the main process has."""
    if generation.mode == "colocate":
        generation.llm = VideoEngine(generation.llm, video_token_id)
    elif generation.accelerator.is_main_process:
        generation.vllm_client = VideoClient(generation.vllm_client, video_token_id)


class VideoEngine:
    """A vLLM engine that takes videos where TRL gives it images; all else is the engine's."""

    def __init__(self, engine, video_token_id: int):
        """Take a `vllm.LLM` and the token that stands for a part of a video."""
        self._engine, self._token = engine, video_token_id

    def __getattr__(self, name):
        """Return what the engine has."""
        return getattr(self._engine, name)

    def generate(self, prompts: list[dict], *args, **kwargs) -> list:
        """Generate from prompts of `prompt_token_ids` and `multi_modal_data`, as `LLM.generate`.

        Raises:
            ValueError: if the engine read another prompt than the other passes will.
        """
        outputs = self._engine.generate([self._as_video(prompt) for prompt in prompts], *args, **kwargs)
        for prompt, output in zip(prompts, outputs, strict=True):
            if list(output.prompt_token_ids) != list(prompt["prompt_token_ids"]):
                raise ValueError(
                    f"vLLM read a prompt of {len(output.prompt_token_ids)} tokens, the training pass reads one of "
                    f"{len(prompt['prompt_token_ids'])}; give vLLM the processor of the trained model"
                )
        return outputs

    def _as_video(self, prompt: dict) -> dict:
        if "multi_modal_data" not in prompt:
            return prompt
        videos = prompt["multi_modal_data"]["image"]
        videos = videos if isinstance(videos, list) else [videos]
        runs = groupby(prompt["prompt_token_ids"])
        ids = [token for kind, run in runs for token in ([kind] if kind == self._token else run)]
        return {
            **prompt,
            "prompt_token_ids": ids,
            "multi_modal_data": {"video": [(video, frame_metadata(len(video))) for video in videos]},
        }


class VideoClient:
    """TRL's client of a vLLM server, which sends videos where TRL gives it images; all else is the client's."""

    def __init__(self, client, video_token_id: int):
        """Take a `VLLMClient` and the token that stands for a part of a video."""
        self._client, self._token = client, video_token_id

    def __getattr__(self, name):
        """Return what the client has."""
        return getattr(self._client, name)

    def image_features(self, images: list[list[np.ndarray] | None]) -> list[dict | None]:
        """Have the server process the videos of each prompt, and keep its answer for `generate`.

        The entry `mm_placeholders` says that there are no images to place, which is what TRL looks for in it.
        """
        return [videos and {"mm_placeholders": {"image": []}, "videos": self._processed(videos)} for videos in images]

    def generate(self, prompts: list[list[int]], features: list[dict | None] | None = None, **kwargs) -> dict:
        """Generate as `VLLMClient.generate`, from the features of videos.

        Raises:
            ValueError: if the server made other features of the videos than the prompts have tokens for.
        """
        if features is not None:
            pairs = zip(prompts, features, strict=True)
            features = [given and self._placed(given["videos"], prompt) for prompt, given in pairs]
        return self._client.generate(prompts=prompts, features=features, **kwargs)

    def _processed(self, videos: list[np.ndarray]) -> dict:
        client = self._client
        content = [{"type": "video_url", "video_url": {"url": frames_url(video)}} for video in videos]
        request = {
            "model": client.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": 1,
            "media_io_kwargs": {"video": {"num_frames": -1, "fps": FRAMES_PER_SECOND}},
        }
        return client._post(f"{client.base_url}/v1/chat/completions/render", json=request)["features"]

    def _placed(self, features: dict, prompt: list[int]) -> dict:
        """Point the features at the runs of video tokens in `prompt`, as TRL does for images."""
        runs, start = [], 0
        for token, run in groupby(prompt):
            length = len(list(run))
            if token == self._token:
                runs.append({"offset": start, "length": length})
            start += length
        lengths = [place["length"] for place in features["mm_placeholders"]["video"]]
        if lengths != [run["length"] for run in runs]:
            raise ValueError(
                f"the vLLM server made {lengths} tokens of the videos, the training pass reads "
                f"{[run['length'] for run in runs]}; serve the model with its own processor"
            )
        return {**features, "mm_placeholders": {**features["mm_placeholders"], "video": runs}}


def frame_metadata(number: int) -> dict:
    """Describe frames that are to be taken as they are, as vLLM passes it on to the processor."""
    return {
        "fps": FRAMES_PER_SECOND,
        "duration": number / FRAMES_PER_SECOND,
        "total_num_frames": number,
        "frames_indices": list(range(number)),
        "video_backend": "opencv",
        "do_sample_frames": False,
    }


def frames_url(video: np.ndarray) -> str:
    """Write a video (T, H, W, 3) as vLLM takes decoded frames in a URL; PNG, so that the pixels stay as they are."""
    return "data:video/jpeg;base64," + ",".join(_png(frame) for frame in video)


def _png(frame: np.ndarray) -> str:
    buffer = BytesIO()
    Image.fromarray(frame).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")
