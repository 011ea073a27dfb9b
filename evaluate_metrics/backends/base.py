"""The interface of the backends."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MEDIA = ("video", "images")


@dataclass(frozen=True)
class Completion:
    """What a model wrote, or why it did not.

    Attributes:
        text: As written, without special tokens; empty where it failed.
        error: Why there is no text, in one line; None where the model answered.
        tokens_in: Of the prompt with its visual tokens; 0 where nobody counts.
        tokens_out: Of the text.
        gates: Mean weight of every expert over the prompt, by layer, where experts are routed; else None.
    """

    text: str
    error: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    gates: list[list[float]] | None = None


@dataclass(frozen=True)
class BackendOptions:
    """How to run a model.

    Attributes:
        backend: One of `BACKENDS`.
        model: Folder or Hub id; for `openai` its name on the server.
        max_new_tokens: Where a completion without end is cut.
        replies: Folder where replies of a server are kept, so that none is paid for twice.
        media: Frames of a video as one `video` or as `images`, for `vllm` and `openai`.
        base_url: Of the server, for `openai`.
        concurrency: Requests under way at once, for `openai`.
        requests_per_minute: At most, for `openai`; None for no limit.
    """

    backend: str
    model: str
    max_new_tokens: int
    replies: Path
    media: str = "video"
    base_url: str | None = None
    concurrency: int = 16
    requests_per_minute: int | None = None


class Backend(Protocol):
    """Runs a model, greedily."""

    def describe(self) -> dict[str, Any]:
        """Tell what of the backend moves a score; JSON-able, without keys or paths."""

    def prepare(self, conversations: Sequence[list[dict]]) -> Any:
        """Do what needs no device: the processor, or the encoding of frames; may run in another thread."""

    def complete(self, prepared: Any) -> list[Completion]:
        """Answer what was prepared, in order."""

    def close(self) -> None:
        """Give back what was opened."""
