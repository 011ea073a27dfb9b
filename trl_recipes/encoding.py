"""Row → the tokens of its conversation, with a label on every token that the assistant writes.

Legend: L tokens, V images or videos, P patches of all of them, D values per patch.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch.utils.data import get_worker_info
from transformers import PretrainedConfig, ProcessorMixin

from dataset_builders.conversation import FrameStore, to_messages
from dataset_builders.general import RowError, general_messages, picture_size, row_name
from trl_recipes.arguments import one_line

VIDEO_FEATURES = ("pixel_values_videos", "video_grid_thw", "second_per_grid_ts")
VISUAL_FEATURES = ("pixel_values", "image_grid_thw", *VIDEO_FEATURES)
IGNORED = -100
MAX_WORKERS = 1024

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """One conversation.

    Attributes:
        input_ids: (L,).
        labels: (L,), the token where the assistant wrote it, else `IGNORED`.
        features: `pixel_values` (P, D), `image_grid_thw` (V, 3), `pixel_values_videos` (P, D), `video_grid_thw`
            (V, 3), `second_per_grid_ts` (V,); each where there are such.
        scale_label: The number of its scale, where those are asked for.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    features: dict[str, torch.Tensor] = field(default_factory=dict)
    scale_label: int | None = None


class BadRows:
    """What to do about rows that cannot be read, and how many there were, in this process and its workers."""

    def __init__(self, policy: str = "fail"):
        """Choose `fail` or `skip`."""
        self.policy = policy
        # In shared memory, a place for the process and each of its workers: no two write to the same.
        self._counts = torch.zeros(1 + MAX_WORKERS, dtype=torch.int64).share_memory_()

    @property
    def count(self) -> int:
        """Rows skipped so far; one that comes in two epochs counts twice."""
        return int(self._counts.sum())

    def handle(self, error: RowError) -> None:
        """Name the row and go on, or stop.

        Raises:
            RowError: under `fail`.
        """
        if self.policy == "fail":
            fix = f"{error.fix}, or give --on_bad_video skip"
            raise RowError(error.place, error.field, error.problem, fix) from error
        worker = get_worker_info()
        self._counts[0 if worker is None else 1 + worker.id] += 1
        logger.warning("skipped: %s", error)


