"""What a visitor of the page may use up."""

from dataclasses import dataclass

from dataset_builders.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Bounds of uploads and answers; the page says which one was passed.

    Attributes:
        num_frames: Most frames that the model sees of one video.
        max_new_tokens: Where an answer without end is cut.
        answer_seconds: After how long an answer is cut.
        upload_megabytes: Largest file, in 2^20 bytes.
        video_seconds: Longest video.
        video_side: Longest side of a video in pixels.
        queue_size: Most visitors that wait; further ones are told to come back.
    """

    num_frames: int = 8
    max_new_tokens: int = 512
    answer_seconds: float = 120
    upload_megabytes: int = 50
    video_seconds: float = 60
    video_side: int = 4096
    queue_size: int = 16

    def __post_init__(self):
        """Refuse limits under which nothing works.

        Raises:
            InputError: naming the limit.
        """
        for name, value in vars(self).items():
            if not value > 0:
                raise InputError("demo", name, f"is {value}", "give a number above 0")
