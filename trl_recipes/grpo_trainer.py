"""GRPO whose every pass sees the video, or the pictures."""

from collections.abc import Callable
from itertools import groupby, islice

import torch
from PIL import Image
from transformers import PreTrainedModel
from trl import GRPOConfig, GRPOTrainer

from trl_recipes.encoding import VISUAL_FEATURES
from trl_recipes.sampling import EpochSampler
from trl_recipes.sequence_features import join_features, split_visuals
from trl_recipes.visual import require_features, token_types
from trl_recipes.vllm_rollout import attach_videos, pack_videos


class SpaceVistaGRPOTrainer(GRPOTrainer):
    """The only change w.r.t. `GRPOTrainer` is that the features of videos reach every pass, not only the rollout.

    A prompt names its video, `{"type": "video", "video": [reference]}`, and `load_video(reference)` returns the
    frames; TRL copies and logs prompts, so the frames themselves stay out of them. Images likewise, and their features
    take the same way, so that prompts of both can be in one batch. TRL 1.16 drops the features after
    the rollout: here they travel with each sequence under the key `features` and meet the model in
    `_get_per_token_logps_and_entropies`, which the old-policy, reference and training passes share. A pass that sees
    visual placeholders without features raises ValueError. The labels that forced gates need travel along.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        *,
        args: GRPOConfig,
        load_video: Callable[[str], list[Image.Image]],
        load_image: Callable[[str], Image.Image] | None = None,
        scale_label: Callable[[dict], int] | None = None,
        **kwargs,
    ):
        """Take what `GRPOTrainer` takes, a loaded model, and more; visual tokens are never sampled.

        Args:
            model: A loaded model, or a PEFT model on one.
            args: As in `GRPOTrainer`.
            load_video: Returns the frames of a reference.
            load_image: Returns the picture of one, where prompts have such.
            scale_label: Returns the place of the expert of a row of the dataset, for forced gates.
            **kwargs: As in `GRPOTrainer`.
        """
        self._load, self._scale_label = {"video": load_video, "image": load_image}, scale_label
        self._labels, self._features, self._frames = [], [], []
        visual = _visual_tokens(model)
        barred = {"logit_bias": dict.fromkeys(visual, -100.0)} if args.use_vllm else {"suppress_tokens": visual}
        args.generation_kwargs = {**barred, **(args.generation_kwargs or {})}
        super().__init__(model, args=args, **kwargs)
        if self.use_vllm:
            attach_videos(self.vllm_generation, model.config.video_token_id)

    def _get_train_sampler(self, dataset=None):
        # The order of TRL's later epochs depends on how often it was drawn before, which a resumed run has not done.
        return EpochSampler(super()._get_train_sampler(dataset), self.args.seed)

    def tokenize_rows(self, rows: list[dict]) -> tuple[list[list[int]], None, dict]:
        """Return the tokens of the prompts of rows of the dataset, None, and the features of their videos."""
        self._take_labels(rows)
        return self._tokenize_prompts([row["prompt"] for row in rows])

    def _take_labels(self, rows):
        label = self._scale_label
        self._labels = [{"scale_labels": torch.tensor([label(row)])} for row in rows] if label else []

    def _tokenize_prompts(self, prompts):
        """Load each video or image and process it once for the whole group; keep the features for all passes."""
        groups = [(prompt, len(list(repeats))) for prompt, repeats in groupby(prompts)]
        loaded = [self._with_frames(prompt) for prompt, _ in groups]
        ids, images, fields = super()._tokenize_prompts(loaded)
        if images is not None and self.use_vllm:
            raise ValueError("prompts hold images, which do not reach vLLM here; give frames as a video")
        self._frames = _repeat([pack_videos(prompt) for prompt in loaded], groups) if self.use_vllm else []
        visuals = _repeat(split_visuals(fields, loaded), groups)
        labels = self._labels or [{}] * len(prompts)
        self._features = [{**visual, **label} for visual, label in zip(visuals, labels, strict=True)]
        fields = {name: _repeat(rows, groups) for name, rows in fields.items() if name not in VISUAL_FEATURES}
        return _repeat(ids, groups), None, {**fields, **join_features(self._features)}

    def _generate_single_turn(self, prompt_ids, images, *args, **kwargs):
        """Send vLLM the frames where TRL sends it images; `vllm_rollout` makes videos of them there."""
        frames = self._frames if any(videos is not None for videos in self._frames) else images
        return super()._generate_single_turn(prompt_ids, frames, *args, **kwargs)

    def _generate_and_score_completions(self, inputs):
        """Send the features along with the sequences, which TRL shuffles and splits into batches."""
        self._take_labels(inputs)
        self._features = []
        return {**super()._generate_and_score_completions(inputs), "features": self._features}

    def _compute_loss(self, model, inputs):
        self._features = inputs["features"]
        return super()._compute_loss(model, inputs)

    def _get_per_token_logps_and_entropies(self, model, input_ids, *args, **kwargs):
        """Hand the model the features of the rows it is called with; TRL calls it in chunks of rows, in order."""
        remaining = iter(self._features)

        def with_features(input_ids, **inputs):
            types = token_types(input_ids, self.model.config)
            features = join_features(list(islice(remaining, len(input_ids))))
            inputs |= {name: values.to(input_ids.device) for name, values in features.items()}
            require_features(types, self.model.config, inputs)
            return model(input_ids=input_ids, **inputs | {"mm_token_type_ids": types})

        return super()._get_per_token_logps_and_entropies(with_features, input_ids, *args, **kwargs)

    def _with_frames(self, prompt: list[dict]) -> list[dict]:
        return [{**message, "content": [self._load_part(part) for part in message["content"]]} for message in prompt]

    def _load_part(self, part: dict) -> dict:
        kind = part["type"]
        return {**part, kind: self._load[kind](part[kind][0])} if kind in self._load else part


def _visual_tokens(model: PreTrainedModel) -> list[int]:
    """List the tokens of pictures, and what the model never writes besides."""
    config = model.config
    visual = (config.image_token_id, config.video_token_id, config.vision_start_token_id, config.vision_end_token_id)
    return sorted({*visual, *(model.generation_config.suppress_tokens or ())})


def _repeat(rows: list, groups: list[tuple]) -> list:
    return [row for row, (_, repeats) in zip(rows, groups, strict=True) for _ in range(repeats)]
