"""Processor of SpaceVista: Qwen2.5-VL's own, which refuses a video whose frames differ in size."""

from PIL import Image
from transformers import Qwen2_5_VLProcessor


def check_frame_sizes(videos):
    """Refuse a video given as a list of pictures of different sizes.

    Args:
        videos: a video or (nested) lists of videos; what is not a list of PIL images is left to the library.

    Raises:
        ValueError: names the size of the first frame and the one that differs.
    """
    if not isinstance(videos, (list, tuple)):
        return
    frames = [frame for frame in videos if isinstance(frame, Image.Image)]
    for index, frame in enumerate(frames):
        if frame.size != frames[0].size:
            raise ValueError(
                f"all frames of a video must have one size, expected {frames[0].size} as in frame 0, "
                f"got {frame.size} in frame {index}"
            )
    for video in videos:
        check_frame_sizes(video)


class SpaceVistaProcessor(Qwen2_5_VLProcessor):
    """The only change w.r.t. `Qwen2_5_VLProcessor` is the check of frame sizes; its tensors are the same."""

    def __init__(self, image_processor=None, tokenizer=None, video_processor=None, chat_template=None, **kwargs):
        """Take the parts, as `Qwen2_5_VLProcessor` does."""
        super().__init__(image_processor, tokenizer, video_processor, chat_template=chat_template, **kwargs)

    def __call__(self, images=None, text=None, videos=None, **kwargs):
        """Prepare a batch; arguments and result as in `Qwen2_5_VLProcessor`."""
        check_frame_sizes(videos)
        return super().__call__(images=images, text=text, videos=videos, **kwargs)


SpaceVistaProcessor.register_for_auto_class()