class SampleEncoder:
    """Turns rows into samples: questions of a dataset, and rows of general data.

    The text before each reply is tokenised by itself, as a rollout would read it, and the reply's tokens follow, so
    that training sees the tokens that generation would.
    """

    def __init__(
        self,
        processor: ProcessorMixin,
        config: PretrainedConfig,
        frames: FrameStore,
        with_rationale: bool = True,
        num_frames: int | None = None,
        max_length: int | None = None,
        bad_rows: BadRows | None = None,
        scale_label: Callable[[dict], int] | None = None,
    ):
        """Take what makes a sample.

        Args:
            processor: The model's.
            config: The model's.
            frames: The frames of the questions.
            with_rationale: Keep the reasoning in the replies; without it they go straight to anchors and answer.
            num_frames: Frames taken of a video file of general data; left out, all.
            max_length: Most tokens of a sample, whose last reply then loses its end; visual tokens are never cut off.
            bad_rows: What to do about rows that cannot be read; left out, fail.
            scale_label: Returns the number of a row's scale, for samples that need it.
        """
        self.processor, self.config, self.frames, self.with_rationale = processor, config, frames, with_rationale
        self.num_frames, self.max_length = num_frames, max_length
        self.bad_rows, self.scale_label = bad_rows or BadRows(), scale_label
        self._kinds = {config.image_token_id: "image", config.video_token_id: "video"}

    def __call__(self, rows: Sequence[dict]) -> list[Sample]:
        """Encode rows; those that cannot be read are left out under `skip`.

        Where none is left, one sample without a loss stands for them, so that a step of several processes can be
        taken.

        Raises:
            RowError: if a row cannot be read, under `fail`.
        """
        samples = []
        for row in rows:
            try:
                samples.append(self.encode(row))
            except RowError as error:
                self.bad_rows.handle(error)
        return samples or [self._blank()]

    def encode(self, row: dict) -> Sample:
        """Encode one row.

        Raises:
            RowError: if its frames, pictures, videos or messages cannot be read, or it has no reply.
        """
        messages = to_messages(self._taught(row), None if "messages" in row else self.frames.frames(row), True)
        pieces, features = self._pieces(messages, row), self._features(messages, row)
        sizes = {kind: self._sizes(features.get(f"{kind}_grid_thw")) for kind in self._kinds.values()}
        input_ids, labels = self._tokens(pieces, sizes, row)
        label = None if self.scale_label is None else self.scale_label(row)
        return Sample(torch.tensor(input_ids), torch.tensor(labels), features, label)

    def length(self, row: dict) -> int:
        """Count the tokens of `encode(row)` without decoding a picture (a video file has to be read).

        Raises:
            RowError: if the row cannot be read.
        """
        if row.get("videos") and not all(isinstance(video, list) for video in row["videos"]):
            return len(self.encode(row).input_ids)
        if "messages" in row:
            messages, sizes = general_messages(row, decode=False), self._general_sizes(row)
        else:
            seen = row["video"] is not None
            messages = to_messages(self._taught(row), ["placeholder"] if seen else None, True)
            sizes = [("video", self.frames.size(row))] if seen else []
        counts: dict[str, list[int]] = {kind: [] for kind in self._kinds.values()}
        for kind, size in sizes:
            counts[kind].append(self._visual_tokens(kind, size))
        return len(self._tokens(self._pieces(messages, row), counts, row)[0])

    def _tokens(
        self, pieces: list[tuple[str, bool]], sizes: dict[str, list[int]], row: dict
    ) -> tuple[list[int], list[int]]:
        """Return tokens and labels of a conversation.

        Args:
            pieces: From `_pieces`.
            sizes: How many tokens each image and each video fills, by kind.
            row: To name it.
        """
        remaining = {token: iter(sizes[kind]) for token, kind in self._kinds.items()}
        input_ids, labels = [], []
        for text, is_reply in pieces:
            ids = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
            # As the processor does: as many placeholders as the image or video fills.
            ids = [
                same for token in ids for same in [token] * (next(remaining[token], 1) if token in remaining else 1)
            ]
            input_ids += ids
            labels += ids if is_reply else [IGNORED] * len(ids)
        if any(token in self._kinds for token in input_ids[self.max_length or len(input_ids) :]):
            problem = f"{self.max_length} is too short for the frames"
            raise RowError(row_name(row), "max_length", problem, "raise --max_length or lower --num_frames")
        return input_ids[: self.max_length], labels[: self.max_length]

    def _taught(self, row: dict) -> dict:
        if self.with_rationale or "messages" in row:
            return row
        turns = [{**turn, "rationale": None} for turn in row.get("turns") or ()]
        return {**row, "rationale": None, "turns": turns}

    def _pieces(self, messages: list[dict], row: dict) -> list[tuple[str, bool]]:
        """Cut a conversation into what the assistant reads and what it writes, in turn: (text, is a reply)."""
        kept = ("type", "text")
        plain = [
            {**message, "content": [{key: part[key] for key in kept if key in part} for part in message["content"]]}
            for message in messages
        ]
        read, pieces = "", []
        for place, message in enumerate(plain):
            if message["role"] == "assistant":
                prompt = self.processor.apply_chat_template(plain[:place], add_generation_prompt=True, tokenize=False)
                if not prompt.startswith(read):
                    problem = "are written anew by the chat template when another turn follows"
                    raise RowError(row_name(row), "messages", problem, "give one reply a row")
                reply = "".join(part["text"] for part in message["content"]) + self.processor.tokenizer.eos_token
                pieces += [(prompt[len(read) :], False), (reply, True)]
                read = prompt + reply
        if not pieces:
            raise RowError(row_name(row), "messages", "have no reply", "end them with a message of the assistant")
        self._check_placeholders(read, plain, row)
        return pieces

    def _check_placeholders(self, text: str, messages: list[dict], row: dict) -> None:
        """Refuse texts that hold placeholders of their own, and images in replies or behind the last one."""
        for token, kind in self._kinds.items():
            mark = self.processor.tokenizer.convert_ids_to_tokens(token)
            held, parts = text.count(mark), sum(part["type"] == kind for m in messages for part in m["content"])
            if held != parts:
                problem = f"hold {held} {mark} for {parts} parts of type {kind}"
                raise RowError(row_name(row), "messages", problem, "leave special tokens out, and visuals to the user")

    def _features(self, messages: list[dict], row: dict) -> dict[str, torch.Tensor]:
        """Prepare the images and videos of a conversation as generation of its last reply does."""
        last = max(place for place, message in enumerate(messages) if message["role"] == "assistant")
        messages = [
            {**message, "content": [self._limited(part) for part in message["content"]]} for message in messages[:last]
        ]
        if all(part["type"] == "text" for message in messages for part in message["content"]):
            return {}
        try:
            encoded = self.processor.apply_chat_template(
                [messages], add_generation_prompt=True, tokenize=True, return_dict=True
            )
        except (OSError, ValueError) as error:
            if "messages" not in row:
                raise
            raise RowError(row_name(row), "images, videos", one_line(error), "repair or remove them") from error
        return {name: as_tensor(encoded[name]) for name in VISUAL_FEATURES if name in encoded}

    def _limited(self, part: dict) -> dict:
        """Say how many frames of a video file are wanted; only the processor of SpaceVista reads it."""
        is_file = part["type"] == "video" and not isinstance(part["video"], list)
        return {**part, "num_frames": self.num_frames} if is_file and self.num_frames else part

    def _sizes(self, grid: torch.Tensor | None) -> list[int]:
        return [] if grid is None else (grid.prod(-1) // self.config.vision_config.spatial_merge_size**2).tolist()

    def _general_sizes(self, row: dict) -> list[tuple[str, tuple[int, int, int]]]:
        name = row_name(row)
        images, videos = row.get("images") or (), row.get("videos") or ()
        sizes = [("image", (1, *picture_size(image, name, f"image {n}"))) for n, image in enumerate(images)]
        for n, video in enumerate(videos):
            sizes.append(("video", (len(video), *picture_size(video[0], name, f"video {n}"))))
        return sizes

    def _visual_tokens(self, kind: str, size: tuple[int, int, int]) -> int:
        frames, width, height = size
        if kind == "image":
            patches = self.processor.image_processor.get_number_of_image_patches(height, width, {})
        else:
            patches = self.processor.video_processor.get_num_of_video_patches(frames, height, width, {})
        return patches // self.config.vision_config.spatial_merge_size**2

    def _blank(self) -> Sample:
        """Return a sample without visuals and without a loss."""
        end = self.processor.tokenizer.eos_token_id
        label = None if self.scale_label is None else 0
        return Sample(torch.tensor([end, end]), torch.tensor([IGNORED, IGNORED]), {}, label)


def join_features(samples: Sequence[Sample]) -> dict[str, torch.Tensor]:
    """Concatenate the images and videos of samples, in order; empty where there are none."""
    return {
        name: torch.cat(parts)
        for name in VISUAL_FEATURES
        if (parts := [sample.features[name] for sample in samples if name in sample.features])
    }


def as_tensor(values) -> torch.Tensor:
    """Return a tensor; numbers in lists (seconds per grid step) become float32 as a processor would return them."""
    return values if isinstance(values, torch.Tensor) else torch.tensor(values, dtype=torch.float32)
