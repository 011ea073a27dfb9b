"""GRPO whose every pass sees the video."""

from collections.abc import Callable
from itertools import groupby, islice

import torch
from PIL import Image
from transformers import PreTrainedModel
from trl import GRPOConfig, GRPOTrainer

from trl_recipes.data import VIDEO_FEATURES, as_tensor
from trl_recipes.visual import require_features, token_types


class SpaceVistaGRPOTrainer(GRPOTrainer):
    """The only change w.r.t. `GRPOTrainer` is that the features of videos reach every pass, not only the rollout.

    A prompt names its video, `{"type": "video", "video": [reference]}`, and `load_video(reference)` returns the
    frames; TRL copies and logs prompts, so the frames themselves stay out of them. TRL 1.16 drops the features after
    the rollout: here they travel with each sequence under the key `videos` and meet the model in
    `_get_per_token_logps_and_entropies`, which the old-policy, reference and training passes share. A pass that sees
    visual placeholders without features raises ValueError.
    """

    def __init__(
        self, model: PreTrainedModel, *, args: GRPOConfig, load_video: Callable[[str], list[Image.Image]], **kwargs
    ):
        """Take what `GRPOTrainer` takes, a loaded model, and `load_video`; visual tokens are never sampled."""
        config = model.config
        visual = {
            config.image_token_id,
            config.video_token_id,
            config.vision_start_token_id,
            config.vision_end_token_id,
        }
        suppressed = sorted(visual.union(model.generation_config.suppress_tokens or ()))
        args.generation_kwargs = {"suppress_tokens": suppressed, **(args.generation_kwargs or {})}
        self._load_video, self._videos = load_video, []
        super().__init__(model, args=args, **kwargs)

    def _tokenize_prompts(self, prompts):
        """Load each video and process it once for the whole group; keep the features for the other passes."""
        groups = [(prompt, len(list(repeats))) for prompt, repeats in groupby(prompts)]
        ids, images, fields = super()._tokenize_prompts([self._with_frames(prompt) for prompt, _ in groups])
        if images is not None:
            raise ValueError("prompts hold images; give frames as a video, or use GRPOTrainer, which takes images")
        videos = _split_videos(fields, [_count_videos(prompt) for prompt, _ in groups])
        self._videos = _repeat(videos, groups)
        fields = {name: _repeat(rows, groups) for name, rows in fields.items() if name not in VIDEO_FEATURES}
        return _repeat(ids, groups), None, {**fields, **_join_videos(self._videos)}

    def _generate_and_score_completions(self, inputs):
        """Send the features along with the sequences, which TRL shuffles and splits into batches."""
        self._videos = []
        return {**super()._generate_and_score_completions(inputs), "videos": self._videos}

    def _compute_loss(self, model, inputs):
        self._videos = inputs["videos"]
        return super()._compute_loss(model, inputs)

    def _get_per_token_logps_and_entropies(self, model, input_ids, *args, **kwargs):
        """Hand the model the videos of the rows it is called with; TRL calls it in chunks of rows, in order."""
        remaining = iter(self._videos)

        def with_videos(input_ids, **inputs):
            types = token_types(input_ids, self.model.config)
            videos = _join_videos(list(islice(remaining, len(input_ids))))
            inputs |= {name: values.to(input_ids.device) for name, values in videos.items()}
            require_features(types, self.model.config, inputs)
            return model(input_ids=input_ids, **inputs | {"mm_token_type_ids": types})

        return super()._get_per_token_logps_and_entropies(with_videos, input_ids, *args, **kwargs)

    def _with_frames(self, prompt: list[dict]) -> list[dict]:
        return [{**message, "content": [self._load_part(part) for part in message["content"]]} for message in prompt]

    def _load_part(self, part: dict) -> dict:
        return {**part, "video": self._load_video(part["video"][0])} if part["type"] == "video" else part


def _count_videos(prompt: list[dict]) -> int:
    return sum(part["type"] == "video" for message in prompt for part in message["content"])


def _split_videos(fields: dict, counts: list[int]) -> list[dict[str, torch.Tensor]]:
    """Split the features of a batch into one dictionary per prompt, empty for a prompt without video."""
    present = {name: as_tensor(fields[name]) for name in VIDEO_FEATURES if name in fields}
    if not present:
        return [{} for _ in counts]
    grids = present["video_grid_thw"].split(counts)
    patches = [int(grid.prod(-1).sum()) for grid in grids]
    sizes = {name: patches if name == "pixel_values_videos" else counts for name in present}
    columns = {name: values.split(sizes[name]) for name, values in present.items()}
    return [
        {name: column[row] for name, column in columns.items()} if count else {} for row, count in enumerate(counts)
    ]


def _join_videos(videos: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Concatenate what `_split_videos` split, in any order; an empty dictionary where no prompt has a video."""
    present = [video for video in videos if video]
    return {name: torch.cat([video[name] for video in present]) for name in (present[0] if present else ())}


def _repeat(rows: list, groups: list[tuple]) -> list:
    return [row for row, (_, repeats) in zip(rows, groups, strict=True) for _ in range(repeats)]
