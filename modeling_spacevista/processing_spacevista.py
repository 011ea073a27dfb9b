"""Processor of SpaceVista: Qwen2.5-VL's, which also reads videos, selects and marks frames, carries geometry."""

from collections.abc import Sequence

import torch
from transformers import BatchFeature, Qwen2_5_VLProcessor

from .clips import load_clip
from .content import LIMITS, SELECTION, gather_geometry, list_requests, split_images, spread_regions, with_requests
from .geometry import flatten_geometry
from .selection import Selection

CALL = (*SELECTION, *LIMITS, "video_metadata", "do_sample_frames")

# What the model calls the tokens of each kind.
GEOMETRY = ("image_geometry", "video_geometry")


class SpaceVistaProcessor(Qwen2_5_VLProcessor):
    """The only change w.r.t. `Qwen2_5_VLProcessor` is what a video may be; the tensors of given frames are the same.

    A video is a path, the bytes of a file, a list of PIL images, or an array or tensor of frames. A content part of a
    conversation (or, in `videos`, a mapping like it) says which frames are wanted and what is marked on them:

        conversation = [{"role": "user", "content": [
            {"type": "video", "video": "room.mp4", "num_frames": 16, "regions": [
                {"frame_index": 40, "kind": "point", "colour": "red", "point": [410, 220]},
                {"frame_index": 40, "kind": "bbox", "colour": "blue", "bbox": [96, 50, 300, 280]}]},
            {"type": "text", "text": "How far is the red point from the object in the blue box?"}]}]
        inputs = processor.apply_chat_template(
            conversation, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt")

    Keys of a part, all optional:

    - one of `num_frames`, `fps`, `frame_indices`: which frames, see `Selection`; without them, all. A video that has
      fewer is refused;
    - `regions`: marks to draw, see `check_regions`; their frames are always among the selected;
    - `max_frame_pixels`, `max_video_pixels`: most pixels of a frame, and of all frames together, after resizing;
    - `geometry` (of images, too): precomputed geometry tokens, see `flatten_geometry`.

    The same names are arguments of a call, then for all videos (`processor_kwargs` of `apply_chat_template`).
    """

    def __init__(self, image_processor=None, tokenizer=None, video_processor=None, chat_template=None, **kwargs):
        """Take the parts, as `Qwen2_5_VLProcessor` does."""
        super().__init__(image_processor, tokenizer, video_processor, chat_template=chat_template, **kwargs)

    def apply_chat_template(self, conversation, *args, **kwargs):
        """Write a conversation as a prompt and, with `tokenize=True`, prepare it; as in `Qwen2_5_VLProcessor`."""
        return super().apply_chat_template(with_requests(conversation), *args, **kwargs)

    def __call__(self, images=None, text=None, videos=None, *, regions=None, geometry=None, **kwargs) -> BatchFeature:
        """Prepare a batch; other arguments and the result are those of `Qwen2_5_VLProcessor`.

        Args:
            images: as in `Qwen2_5_VLProcessor`.
            text: prompts.
            videos: see `list_videos`; an entry may also be a mapping like a content part.
            regions: per video, its regions or None.
            geometry: per image and then per video, its geometry tokens.
            kwargs: also `num_frames`, `fps`, `frame_indices`, `max_frame_pixels` and `max_video_pixels`.

        Returns:
            With geometry, `image_geometry` and `video_geometry` too: (visual tokens of the kind, C) float32.

        Raises:
            ValueError: names the expected and the given value.
        """
        nested = dict(kwargs.pop("videos_kwargs", None) or {})
        options = {name: source.pop(name) for source in (nested, kwargs) for name in CALL if name in source}
        images, of_images = split_images(images)
        requests = spread_regions(regions, list_requests(videos))
        clips, metadata = _load(requests, options)
        if clips:
            # They are selected: a sampling of the library would be a second one.
            nested |= {"video_metadata": metadata, "do_sample_frames": False}
        outputs = super().__call__(images, text, clips or None, videos_kwargs=nested, **kwargs)
        geometry = gather_geometry(geometry, [*of_images, *(request.get("geometry") for request in requests)])
        if geometry is not None:
            tokens = flatten_geometry(geometry, _grids(outputs), self.video_processor.merge_size)
            images_end = _count_tokens(outputs.get("image_grid_thw", ()), self.image_processor.merge_size)
            for name, part in zip(GEOMETRY, (tokens[:images_end], tokens[images_end:]), strict=True):
                if len(part):
                    outputs[name] = part.numpy() if kwargs.get("return_tensors") == "np" else part
        return outputs

    @property
    def model_input_names(self):
        """Names of what a call may return for the model."""
        return [*super().model_input_names, *GEOMETRY]

    def _process_videos(self, videos, video_metadata, **kwargs):
        """Process each video by itself, because a limit of pixels gives each its own size."""
        data, replacements = {}, []
        for video, metadata in zip(videos, video_metadata, strict=True):
            limited = self._limit(metadata.max_pixels, kwargs) if metadata.max_pixels else kwargs
            one, replacement = super()._process_videos(
                [video], video_metadata=[metadata], **{**limited, "return_tensors": "pt"}
            )
            self._check_limit(metadata.max_pixels, one["video_grid_thw"][0])
            for name, value in one.items():
                data.setdefault(name, []).append(value)
            replacements += replacement
        joined = {name: _join(parts) for name, parts in data.items()}
        return BatchFeature(joined), replacements

    def _limit(self, max_pixels, kwargs):
        size = kwargs.get("size") or self.video_processor.size
        longest = min(size["longest_edge"], max_pixels)
        # The library lets a frame have 1.05 times the lower limit, whatever the upper one is.
        return {
            **kwargs,
            "size": {"longest_edge": longest, "shortest_edge": min(size["shortest_edge"], int(longest / 1.05))},
        }

    def _check_limit(self, max_pixels, grid):
        _, height, width = (side * self.video_processor.patch_size for side in grid.tolist())
        if max_pixels and height * width > max_pixels:
            raise ValueError(
                f"a frame cannot be made that small, expected at most {max_pixels} pixels after resizing, "
                f"got at least {width}x{height}; select fewer frames or raise the limit"
            )


