"""Conversations of ours in the form of the OpenAI chat API: frames as `data:` addresses."""

import base64
import io
from collections.abc import Sequence

from PIL import Image

QUALITY = 95
"""Of JPEG; at this quality a model does not see the difference."""
CODEC = {"crf": "10", "preset": "veryfast"}


def need_codec(media: str) -> None:
    """Import what encodes videos, should there be any.

    Raises:
        ModuleNotFoundError: if it is not installed.
    """
    if media == "video":
        import av  # noqa: F401


def to_openai(messages: Sequence[dict], media: str) -> list[dict]:
    """Write messages of ours as those of the OpenAI chat API, which `LLM.chat` of vLLM also takes.

    Args:
        messages: With parts of type `text`, `image` (a PIL image) and `video` (a list of them).
        media: A video as one `video` (`video_url`, MP4) or as `images` (`image_url`, JPEG).
    """
    return [
        message | {"content": [new for part in message["content"] for new in _parts(part, media)]}
        for message in messages
    ]


def _parts(part: dict, media: str) -> list[dict]:
    if part["type"] == "text":
        return [part]
    if part["type"] == "video" and media == "video":
        return [{"type": "video_url", "video_url": {"url": _address("video/mp4", _mp4(part["video"]))}}]
    images = part["video"] if part["type"] == "video" else [part["image"]]
    return [{"type": "image_url", "image_url": {"url": _address("image/jpeg", _jpeg(image))}} for image in images]


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _mp4(frames: Sequence[Image.Image]) -> bytes:
    """Encode frames as H.264 at one per second; sides that are odd lose a pixel, which the codec asks for."""
    import av  # here, because images do without it

    width, height = (side // 2 * 2 for side in frames[0].size)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=1, options=CODEC)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame.resize((width, height)))))
        container.mux(stream.encode())
    return buffer.getvalue()
