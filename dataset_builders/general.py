"""Rows of general multimodal data → chat messages: any dataset with `messages` and perhaps `images` and `videos`."""

import io
import re
from collections.abc import Collection

from PIL import Image

from dataset_builders.errors import InputError

COLUMNS = {"image": "images", "video": "videos"}
ROLES = ("system", "user", "assistant")
UNREADABLE = (OSError, ValueError, SyntaxError, AttributeError, TypeError, KeyError, Image.DecompressionBombError)


class RowError(InputError):
    """A row whose frames, pictures or messages cannot be read; training may skip such a row."""

    def __init__(self, place, field: str = "", problem: str = "", fix: str = ""):
        """Take the four parts or, alone, the traceback that a worker of a data loader passes on in their place."""
        if not field:
            message = str(place).strip().splitlines()[-1].partition(f"{type(self).__name__}: ")[2]
            place, field, rest = message.split(": ", 2)
            problem, fix = rest.rsplit("; ", 1)
        super().__init__(place, field, problem, fix)


def general_messages(record: dict, decode: bool = True) -> list[dict]:
    """Put the images and videos of a row where its messages have places for them.

    Places are content parts `{"type": "image"}` and `{"type": "video"}`, the marks `<image>` and `<video>` in texts
    or, where the messages have neither, the beginning of the first message of the user.

    Args:
        record: `messages`, a list of `role` and `content` (a text or parts), and the columns `images` and `videos`.
            An image is a picture, its path, or its bytes or path in a mapping; a video is a path, the same mapping, or
            a list of images.
        decode: Decode the pictures; else they are left as they came.

    Returns:
        Messages in the form that `processor.apply_chat_template` takes; pictures are decoded, video files are not.

    Raises:
        RowError: if a picture cannot be decoded, the visuals are not as many as the places, there are no messages or a
            role is unknown.
    """
    name = row_name(record)
    visuals = {kind: record.get(column) or [] for kind, column in COLUMNS.items()}
    held = [kind for kind, values in visuals.items() if values]
    messages = [{**message, "content": _parts(message["content"], held)} for message in record["messages"]]
    _check_roles(messages, name)
    for kind, values in visuals.items():
        for number, (place, value) in enumerate(zip(_places(messages, kind, len(values), name), values, strict=True)):
            place[kind] = _visual(value, kind, name, f"{kind} {number}") if decode else value
    return messages


def row_name(record: dict) -> str:
    """Name a row by its id or, where it has none, by how its first text begins."""
    if record.get("id") is not None:
        return str(record["id"])
    contents = [message["content"] for message in record.get("messages") or ()]
    texts = [content if isinstance(content, str) else part.get("text") for content in contents for part in content]
    return f"row {' '.join(next(filter(None, texts), '').split())[:60]!r}"


def open_picture(value: Image.Image | dict | str, name: str, which: str) -> Image.Image:
    """Decode a picture in RGB, from itself, its bytes or its path.

    Raises:
        RowError: names the row or scene (`name`) and `which` picture of it.
    """
    try:
        return _open(value).convert("RGB")
    except UNREADABLE as error:
        raise _cannot_be_read(error, name, which) from error


def picture_size(value: Image.Image | dict | str, name: str, which: str) -> tuple[int, int]:
    """Return width and height in pixels without decoding; arguments and errors as in `open_picture`."""
    try:
        return _open(value).size
    except UNREADABLE as error:
        raise _cannot_be_read(error, name, which) from error


def _open(value: Image.Image | dict | str) -> Image.Image:
    if isinstance(value, dict):
        value = io.BytesIO(value["bytes"]) if value.get("bytes") is not None else value["path"]
    return value if isinstance(value, Image.Image) else Image.open(value)


def _cannot_be_read(error: Exception, name: str, which: str) -> RowError:
    return RowError(name, which, f"cannot be decoded ({' '.join(str(error).split())[:200]})", "repair or remove it")


def _check_roles(messages: list[dict], name: str) -> None:
    unknown = [message["role"] for message in messages if message["role"] not in ROLES]
    if unknown or not messages:
        problem = f"role {unknown[0]!r} is unknown" if unknown else "are none"
        raise RowError(name, "messages", problem, f"give {', '.join(ROLES)}")


def _parts(content: str | list[dict], held: Collection[str]) -> list[dict]:
    """Return content as parts, split at the marks of what the row holds."""
    if not isinstance(content, str):
        # A table of parts (Parquet) fills up with None what a part does not have.
        return [{key: value for key, value in part.items() if value is not None} for part in content]
    if not held:
        return [{"type": "text", "text": content}]
    pieces = re.split(f"<({'|'.join(held)})>", content)
    texts = [{"type": "text", "text": piece} for piece in pieces[::2]]
    marks = [{"type": kind} for kind in pieces[1::2]]
    parts = [part for pair in zip(texts, [*marks, {}], strict=True) for part in pair]
    return [part for part in parts if part and part.get("text") != ""]


def _places(messages: list[dict], kind: str, wanted: int, name: str) -> list[dict]:
    """Return the parts that stand for the visuals of a kind, made at the beginning where there are none."""
    places = [part for message in messages for part in message["content"] if part == {"type": kind}]
    if wanted and not places:
        first = next((message for message in messages if message["role"] == "user"), messages[0])
        places = [{"type": kind} for _ in range(wanted)]
        first["content"][:0] = places
    if len(places) != wanted:
        raise RowError(
            name, COLUMNS[kind], f"holds {wanted} for {len(places)} places in the messages", "give one for each"
        )
    return places


def _visual(value, kind: str, name: str, which: str):
    if kind == "image":
        return open_picture(value, name, which)
    if isinstance(value, list):
        return [open_picture(frame, name, f"{which}, frame {number}") for number, frame in enumerate(value)]
    if isinstance(value, dict):
        return value["bytes"] if value.get("bytes") is not None else value["path"]
    return value