def _load(requests, options):
    """Load the videos: (frames of each, metadata of each)."""
    metadata = _list_metadata(options.pop("video_metadata", None), len(requests))
    if options.pop("do_sample_frames", None) is False:
        options = {name: value for name, value in options.items() if name not in SELECTION}
    clips = []
    for place, (request, known) in enumerate(zip(requests, metadata, strict=True)):
        own = {name: request[name] for name in SELECTION if request.get(name) is not None}
        selection = Selection(**own) if own else Selection(**{k: options[k] for k in SELECTION if k in options})
        clip, metadata[place] = load_clip(request["video"], selection, request.get("regions"), known)
        clips.append(clip)
        metadata[place].max_pixels = _max_pixels({**options, **request}, len(clip))
    return clips, metadata


def _list_metadata(metadata, number) -> list:
    """List the metadata of videos, of which there may be one alone or lists in lists; None for each without any."""
    if metadata is None:
        return [None] * number
    items = metadata if isinstance(metadata, (list, tuple)) else [metadata]
    listed = [one for item in items for one in (item if isinstance(item, (list, tuple)) else [item])]
    if len(listed) != number:
        raise ValueError(f"video_metadata needs one entry per video, expected {number}, got {len(listed)}")
    return listed


def _max_pixels(options, num_frames) -> int | None:
    """Return the most pixels that a frame may have under both limits."""
    for name in LIMITS:
        if options.get(name) is not None and not options[name] > 0:
            raise ValueError(f"{name} must be above 0, got {options[name]}")
    of_frame, of_video = (options.get(name) for name in LIMITS)
    limits = [of_frame, of_video // num_frames if of_video is not None else None]
    return min((max(1, int(limit)) for limit in limits if limit is not None), default=None)


def _join(parts):
    """Join tensors or lists of single videos; one alone is not copied."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts) if torch.is_tensor(parts[0]) else [entry for part in parts for entry in part]


def _grids(outputs) -> list[Sequence[int]]:
    return [
        grid for name in ("image_grid_thw", "video_grid_thw") if name in outputs for grid in outputs[name].tolist()
    ]


def _count_tokens(grids, merge_size: int) -> int:
    return sum(int(t) * int(h) * int(w) for t, h, w in grids) // merge_size**2


SpaceVistaProcessor.register_for_auto_class()
